"""The same recordings in three formats: ours, vcrpy's and cassetter's, each written as its own tool writes it."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from typing import TYPE_CHECKING

import cassetter
import httpx
import yaml

from harness.cassette import Cassette, save
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance

if TYPE_CHECKING:
    from pathlib import Path

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a benchmark")
JSON = (("content-type", "application/json"),)
TYPE = {"small": "application/json", "sse": "text/event-stream", "large": "application/json"}
WORDS = "the quick brown fox jumps over the lazy dog and calls a tool to see what the weather is "
URL = "http://127.0.0.1:8791/v1/chat/completions"


def question(number: int) -> bytes:
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
    text = f"Question {number}: {WORDS * 4}"
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "tools": [tool], "temperature": 0}
    return json.dumps(body, separators=(",", ":")).encode()


def answer(kind: str, number: int) -> bytes:
    """2 KB of JSON, 60 KB of events, or 1 MB of JSON."""
    if kind == "sse":
        part = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        events = [{**part, "choices": [{"index": 0, "delta": {"content": f"{WORDS[:20]}{n}"}}]} for n in range(370)]
        texts = [f"data: {json.dumps(event, separators=(',', ':'))}\n\n" for event in events]
        return ("".join(texts) + "data: [DONE]\n\n").encode()
    size = 2000 if kind == "small" else 1_000_000
    text = (WORDS * (size // len(WORDS) + 1))[: size - 250]
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    whole = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps({**whole, "choices": [choice], "usage": usage}, separators=(",", ":")).encode()


def pieces(kind: str, body: bytes) -> tuple[Chunk, ...]:
    if kind != "sse":
        return (Chunk(body, 0.1),)
    events = [event + b"\n\n" for event in body.split(b"\n\n") if event]
    return tuple(Chunk(b"".join(events[at : at + 10]), at / 100) for at in range(0, len(events), 10))


def ours(path: Path, kind: str, count: int, requests: list[HttpRequest] | None = None) -> None:
    exchanges = []
    for number in range(count):
        headers = (("content-type", TYPE[kind]),)
        request = requests[number] if requests else HttpRequest("POST", URL, JSON, question(number))
        exchanges.append(Exchange(request, HttpResponse(200, headers, pieces(kind, answer(kind, number)))))
    save(path, Cassette(FROM, tuple(exchanges)))


def vcrpy(path: Path, kind: str, count: int) -> None:
    interactions = [
        {
            "request": {
                "body": question(number).decode(),
                "headers": {"content-type": ["application/json"]},
                "method": "POST",
                "uri": URL,
            },
            "response": {
                "body": {"string": answer(kind, number).decode()},
                "headers": {"content-type": [TYPE[kind]]},
                "status": {"code": 200, "message": "OK"},
            },
        }
        for number in range(count)
    ]
    text = yaml.dump({"interactions": interactions, "version": 1}, Dumper=yaml.CDumper)
    path.write_text(text, encoding="utf-8")


def cassetters(path: Path, kind: str, count: int) -> None:
    """Recorded by cassetter from a server, for its format is its own affair."""
    with _server(kind), cassetter.use_cassette(path, record_mode="all"), httpx.Client() as client:
        for number in range(count):
            client.post(URL, content=question(number), headers={"content-type": "application/json"}).read()


@contextlib.contextmanager
def _server(kind: str):
    served = iter(range(10**9))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = answer(kind, next(served))
            self.send_response(200)
            self.send_header("content-type", TYPE[kind])
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8791), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
