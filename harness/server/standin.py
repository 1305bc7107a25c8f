"""Stand in for an MCP server over stdio: between its client and the server, or in the server's place.

Of the servers that a recorded program starts each stand-in talks to us, and all lands in one cassette. The official
clients hand a server only a few variables of their environment, PATH among them. So a folder of ours stands first in
PATH, with a file that says where we listen; anyone who may read that file may talk to us.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.core.errors import UsageError
from harness.core.exchange import Failure
from harness.interception.mcp_stdio import StdioPlayer, StdioRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.core.errors import CassetteMiss
    from harness.core.exchange import HttpRequest
    from harness.interception.context import Answerer, ResponseListener

FILE = "harness-session.json"
_LONGEST = 64 * 2**20
_GRACE = 2.0
"""Seconds that a server has to end once its client has left."""


class Session(Protocol):
    """One stdio server of the program: lines of its client and of the server. ``ended`` once the server had ended."""

    @property
    def ended(self) -> bool: ...

    def client(self, line: bytes) -> list[bytes]: ...

    def server(self, line: bytes) -> None: ...

    def end(self, failure: Failure | None = None) -> None: ...


@contextlib.contextmanager
def sessions(mode: str, make: Callable[[str], Session]) -> Iterator[dict[str, str]]:
    """Listen for stand-ins until the end of the ``with``; gives what the program needs in its environment.

    ``mode`` is ``record`` or ``replay``; ``make`` is called with the address of each server.
    """
    token = secrets.token_urlsafe(24)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                _serve(self.rfile, self.wfile, mode, token, make)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler, bind_and_activate=True) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="harness-mcp", daemon=True)
        thread.start()
        try:
            with tempfile.TemporaryDirectory(prefix="harness-") as folder:
                file = Path(folder, FILE)
                file.touch(mode=0o600)
                file.write_text(json.dumps({"port": server.server_address[1], "token": token}))
                yield {"PATH": os.pathsep.join(filter(None, [folder, os.environ.get("PATH", os.defpath)]))}
        finally:
            server.shutdown()
            thread.join(10)


def _serve(rfile: Any, wfile: Any, mode: str, token: str, make: Callable[[str], Session]) -> None:
    hello = json.loads(rfile.readline(_LONGEST))
    if not secrets.compare_digest(str(hello.get("token")), token):
        return
    session = make(str(hello["url"]))
    wfile.write(json.dumps({"mode": mode}).encode() + b"\n")
    failure: Failure | None = None
    for line in iter(lambda: rfile.readline(_LONGEST), b""):
        kind, data = line[:1], base64.b64decode(line[1:])
        lines: list[bytes] = []
        if kind == b">":
            lines = session.client(data)
        elif kind == b"<":
            session.server(data)
        else:
            failure = Failure("closed", data.decode(errors="replace"))
        status = {"lines": [base64.b64encode(one).decode() for one in lines], "ended": session.ended}
        wfile.write(json.dumps(status).encode() + b"\n")
    session.end(failure)


class Remote:
    """A session that is held by the process which runs the program. ``mode`` says what it does."""

    def __init__(self, port: int, token: str, url: str) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=600)
        self._file = self._sock.makefile("rwb")
        self._lock = threading.Lock()
        self.ended = False
        self.mode = str(self._opened({"token": token, "url": url})["mode"])

    def client(self, line: bytes) -> list[bytes]:
        status = self._sent(b">", line)
        self.ended = bool(status["ended"])
        return [base64.b64decode(one) for one in status["lines"]]

    def server(self, line: bytes) -> None:
        self._sent(b"<", line)

    def end(self, failure: Failure | None = None) -> None:
        with contextlib.suppress(OSError, ValueError):
            if failure is not None:
                self._sent(b"!", failure.detail.encode())
        self._file.close()
        self._sock.close()

    def _opened(self, value: Mapping[str, str]) -> dict[str, Any]:
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()
        return dict(json.loads(self._file.readline()))

    def _sent(self, kind: bytes, line: bytes) -> dict[str, Any]:
        with self._lock:
            self._file.write(kind + base64.b64encode(line) + b"\n")
            self._file.flush()
            return dict(json.loads(self._file.readline()))


def joined(url: str) -> Remote | None:
    """The session of the recorder or replayer of the program that we are in; None where nobody does."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        file = Path(folder or ".", FILE)
        if folder and file.is_file():
            with contextlib.suppress(OSError, ValueError, KeyError):
                where = json.loads(file.read_text())
                return Remote(int(where["port"]), str(where["token"]), url)
    return None


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


def between(command: Sequence[str], session: Session | None) -> int:
    """Start the server and pass on what is said, each line shown to ``session`` first; the server's exit code."""
    try:
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - as was asked
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{command[0]}: the MCP server can't be started: {why}") from error
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
