"""Files that the recorders themselves wrote of one server's answers; ``files/README.md`` says with which versions."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from harness.cassette import open_tape
from harness.cassette.importers import bring, read
from harness.cassette.importers.importer import NotARecordingError

FILES = Path(__file__).parent / "files"
KEY = "planted-q7Zr2Wm9Xt4Kc8Vb"
ANSWER = (
    '{"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", '
    '"content": "Zürich – 🙂", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "get_weather", '
    '"arguments": "{\\"city\\":\\"Zürich\\"}"}}]}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 3, '
    '"completion_tokens": 5, "total_tokens": 8}}'
).encode()
STREAM = (
    'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Gr"}}]}\n\n'
    'data: {"choices":[{"index":0,"delta":{"content":"üezi 🙂"},"finish_reason":"stop"}]}\n\n'
    "data: [DONE]\n\n"
).encode()
CHAT = "/v1/chat/completions"
# What was asked and answered: method, path, request body, status, type, response body.
SERVED = (
    ("POST", CHAT, '{"model":"m","messages":[{"role":"user","content":"Zürich?"}]}'.encode(), 200, ANSWER),
    ("POST", CHAT, b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}', 200, STREAM),
    ("POST", "/gzip", b'{"a":1.10}', 200, ANSWER),
    ("POST", "/binary", b"a\0\xff", 200, bytes(range(256))),
    ("POST", "/limited", b"a=1&b=2", 429, b'{"error":{"message":"slow down"}}'),
    ("GET", "/text?x=1&x=2", b"", 200, "no\r\n  1.10 \u2028 éé\n".encode()),
)


def known(result):
    (cassette,) = result.cassettes.values()
    return [
        (
            one.request.method,
            one.request.url.removeprefix("http://127.0.0.1:8899"),
            one.request.body,
            one.response.status,
            one.response.body,
        )
        for one in cassette.exchanges
    ]


TYPES = {"/limited": "application/x-www-form-urlencoded", "/binary": "application/octet-stream"}
# What each recorder itself does not keep.
BINARY, POSTED, ORDER = "no binary bodies", "no binary request bodies", "its own order"
WRITING, TWICE = "JSON written anew", "a query name twice"
KEPT = {
    "vcrpy.yaml": ("vcrpy", ()),
    "vcrpy-as-json.json": ("vcrpy", (BINARY,)),
    "cassetter.yaml": ("cassetter", (ORDER, WRITING)),
    "go-vcr-1.yaml": ("go-vcr", ()),
    "ruby-vcr.yml": ("ruby-vcr", (TWICE,)),
    "ruby-vcr-exact.yml": ("ruby-vcr", (TWICE,)),
    "ruby-vcr-as-json.json": ("ruby-vcr", (TWICE, BINARY)),
    "polly.har": ("polly", (POSTED,)),
    "langchain.yaml.gz": ("langchain", ()),
}


def as_kept(served, losses):
    if BINARY in losses or POSTED in losses:
        served = [one for one in served if one[1] != "/binary"]
    if TWICE in losses:
        served = [(one[0], one[1].replace("x=2", "y=2"), *one[2:]) for one in served]
    if WRITING in losses:
        served = [(*one[:2], rewritten(one[2]), one[3], rewritten(one[4])) for one in served]
    return sorted(served) if ORDER in losses else list(served)


def rewritten(body):
    try:
        return json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    except ValueError:
        return body


@pytest.mark.parametrize("name", KEPT)
def test_a_file_comes_in_whole(name):
    form, losses = KEPT[name]
    result = read(FILES / name)
    assert result.format == form
    found = known(result)
    assert (sorted(found) if ORDER in losses else found) == as_kept(SERVED, losses)
    if POSTED in losses:
        assert [(one.place, one.reason) for one in result.skipped] == [
            ("log.entries[3]", "its request body was not recorded, as Polly does with binary ones")
        ]
    else:
        assert not result.skipped
    (cassette,) = result.cassettes.values()
    assert cassette.provenance.kind == "imported"
    assert name in cassette.provenance.source
    assert cassette.provenance.recorded.startswith("2026-11-24T2")


@pytest.mark.parametrize("name", KEPT)
def test_the_key_in_a_file_is_left_behind(name):
    result = read(FILES / name)
    assert KEY[8:] not in repr(result.cassettes)


def test_the_order_of_equal_questions_is_kept():
    """cassetter sorts its interactions; those that ask the same stay in the order in which they were asked."""
    (cassette,) = read(FILES / "cassetter.yaml").cassettes.values()
    chats = [one.request.body for one in cassette.exchanges if one.request.url.endswith(CHAT)]
    assert chats == [rewritten(one[2]) for one in SERVED if one[1] == CHAT]


def test_go_vcrs_second_format():
    result = read(FILES / "go-vcr-2.yaml")
    assert (result.format, result.skipped) == ("go-vcr", ())
    assert [one[2:] for one in known(result)] == [SERVED[0][2:], SERVED[1][2:], (b"a\0\xff", *SERVED[4][3:])]
    (cassette,) = result.cassettes.values()
    assert [one.response.chunks[0].at for one in cassette.exchanges] == [0.001, 62.5, 0]
    assert KEY[8:] not in repr(cassette)


def test_rusts_httpmock_which_keeps_no_host():
    """One document for each exchange; a forwarded one has no host, which is asked for, and filled in."""
    file = FILES / "httpmock.yaml"
    result = read(file)
    assert (result.format, result.taken) == ("httpmock", 0)
    assert all("--fill HOST=VALUE" in one.reason for one in result.skipped)
    result = read(file, fill={"HOST": "http://127.0.0.1:8899"})
    assert result.skipped == ()
    text = ("GET", "/text?x=1&x=a%20b%26", *SERVED[5][2:])
    assert known(result) == [SERVED[0], SERVED[1], ("POST", "/binary", b"a\0\xff", *SERVED[4][3:]), text]
    (cassette,) = result.cassettes.values()
    assert [one.response.chunks[0].at for one in cassette.exchanges] == [0, 1.5, 0, 0]
    assert cassette.provenance.recorded == "2026-11-24T20:00:00+00:00"
    assert KEY[8:] not in repr(cassette)
    (cassette,) = read(file, fill={"HOST": "api.test/base/"}).cassettes.values()
    assert cassette.exchanges[0].request.url == "https://api.test/base/v1/chat/completions"


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("path_prefix: /v1\n  method: POST", "is a pattern (path_prefix)"),
        ("path: /v1", "its method is missing"),
        ("method: GET\n  path: /v1\n  query_param: x", "no list"),
        ("method: GET\n  path: /v1\n  body_base64: '?'", "no base64"),
        ("method: GET\n  path: /v1\n  port: x", "its URL is none"),
    ],
)
def test_a_mock_of_httpmock_that_is_no_recording_is_left_with_the_reason(tmp_path, when, reason):
    file = tmp_path / "mock.yml"
    file.write_text(f"when:\n  host: api.test\n  {when}\nthen:\n  status: 200\n  body: hi\n")
    (left,) = read(file).skipped
    assert reason in left.reason


def test_several_documents_of_another_kind_are_no_recording(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text("interactions: []\n---\na: 1")
    with pytest.raises(NotARecordingError, match="looks like no recording"):
        read(file)


def test_parsed_bodies():
    result = read(FILES / "parsed-body.yaml")
    assert (result.format, result.skipped) == ("parsed_body", ())
    chat, form = known(result)
    asked = {"messages": [{"content": "Zürich?", "role": "user"}], "model": "m", "temperature": 1e-05}
    assert json.loads(chat[2]) == {**asked, "at": "2026-01-01", "stop": "no"}
    assert json.loads(chat[4])["choices"][0]["message"]["content"] == "Zürich\n12345"
    assert form[2:] == (b"a=1&b=2", 200, b"data: [DONE]\n\n")
    (cassette,) = result.cassettes.values()
    headers = dict(cassette.exchanges[0].response.headers)
    assert "content-encoding" not in headers  # the body stands unpacked


@pytest.mark.parametrize("name", KEPT)
def test_an_imported_cassette_is_replayed(name, tmp_path):
    """Asked with another key, in the recorded order; no server runs where they point."""
    losses = KEPT[name][1]
    (path,) = bring(FILES / name, "imported", tmp_path).written
    with open_tape(path), httpx.Client(base_url="http://127.0.0.1:8899") as client:
        for method, url, body, status, answer in as_kept(SERVED, losses):
            headers = {"authorization": "Bearer another", "content-type": TYPES.get(url, "application/json")}
            came = client.request(method, url, content=body, headers=headers)
            assert (came.status_code, came.content) == (status, answer)


def test_recordings_of_ids_of_any_length_have_files_of_their_own(tmp_path):
    row = {"method": "GET", "url": "https://api.test/", "status": 200, "response_headers": {}, "response_body": "x"}
    lines = tmp_path / "long.jsonl"
    lines.write_text("".join(json.dumps({**row, "id": f"p/{'é' * 5000}{end}#0"}) + "\n" for end in "ab"))
    written = bring(lines, "long", tmp_path / "out").written
    assert len({path.name for path in written}) == 2
    assert all(path.is_file() for path in written)
