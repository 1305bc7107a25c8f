"""A real server on the loopback that behaves as its paths say."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from dataclasses import dataclass, field

import pytest

PIECES = (b"data: one\n\n", "data: zwölf 🙂\n\n".encode(), b"data: [DONE]\n\n")
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Twice: 1\r\nX-Twice: 2\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Served:
    """``hits`` are the requests that came, ``url`` the root, ``go`` lets a stream that waits go on."""

    url: str
    port: int
    hits: list[tuple[str, bytes]] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)


def framed(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Talk(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        with contextlib.suppress(ConnectionError):
            while self.one():
                pass

    def one(self):
        first = self.rfile.readline()
        if not first:
            return False
        headers = {}
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get(b"content-length", 0)))
        path = first.split()[1].decode()
        self.server.served.hits.append((path, body))
        return getattr(self, path.strip("/").partition("/")[0].partition("?")[0], self.plain)(path, body)

    def send(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def plain(self, path, body):
        text = b'{"path":"%s","got":%d}' % (path.encode(), len(body))
        self.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
        )
        return True

    def stream(self, path, body):
        """One piece; the rest when it is told to go on."""
        self.send(STREAM + framed(PIECES[0]))
        self.server.served.go.wait(300)
        for piece in PIECES[1:]:
            self.send(framed(piece))
        self.send(b"0\r\n\r\n")
        return True

    def cut(self, path, body):
        self.send(STREAM + framed(PIECES[0]))
        return False

    def reset(self, path, body):
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def closed(self, path, body):
        return False

    def silent(self, path, body):
        self.server.served.go.wait(300)
        return False

    def nonsense(self, path, body):
        self.send(b"nonsense\r\n\r\n")
        return False

    def empty(self, path, body):
        self.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True

    def echo(self, path, body):
        """What was sent, with the path in a header; /echo/429 as an error, /echo/coded-br with that encoding."""
        kind = path.split("/")[2] if path.count("/") > 1 else ""
        coded = kind.removeprefix("coded-") if kind != "gzip" else kind
        encoding = (
            f"Content-Encoding: {coded.replace('+', ', ')}\r\n".encode() if coded != kind or coded == "gzip" else b""
        )
        status = b"429 Too Many Requests" if kind == "429" else b"307 There" if kind == "307" else b"200 OK"
        kept = b"text/event-stream" if kind == "sse" else b"application/json"
        self.send(b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%s" % (status, kept, encoding))
        self.send(b"Location: /plain?next=%s\r\nSet-Cookie: a=%s\r\n" % ((path.rpartition("/")[2].encode(),) * 2))
        self.send(b"Transfer-Encoding: chunked\r\n\r\n")
        middle = len(body) // 2
        self.send(framed(body[:middle]) + framed(body[middle:]) + b"0\r\n\r\n")
        return True

    def error(self, path, body):
        self.send(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}")
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def shutdown_request(self, request):
        self.close_request(request)  # no farewell first: it would hide a reset


@pytest.fixture
def served():
    with Server(("127.0.0.1", 0), Talk) as server:
        port = server.server_address[1]
        server.served = Served(f"http://127.0.0.1:{port}", port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.served
        server.served.go.set()
        server.shutdown()
        thread.join()
