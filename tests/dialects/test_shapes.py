"""What is rendered without quirks has the shape of what hosted providers send: no key that none sends, none that all do.

A shape is the set of a body's paths; what a tool or a model may fill freely (arguments, results, citations) is one
path. The shapes of real answers are read off the corpus.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.chat import ProviderCall, Reply, ToolCall, Usage
from harness.dialects import DIALECTS
from harness.dialects.framing import eventstream

CORPUS = Path(os.environ.get("HARNESS_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
APIS = {"anthropic": "anthropic_messages", "gemini": "gemini", "bedrock": "bedrock_converse"}
FREE = re.compile(
    r"\.(input|args|citations|trace|toolResult|response|groundingMetadata|executableCode|json)(?=[.\[]).*"
)

REPLIES = (
    Reply(text="hello, hello, hello", finish="stop", usage=Usage(3, 4, 7), reasoning="because"),
    Reply(
        calls=(ToolCall("a", {}, "toolu_1"), ToolCall("b", {"x": 1}, "toolu_2")),
        finish="tool_calls",
        usage=Usage(1, 2, 3),
    ),
    Reply(
        text="found",
        provider_calls=(ProviderCall("web_search", {"q": "x"}, "srvtoolu_1"),),
        finish="stop",
        usage=Usage(1, 2, 3),
    ),
)
# How tokens are spread over modalities is no part of a reply; every whole answer of Gemini tells it.
LEFT_OUT = {"gemini": ".usageMetadata.promptTokensDetails"}

pytestmark = pytest.mark.skipif(
    not (CORPUS / "exchanges.jsonl.gz").exists(), reason=f"no corpus of real exchanges at {CORPUS}: set HARNESS_CORPUS"
)


def paths(value: Any, path: str = "") -> Iterator[str]:
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in inner:
        yield from paths(one, f"{path}.{key}")
    for one in value if isinstance(value, list) else ():
        yield from paths(one, f"{path}[]")


def events(name: str, body: bytes, *, stream: bool) -> list[tuple[str, Any]]:
    """A body's pieces, each with its kind, so that like is compared with like."""
    if not stream:
        return [("answer", json.loads(body))]
    if name == "bedrock":
        return [(frame.headers[":event-type"], json.loads(frame.payload)) for frame in eventstream.frames(body)]
    data = [json.loads(line[5:]) for line in body.decode().splitlines() if line.startswith("data:")]
    return [(one["type"] if name == "anthropic" else "answer", one) for one in data]


def shape(value: Any) -> frozenset[str]:
    return frozenset(FREE.sub(r".\1", path) for path in paths(value))


def real_shapes(name: str, *, stream: bool) -> dict[str, list[frozenset[str]]]:
    found: dict[str, list[frozenset[str]]] = {}
    with gzip.open(CORPUS / "exchanges.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if (row["api"], row["status"], row["stream"]) != (APIS[name], 200, stream):
                continue
            text = row["response_body"]
            body = base64.b64decode(text) if row.get("response_encoding") == "base64" else text.encode()
            for kind, one in events(name, body, stream=stream):
                found.setdefault(kind, []).append(shape(one))
    return found


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", APIS)
def test_the_shape_is_that_of_hosted_answers(name: str, stream: bool) -> None:
    real = real_shapes(name, stream=stream)
    invented, missing = {}, {}
    for reply in REPLIES:
        for kind, one in events(name, DIALECTS[name].render(reply, stream=stream).body, stream=stream):
            assert kind in real, f"no hosted provider sends {kind}"
            seen = Counter(path for other in real[kind] for path in other)
            always = {path for path, count in seen.items() if count >= 0.98 * len(real[kind])}
            invented |= dict.fromkeys(shape(one) - seen.keys(), kind)
            missing |= dict.fromkeys(always - shape(one), kind)
    left_out = LEFT_OUT.get(name, "nothing")
    assert invented == {}
    assert {path for path in missing if not path.startswith(left_out)} == set()
    print(f"\n{name}, {'streamed' if stream else 'whole'}: compared with {sum(map(len, real.values()))} real pieces")
