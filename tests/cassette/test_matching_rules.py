"""Which requests are the same: golden pairs, and what is said of those that are not."""

from __future__ import annotations

import gzip
import json

import pytest

from harness.cassette.matching import differences, key
from harness.core.exchange import HttpRequest


def post(
    body: object = None, url: str = "https://api.test/v1/chat", raw: bytes | None = None, **headers: str
) -> HttpRequest:
    return HttpRequest("POST", url, tuple(headers.items()), json.dumps(body).encode() if raw is None else raw)


def call(name: str, one: str, result: str | None = None) -> dict[str, object]:
    calls = [{"id": one, "type": "function", "function": {"name": name, "arguments": "{}"}}]
    return {"messages": [{"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": result or one}]}


SAME = {
    "key order": (post({"a": 1, "b": 2}), post({"b": 2, "a": 1})),
    "white space": (post(raw=b'{"a":1}'), post(raw=b'{ "a" : 1 }\n')),
    "escapes": (post(raw='{"a":"é"}'.encode()), post(raw=b'{"a":"\\u00e9"}')),
    "whole floats": (post({"temperature": 0}), post({"temperature": 0.0})),
    "headers": (post({}, authorization="Bearer a"), post({}, authorization="Bearer b")),
    "content type": (post({"a": 1}), post(raw=b'{"a":1}', **{"content-type": "text/plain"})),
    "query order": (post({}, "https://api.test/?a=1&b=2"), post({}, "https://api.test/?b=2&a=1")),
    "default port": (post({}, "https://api.test/x"), post({}, "https://api.test:443/x")),
    "call ids": (post(call("a", "call_1")), post(call("a", "9f2c-uuid"))),
}
DIFFERENT = {
    "a word": (post({"messages": ["a b"]}), post({"messages": ["a c"]})),
    "a tool's name": (post(call("a", "1")), post(call("b", "1"))),
    "which call is answered": (post(call("a", "1", "1")), post(call("a", "1", "2"))),
    "one and true": (post({"a": 1}), post({"a": True})),
    "null and absent": (post({"a": None}), post({})),
    "no body and an empty object": (post(raw=b""), post({})),
    "list order": (post({"tools": [1, 2]}), post({"tools": [2, 1]})),
    "doubled keys": (post(raw=b'{"a":1,"a":2}'), post(raw=b'{"a":2}')),
    "out of range": (post(raw=b'{"a":1e400}'), post(raw=b'{"a":1e401}')),
    "big integers": (post({"a": 2**60}), post({"a": 2**60 + 1})),
    "path": (post({}, "https://api.test/a"), post({}, "https://api.test/b")),
    "host": (post({}, "https://api.test/"), post({}, "https://other.test/")),
    "query": (post({}, "https://api.test/?a=1"), post({}, "https://api.test/?a=2")),
    "method": (HttpRequest("GET", "https://api.test/"), HttpRequest("POST", "https://api.test/")),
    "bytes": (post(raw=b"\xff\x00"), post(raw=b"\xff\x01")),
    "data that looks like an id": (post({"id": "a"}), post({"id": "b"})),
}


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_these_are_the_same(pair: tuple[HttpRequest, HttpRequest]) -> None:
    assert key(pair[0]) == key(pair[1])
    assert differences(*pair) == []


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_these_are_not_and_it_is_said_where(pair: tuple[HttpRequest, HttpRequest]) -> None:
    assert key(pair[0]) != key(pair[1])
    assert differences(*pair) != []


def test_a_huge_leaf_is_shown_around_its_difference() -> None:
    one, other = "x" * 100_000 + "morning" + "y" * 1000, "x" * 100_000 + "evening" + "y" * 1000
    (told,) = differences(post({"a": one}), post({"a": other}))
    assert len(told) < 300
    assert "morning" in told
    assert "evening" in told


def test_many_differences_are_counted_not_listed() -> None:
    told = differences(post({"a": list(range(50))}), post({"a": [-1] * 50}))
    assert len(told) == 6
    assert told[-1] == "and 45 more"


TYPES = {"type": "object", "properties": {"id": {"type": ["string", "null"]}, "call_id": {"const": "x"}}}
SCHEMA_PLACES = {
    "chat parameters": ("tools", {"function": {"parameters": TYPES}}),
    "chat response_format": ("response_format", {"json_schema": {"schema": TYPES}}),
    "responses text": ("text", {"format": {"type": "json_schema", "schema": TYPES}}),
    "anthropic output_format": ("output_format", {"type": "json_schema", "schema": TYPES}),
    "anthropic output_config": ("output_config", {"format": {"type": "json_schema", "schema": TYPES}}),
    "gemini responseJsonSchema": ("generationConfig", {"responseJsonSchema": TYPES}),
    "gemini parametersJsonSchema": ("tools", [{"functionDeclarations": [{"parametersJsonSchema": TYPES}]}]),
    "ollama format": ("format", TYPES),
    "a field of no dialect": ("anything", TYPES),
}


@pytest.mark.parametrize("field", SCHEMA_PLACES.values(), ids=SCHEMA_PLACES)
def test_a_schema_with_a_list_of_types_is_matched_beside_calls(field: tuple[str, object]) -> None:
    one, other = (post(call("f", one) | {field[0]: field[1]}) for one in ("call_1", "call_2"))
    assert key(one) == key(other)


def test_a_large_body_is_told_by_the_leaf_that_counts_and_not_by_its_white_space():
    picture = "A" * 1_500_000
    asked = {"model": "m", "messages": [{"role": "user", "content": picture}], "max_tokens": 10}
    recorded = HttpRequest("POST", "https://x.test/v1", (), json.dumps(asked).encode())
    other = {**asked, "max_tokens": 11, "messages": [{"role": "user", "content": picture[:-3] + "BBB"}], "seed": 1}
    incoming = HttpRequest("POST", "https://x.test/v1", (), json.dumps(other, separators=(",", ":")).encode())
    told = differences(recorded, incoming)
    assert "body.max_tokens: recorded 10, requested 11" in told
    assert "body.seed: requested 1, not in the recording" in told
    assert any(one.startswith("body.messages[0].content: recorded …") and "BBB" in one for one in told)
    assert all(len(one) < 300 for one in told)
    spaced = HttpRequest("POST", "https://x.test/v1", (), json.dumps(asked, indent=1).encode())
    assert differences(recorded, spaced) == []


@pytest.mark.parametrize("headers", [(), (("content-encoding", "gzip"),)])
def test_compressed_bodies_are_compared_by_what_they_hold(headers):
    def sent(value, level, at):
        body = gzip.compress(json.dumps(value).encode(), level, mtime=at)
        return HttpRequest("POST", "https://x.test/v1", headers, body)

    one, other = sent({"a": 1, "b": "text" * 40}, 1, 1), sent({"a": 1, "b": "text" * 40}, 9, 1_900_000_000)
    assert one.body != other.body
    assert key(one) == key(other)
    changed = sent({"a": 2, "b": "text" * 40}, 9, 1)
    assert key(one) != key(changed)
    assert differences(one, changed) == ["body.a: recorded 1, requested 2"]


def test_what_only_looks_compressed_is_compared_as_it_is():
    one = HttpRequest("POST", "https://x.test/v1", (("content-encoding", "gzip"),), b"\x1f\x8bnothing of the kind")
    other = HttpRequest("POST", "https://x.test/v1", (("content-encoding", "gzip"),), b"\x1f\x8bnothing of that kind")
    assert key(one) == key(one)
    assert key(one) != key(other)


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [({"a.b": 1}, {"a": {"b": 1}}), ({"a": [1]}, {"a[0]": 1}), ({"a": {"b.c": 1}}, {"a.b": {"c": 1}})],
)
def test_a_key_that_looks_like_a_path_is_told_from_one(recorded, sent):
    one, other = (HttpRequest("POST", "http://h/v1", (), json.dumps(body).encode()) for body in (recorded, sent))
    assert len(differences(one, other, most=5)) == 2
