from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.backend.library import load_offline


@dataclass
class Loopback:
    """A provider on this machine: answers each request with the next literal answer (the last one again and again)."""

    answers: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    url: str = ""

    def answers_with(self, *chunks, status=200, headers=None, cut=False):
        """Add an answer. Several chunks, or ``cut`` (the connection breaks after them), go out in chunked encoding."""
        self.answers.append((status, headers or {}, chunks, cut))
        return self

    def next_answer(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.loopback.requests.append(
            (self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        )
        status, headers, chunks, cut = self.server.loopback.next_answer()
        head = {"content-type": "application/json", **headers}
        chunked = cut or len(chunks) > 1
        head["transfer-encoding" if chunked else "content-length"] = (
            "chunked" if chunked else str(sum(map(len, chunks)))
        )
        lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in head.items())]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk)
        if chunked and not cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = cut
        if cut:
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def process_request(self, request, client_address):
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().process_request(request, client_address)


@pytest.fixture(scope="session")
def litellm_offline():
    load_offline()


@pytest.fixture
def loopback(litellm_offline):
    with Server(("127.0.0.1", 0), Handler) as server:
        server.loopback = Loopback(url=f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.loopback
        server.shutdown()
        thread.join()
