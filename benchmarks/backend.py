"""What the backend costs: names and decoding alone, and beside litellm's own call on an instant transport.

Prints CPU figures and ratios of one run. Needs nothing but the project: ``python benchmarks/backend.py``.
"""

from __future__ import annotations

import json
import logging
import time

from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.backend.names import name_table, slash_to_double_underscore
from harness.backend.response import read_reply
from harness.core.exchange import Chunk, HttpResponse
from harness.interception.clients import answering

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("a/b", "a__b", "c.d", "f")]
ASKED = [{"role": "user", "content": "Hi"}]
AT = {"api_base": "http://127.0.0.1:9/v1", "api_key": "k"}
CALLS = [
    {"id": "1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"x": [1, {"y": "é"}]})}},
    {"id": "2", "type": "function", "function": {"name": "a__b", "arguments": "{}"}},
]
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Two.", "tool_calls": CALLS}}
WHOLE = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{**CHOICE, "finish_reason": "tool_calls"}],
}


def events() -> bytes:
    def event(delta: dict[str, object], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return (
            b"data: " + json.dumps({**WHOLE, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"
        )

    words = b"".join(event({"content": "word "}) for _ in range(20))
    calls = b"".join(event({"tool_calls": [{**call, "index": index}]}) for index, call in enumerate(CALLS))
    return words + calls + event({}, "tool_calls") + b"data: [DONE]\n\n"


def cpu(function: object, times: int) -> float:
    """CPU seconds of one call."""
    assert callable(function)
    start = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - start) / times


def main() -> None:
    names = name_table("openai", TOOLS)
    table = cpu(lambda: name_table("openai", TOOLS), 20_000)
    reply = cpu(lambda: read_reply(WHOLE, names=names), 20_000)
    print(f"name tables a second    {1 / table:9,.0f}")
    print(f"replies decoded a second {1 / reply:8,.0f}")
    print(f"both                    {1 / (table + reply):9,.0f}")

    load_offline()
    import litellm  # noqa: PLC0415 - only after it was told to stay offline

    logging.getLogger("LiteLLM").setLevel(logging.ERROR)
    for model in ("openai/m", "hosted_vllm/m", "mistral/m"):
        wire = slash_to_double_underscore(TOOLS, model.partition("/")[0])
        for stream in (False, True):
            body = events() if stream else json.dumps(WHOLE).encode()
            kind = "text/event-stream" if stream else "application/json"
            response = HttpResponse(200, (("content-type", kind),), (Chunk(body),))

            def ours(model: str = model, stream: bool = stream) -> None:
                complete(model, ASKED, tools=TOOLS, stream=stream, **AT)

            def theirs(model: str = model, stream: bool = stream, wire: object = wire) -> None:
                answer = litellm.completion(model=model, messages=ASKED, tools=wire, stream=stream, num_retries=0, **AT)
                if stream:
                    list(answer)

            with answering(lambda _, response=response: response):
                cpu(ours, 10), cpu(theirs, 10)
                # Turn about, so that a busy machine burdens both alike.
                pairs = [(cpu(ours, 5), cpu(theirs, 5)) for _ in range(30)]
            mine, its = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
            cost = f"litellm {its * 1e3:5.2f} ms, with us {mine * 1e3:5.2f} ms: {mine / its:.2f}"
            print(f"{model:14} stream={stream!s:5}  {cost}")


if __name__ == "__main__":
    main()
