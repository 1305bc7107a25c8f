"""A real HTTP server on the loopback for a test, in a thread of its own."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading


class Answering(http.server.BaseHTTPRequestHandler):
    """Hands each body that is posted to ``server.answer``, which gives status, content type and bytes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["content-length"] or 0))
        status, kind, body = self.server.answer(asked, self.headers)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):  # a client that was interrupted
            self.wfile.write(body)

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def serving(answer, **state):
    """A server that answers by ``answer(body, headers)``; ``state`` are attributes of it."""
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    made.answer = answer
    for name, value in state.items():
        setattr(made, name, value)
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()


@contextlib.contextmanager
def nobody():
    """A URL where every connection is refused: its port is taken, but nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
