"""The server whose answers the files were recorded from: ``python server.py PORT``."""

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Zürich"}'},
}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Zürich – 🙂", "tool_calls": [CALL]},
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
}
WHOLE = json.dumps(ANSWER, ensure_ascii=False).encode()
STREAM = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Gr"}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"üezi 🙂"},"finish_reason":"stop"}]}\n\n'.encode(),
    b"data: [DONE]\n\n",
)
ANSWERS = {
    "/v1/chat/completions": (200, "application/json", WHOLE, (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))),
    "/gzip": (200, "application/json", gzip.compress(WHOLE, mtime=0), (("Content-Encoding", "gzip"),)),
    "/binary": (200, "application/octet-stream", bytes(range(256)), ()),
    "/limited": (429, "application/json", b'{"error":{"message":"slow down"}}', (("Retry-After", "7"),)),
    "/text": (200, "text/plain; charset=utf-8", "no\r\n  1.10 \u2028 éé\n".encode(), ()),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if b'"stream":true' in body:
            self.stream()
            return
        status, kind, answer, more = ANSWERS[self.path.partition("?")[0]]
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(answer))), *more):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self):
        self.do_POST()

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in STREAM:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
