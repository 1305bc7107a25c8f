"""MCP servers that a recorded program starts: a stand-in in place of each talks to us, and all lands in one cassette.

The official clients hand a server only a few variables of their environment, PATH among them. So a folder of ours
stands first in PATH, with a file that says where we listen; anyone who may read that file may talk to us.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import socket
import socketserver
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.core.exchange import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FILE = "harness-session.json"
_LONGEST = 64 * 2**20


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
        told = {"lines": [base64.b64encode(one).decode() for one in lines], "ended": session.ended}
        wfile.write(json.dumps(told).encode() + b"\n")
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
        told = self._sent(b">", line)
        self.ended = bool(told["ended"])
        return [base64.b64decode(one) for one in told["lines"]]

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
