"""Matching, readdressing and telling of MCP messages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import matching
from harness.cassette.secrets.redaction import Redactor
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse
from harness.dialects.mcp import answer_lines, messages, readdressed, request_line

URL = "https://tools.example.com/mcp"
IDS = st.integers() | st.text(min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", "data"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def asked(number, method="tools/call", **params):
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return HttpRequest("POST", URL, (("content-type", "application/json"),), json.dumps(message).encode())


def result(number, value):
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": value})


def same(one, other):
    return matching.key(one) == matching.key(other)


def test_ids_tokens_and_clients_do_not_count_and_the_rest_does():
    first = asked(1, name="weather", arguments={"city": "Paris", "id": 1}, _meta={"progressToken": 5})
    assert same(first, asked("x", name="weather", arguments={"city": "Paris", "id": 1}, _meta={"progressToken": "t"}))
    assert same(first, asked(9, name="weather", arguments={"city": "Paris", "id": 1}))
    assert not same(first, asked(1, name="weather", arguments={"city": "Rome", "id": 1}))
    assert not same(first, asked(1, name="weather", arguments={"city": "Paris", "id": 2}))
    old, new = ({"name": "sdk", "version": version} for version in "12")
    assert same(asked(0, "initialize", clientInfo=old), asked(0, "initialize", clientInfo=new))
    assert not same(asked(0, "initialize", protocolVersion="1"), asked(0, "initialize", protocolVersion="2"))


def test_ids_of_what_is_no_message_count():
    one, other = (HttpRequest("POST", URL, (), json.dumps({"id": n, "method": "x"}).encode()) for n in (1, 2))
    assert not same(one, other)


@given(IDS, IDS, VALUES, st.sampled_from(["json", "sse", "lines", "crlf"]))
def test_an_answer_gets_the_id_of_whoever_asks_and_nothing_else_changes(old, new, value, form):
    text = result(old, {"id": old, "value": value})
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 7}})
    body = {
        "json": [text],
        "sse": [f"event: message\ndata: {note}\n\n", f"id: 1\ndata: {text}\n\n"],
        "crlf": [f"event: message\r\ndata: {text}\r\n\r\n"],
        "lines": [f"{note}\n", f"{text}\n"],
    }[form]
    response = HttpResponse(200, (), tuple(Chunk(one.encode(), 0.5) for one in body))
    given_back = readdressed(Exchange(asked(old), response), asked(new))
    before, after = messages(response.body), messages(given_back.response.body)
    assert [{**one, "id": new} if "result" in one else one for one in before] == after
    assert [chunk.at for chunk in given_back.response.chunks] == [0.5] * len(body)
    if json.dumps(old) == json.dumps(new):
        assert given_back.response is response


def test_a_message_over_several_chunks_is_readdressed_too():
    text = f"data: {result(1, {'a': 'b' * 40})}\n\n".encode()
    response = HttpResponse(200, (), (Chunk(text[:30]), Chunk(text[30:])))
    (message,) = messages(readdressed(Exchange(asked(1), response), asked(2)).response.body)
    assert message["id"] == 2


def test_progress_is_told_to_the_token_of_whoever_asks():
    note = json.dumps(
        {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}
    )
    response = HttpResponse(200, (), (Chunk(f"{note}\n{result(1, 1)}\n".encode()),))
    recorded = asked(1, name="x", _meta={"progressToken": 1})
    made = readdressed(Exchange(recorded, response), asked(4, name="x", _meta={"progressToken": "t"}))
    told, answer = messages(made.response.body)
    assert (told["params"]["progressToken"], answer["id"]) == ("t", 4)


def test_sessions_are_numbered_by_first_appearance():
    redactor = Redactor()
    headers = [(("Mcp-Session-Id", one),) for one in ("5f1c9d7e8a", "other-session", "5f1c9d7e8a", "session-9")]
    made = [redactor.response(HttpResponse(200, one)).headers for one in headers]
    assert [dict(one)["mcp-session-id"] for one in made] == ["session-1", "session-2", "session-1", "session-9"]


@pytest.mark.parametrize(
    ("request_", "answer", "told"),
    [
        (asked(1, name="weather", arguments={"city": "Paris"}), result(1, {"content": [{"type": "text", "text": "sunny"}]}), ('tools/call weather({"city": "Paris"})', ['"sunny"'])),
        (asked(1, name="w", arguments={}), result(1, {"content": [], "isError": True}), ("tools/call w({})", ['tool error: ""'])),
        (asked(1, "tools/list"), result(1, {"tools": [{"name": "a"}, {"name": "b"}]}), ("tools/list", ["2 tools: a, b"])),
        (asked(1, "x"), '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}}', ("x", ['error -32601: "no"'])),
        (asked(1, "x"), '{"jsonrpc": "2.0", "id": 5, "method": "roots/list"}', ("x", ["the server asks: roots/list"])),
        (HttpRequest("POST", URL, (), result(1, {"x": 1}).encode()), "", ('answers the server: {"x": 1}', [])),
        (asked(1, "initialize", protocolVersion="v"), result(1, {"serverInfo": {"name": "s", "version": "2"}, "protocolVersion": "v"}), ("initialize v", ["s 2, protocol v"])),
        (asked(1, "ping"), result(1, {}), ("ping", ["{}"])),
        (asked(1, "resources/read", uri="file:///a"), "<html>", ("resources/read file:///a", [])),
        (HttpRequest("POST", URL, (), b'{"model": "m"}'), "{}", ("", [])),
    ],
)  # fmt: skip
def test_what_messages_say_in_a_line(request_, answer, told):
    exchange = Exchange(request_, HttpResponse(200, (), (Chunk(answer.encode()),)))
    assert (request_line(request_.body), answer_lines(exchange)) == told


def test_a_cassette_may_hold_a_server_over_stdio(tmp_path):
    from harness.cassette import Cassette, load, save
    from harness.core.exchange import Provenance

    request = HttpRequest("POST", "stdio://python/server.py", (), b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
    made = Cassette(Provenance("local", "2026-01-01T00:00:00+00:00"), (Exchange(request, HttpResponse(202)),))
    save(tmp_path / "a.json", made)
    assert load(tmp_path / "a.json") == made
