"""The bare web server: the same answers as constants, with no look-up and no check. For benchmarks/server.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def constant(answers):
    heads = {kind: (b"content-type", one["type"].encode()) for kind, one in answers.items()}
    bodies = {kind: [piece.encode() for piece in one["chunks"]] for kind, one in answers.items()}

    async def app(_scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        kind = "stream" if b'"stream": true' in body else "whole"
        chunks = bodies[kind]
        length = [(b"content-length", str(len(chunks[0])).encode())] if kind == "whole" else []
        await send({"type": "http.response.start", "status": 200, "headers": [heads[kind], *length]})
        if kind == "whole":
            await send({"type": "http.response.body", "body": chunks[0]})
            return
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


if __name__ == "__main__":
    import uvicorn

    file, port = sys.argv[1:]
    app = constant(json.loads(Path(file).read_text(encoding="utf-8")))
    uvicorn.run(
        app,
        port=int(port),
        http="httptools",
        loop="auto",
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
    )
