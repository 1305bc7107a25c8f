"""Stand in for an MCP server over stdio: between its client and the server, or in the server's place."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.exchange import Failure
from harness.interception.mcp_stdio import StdioPlayer, StdioRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.core.errors import CassetteMiss
    from harness.core.exchange import HttpRequest
    from harness.interception.context import Answerer, ResponseListener
    from harness.server.stdio_sessions import Session

_GRACE = 2.0
"""Seconds that a server has to end once its client has left."""


class Recorded:
    """A session that is recorded."""

    ended = False

    def __init__(self, url: str, begin: Callable[[HttpRequest], ResponseListener]) -> None:
        self._recorder = StdioRecorder(url, begin)

    def client(self, line: bytes) -> list[bytes]:
        self._recorder.client(line)
        return []

    def server(self, line: bytes) -> None:
        self._recorder.server(line)

    def end(self, failure: Failure | None = None) -> None:
        self._recorder.end(failure)


class Replayed:
    """A session that is answered from a recording."""

    def __init__(self, url: str, answer: Answerer, missed: Callable[[CassetteMiss], None]) -> None:
        self._player = StdioPlayer(url, answer, missed)
        self._lock = threading.Lock()

    @property
    def ended(self) -> bool:
        return self._player.ended

    def client(self, line: bytes) -> list[bytes]:
        with self._lock:
            return self._player.client(line)

    def server(self, line: bytes) -> None:
        del line  # there is none

    def end(self, failure: Failure | None = None) -> None:
        del failure


def answer(session: Session) -> int:
    """Answer standard input in the server's place, until it ends. 1 where the recorded server had ended first."""
    for line in _lines(sys.stdin.fileno()):
        if line.strip():
            _write(b"".join(session.client(line)))
            if session.ended:
                return 1
    return 0


def between(words: Sequence[str], session: Session | None) -> int:
    """Start the server and pass on what is said, each line shown to ``session`` first; the server's exit code."""
    try:
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - as was asked
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{words[0]}: the MCP server can't be started: {why}") from error
    assert server.stdin is not None
    left = threading.Event()
    back = threading.Thread(target=_back, args=(server, session, left), daemon=True)
    back.start()
    forth = threading.Thread(target=_forth, args=(server, session, left), daemon=True)
    forth.start()
    try:
        back.join()  # it ends when the server has closed its output
    except BaseException:  # Ctrl-C too: no server outlives its start
        server.terminate()
        raise
    finally:
        if session is not None:
            session.end(None if left.is_set() else Failure("closed", "the MCP server ended"))
    with contextlib.suppress(subprocess.TimeoutExpired):
        return server.wait(_GRACE)
    server.kill()
    return server.wait()


def _forth(server: subprocess.Popen[bytes], session: Session | None, left: threading.Event) -> None:
    assert server.stdin is not None
    with contextlib.suppress(OSError):  # the server has gone
        for line in _lines(sys.stdin.fileno()):
            if session is not None and line.strip():
                session.client(line)
            server.stdin.write(line)
            server.stdin.flush()
    left.set()
    with contextlib.suppress(OSError):
        server.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(_GRACE)
        return
    server.terminate()


def _back(server: subprocess.Popen[bytes], session: Session | None, left: threading.Event) -> None:
    assert server.stdout is not None
    for line in server.stdout:
        if session is not None and line.strip():
            session.server(line)
        try:
            _write(line)
        except OSError:  # the client has gone
            left.set()
            server.terminate()
            return


def _lines(handle: int) -> Iterator[bytes]:
    """The lines of a pipe, read without Python's buffer: a thread that waits in there would abort our end."""
    rest = b""
    while data := os.read(handle, 65_536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def _write(data: bytes) -> None:
    if data:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
