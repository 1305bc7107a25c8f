"""Every long string in the content of a recorded answer stands in the reply, or is named here as dropped.

The corpus is not part of the project: ``HARNESS_CORPUS`` says where it is, and without it this is skipped.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.chat import Reply
from harness.core.errors import HarnessError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS, dialect_at
from harness.dialects.framing import eventstream, framing, pieces

CORPUS = Path(os.environ.get("HARNESS_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
SPEAKS = {
    "openai_chat": "openai",
    "openai_responses": "openai_responses",
    "anthropic_messages": "anthropic",
    "gemini": "gemini",
    "bedrock_converse": "bedrock",
    "bedrock_invoke": "bedrock_invoke",
    "vertex_rawpredict": "anthropic",
    "cohere_v2": "cohere",
    "ollama_chat": "ollama",
    "ollama_generate": "ollama_generate",
}
# Where the content of an answer stands, in the whole answer and in an event of a stream.
CONTENT = {
    "openai": r"^choices\.(message|delta)\.",
    "openai_responses": r"^(output|item|response\.output)\.|^(delta|text|refusal|arguments|input)$",
    "anthropic": r"^(content|content_block|delta)\.",
    "bedrock_invoke": r"^(content|content_block|delta)\.",
    "gemini": r"^candidates\.content\.",
    "bedrock": r"^(output\.message\.content|contentBlockStart\.start|contentBlockDelta\.delta)\.",
    "cohere": r"^(delta\.)?message\.",
    "ollama": r"^message\.",
    "ollama_generate": r"^(response|thinking)$",
}
KINDS = {"chat", "completion", "responses"}
LONG = 20
THINKING = re.compile(r"</?think(?:ing)?>")
# What a reply does not hold: why, and where it stands.
DROPPED = {
    "the name of a kind, no content": r"\.(type|role|format|channel)$",
    "signatures and encrypted state, which go back with the next turn": (
        r"signature|thoughtSignature|encrypted|redactedContent|reasoning_details\.(data|id)$|^content(_block)?\.data$"
    ),
    "where a text was taken from": r"citations?\.|annotations\.",
    "ids of items, which go back with the next turn": r"^(item|output|response\.output)\.id$",
    "a piece of what Groq ran, which comes twice": r"executed_tools\.arguments$",
    "a summary of the conversation for the next request": r"^(content|content_block|delta)\.content$",
    "a gateway's account of its routing": r"provider_metadata",
    "the container that code ran in": r"^delta\.container\.",
}

DROPS = {
    "the name of a kind, no content": 551,
    "signatures and encrypted state, which go back with the next turn": 909,
    "ids of items, which go back with the next turn": 1021,
    "where a text was taken from": 228,
    "a gateway's account of its routing": 830,
    "the container that code ran in": 4,
    "a summary of the conversation for the next request": 3,
    "a piece of what Groq ran, which comes twice": 1,
}


def served(exchange: dict[str, Any]) -> HttpResponse:
    text = exchange["response_body"] or ""
    body = base64.b64decode(text) if exchange.get("response_encoding") == "base64" else text.encode()
    return HttpResponse(exchange["status"], tuple((exchange["response_headers"] or {}).items()), (Chunk(body),))


def events(response: HttpResponse) -> list[Any]:
    """The answer's events, of several choices the first."""
    if framing(response) == "frames":
        found = eventstream.frames(response.body)
        made = [{frame.headers.get(":event-type", ""): json.loads(frame.payload or b"{}")} for frame in found]
        return [json.loads(base64.b64decode(one["chunk"]["bytes"])) if "chunk" in one else one for one in made]
    found = [piece for _, piece in pieces(response) if piece is not None]
    for event in found:
        if isinstance(event.get("choices"), list):
            event["choices"] = [choice for choice in event["choices"] if not choice.get("index")]
    return found


KEYS = ("index", "contentBlockIndex", "thought")
EVENT_KEYS = ("output_index", "content_index", "summary_index", "type")


def strings(value: Any, path: str, block: str = "", keys: tuple[str, ...] = KEYS) -> Iterator[tuple[str, str, str]]:
    """Each string with its path (indices left out) and the blocks that it stands in."""
    if isinstance(value, str):
        yield path, block, value
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from strings(inner, path, f"{block}/{place}", keys)
    elif isinstance(value, dict):
        own = [value.get(key) for key in keys]
        for key, inner in value.items():
            yield from strings(inner, f"{path}.{key}" if path else key, f"{block}/{own}", keys)


def contents(found: list[Any], dialect: str) -> dict[tuple[str, str], str]:
    """Every string of the answer's content, the pieces of a stream put together."""
    joined: dict[tuple[str, str], str] = defaultdict(str)
    for event in found:
        for path, block, text in strings(event, "", keys=EVENT_KEYS if dialect == "openai_responses" else KEYS):
            if re.match(CONTENT[dialect], path):
                joined[path, block] += text
    return joined


def canonical_text(reply: Reply) -> str:
    """All that the reply holds, as one text."""
    held = [reply.text, reply.reasoning, reply.refusal, reply.id, *(error.raw for error in reply.errors)]
    given = [(call.name, call.id, call.parameters) for call in (*reply.calls, *reply.provider_calls)]
    given += [(call.name, call.id, call.result) for call in reply.provider_calls]
    for name, id_, value in given:
        held += [name, id_, json.dumps(value, ensure_ascii=False), *(text for _, _, text in strings(value, ""))]
    held += [one for error in reply.errors for one in (error.name or "", error.id or "")]
    return "\n".join(held)


def same_json(text: str, reply: Reply) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return any(value == call.parameters for call in (*reply.calls, *reply.provider_calls))


@pytest.mark.skipif(not (CORPUS / "exchanges.jsonl.gz").exists(), reason=f"no corpus at {CORPUS}: set HARNESS_CORPUS")
def test_every_long_string_of_an_answer_is_in_the_reply_or_named_as_dropped() -> None:
    read: Counter[str] = Counter()
    checked: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    lost: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    with gzip.open(CORPUS / "exchanges.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            exchange = json.loads(line)
            if exchange["api"] not in SPEAKS or exchange["status"] != 200 or exchange["kind"] not in KINDS:
                continue
            if exchange["api"] == "bedrock_invoke" and dialect_at(exchange["url"]) is None:
                continue  # a family of models whose bodies are not known here
            dialect = SPEAKS[exchange["api"]]
            response = served(exchange)
            try:
                reply = DIALECTS[dialect].read(response)
            except HarnessError:
                continue  # test_corpus counts and explains them
            read[dialect] += 1
            held = canonical_text(reply)
            for (path, _), text in contents(events(response), dialect).items():
                if len(text) <= LONG:
                    continue
                if all(part.strip() in held for part in THINKING.split(text)) or same_json(text, reply):
                    checked[dialect] += 1
                    continue
                why = next((why for why, place in DROPPED.items() if re.search(place, path)), None)
                if why is None:
                    lost[f"{dialect} {path}"].append((exchange["id"], path, text[:120]))
                else:
                    dropped[why] += 1
    print(f"\nread: {dict(read)}; strings found: {dict(checked)}; dropped by name: {dict(dropped)}")
    assert dict(dropped) == DROPS
    assert {name: (len(found), found[:2]) for name, found in lost.items()} == {}
