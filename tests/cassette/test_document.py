"""The format: every byte comes back, a person can read it, and a broken file is told with its place."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import Cassette, load, open_tape, save
from harness.cassette.format import bodies, document
from harness.cassette.format.document import from_bytes, to_text
from harness.core.chat import Reply, ToolCall
from harness.core.errors import CassetteDamagedError, CassetteMissingError, CassetteTooNewError
from harness.core.exchange import Chunk, Exchange, Failure, HttpRequest, HttpResponse, Provenance
from harness.dialects import DIALECTS

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test", "1.0", "0.1")
ASKED = HttpRequest("POST", "http://a.test/v1/chat/completions", (("accept", "*/*"),), b'{"model":"m"}')

# F26: what other formats lose.
EXACT = [
    b"",
    b"{}",
    b"[]",
    b'{"a":1}',
    b'{"a": 1}',
    b'{"a":1}\n',
    b'{"a": 1, "b": [1, 2]}\r\n',
    b'{"a":1.10}',
    b'{"a":1e400}',
    b'{"a":NaN}',
    b'{"a":1,"a":2}',
    b'{"a":"\\ud800"}',
    '{"a":"\u2028é"}'.encode(),
    b"\xef\xbb\xbf{}",
    b"\0",
    b"no",
    b"yes: 1",
    b"2026-01-01",
    b"\xff\xfe",
    b'{"$json":1}',
    b'{"$json":{"a":1}}',
    b'{"a":"{\\"b\\": \\"c\\"}"}',
    b'{"a":"{\\"$x\\":\\"{}\\"}"}',
    b'{"a":"[1,2"}',
    b'data: {"a":1}\n\ndata: [DONE]\n\n',
    b'data: {"a":1}\r\n\r\n',
    b'data: {"a": 1}\n\ndata: {"b":2}\n\n',
    b'{"a":1}\n{"b":2}\n',
    b'{"a":1}\n{"b":2}',
    b'data:{"a":1}\n\n',
    b"[" * 99999,
    b"[" * 90 + b"]" * 90,
    b"[" * 900 + b"]" * 900,
    b'{\n  "a": 1\n}',
    b'{\n    "a": "{\\n  \\"b\\": 1\\n}"\n}',
    b'"x"',
    b"12",
    b'{"a":123456789012345678901234567890}',
    b'{"a":' + b"1" * 5000 + b"}",
    b'{"\\u00e9":"\\u00e9"}',
    b'{"a":"x\\/y"}',
    b" {}",
    b'{"$$a":{"$json":"{}","$style":"x"}}',
    "é".encode("utf-16"),
    b"\r",
    b"\n\n",
    b"a\x85b\xe2\x80\xa8",
    "\u202eevil\u200b".encode(),
]


@pytest.mark.parametrize("body", EXACT, ids=repr)
def test_every_body_comes_back_byte_for_byte_in_every_place(body):
    stream = (("content-type", "text/event-stream"),)
    exchanges = (
        Exchange(HttpRequest("POST", "http://a.test/", (), body), HttpResponse(200, (), (Chunk(body, 0.5),))),
        Exchange(ASKED, HttpResponse(200, stream, (Chunk(body, 0.001), Chunk(body, 1.0)))),
        Exchange(ASKED, HttpResponse(200, (), (Chunk(b"ab"), Chunk(body[:3], 0.25), Chunk(body[3:], 1.0)))),
    )
    text = to_text(Cassette(FROM, exchanges))
    assert from_bytes(text.encode(), "x").exchanges == exchanges
    assert to_text(from_bytes(text.encode(), "x")) == text


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["{}", '{"a":1}', "[1, 2]", '{"$json":"{}"}', "\ud800", "\\u"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "$json", "$style", "$$x", "json"]) | st.text(max_size=3), inner, max_size=4
        )
        | inner.map(json.dumps)
    ),
    max_leaves=12,
)


@given(
    json_values,
    st.sampled_from([(", ", ": "), (",", ":"), (" ,", " :")]),
    st.booleans(),
    st.sampled_from([None, 1, 2, 4]),
    st.sampled_from(["{}", "data: {}\n\n", "{}\n", "{}\r\n{}\r\n", "\n{}"]),
)
def test_json_in_any_style_comes_back_byte_for_byte(value, separators, ascii_only, indent, frame):
    written = json.dumps(value, separators=separators, ensure_ascii=ascii_only, indent=indent)
    body = frame.replace("{}", written).encode("utf-8", "surrogatepass")
    shown = json.dumps(bodies.written(body), allow_nan=False)
    assert bodies.read(json.loads(shown, object_pairs_hook=lambda pairs: bodies.unmarked(dict(pairs)))) == body


@given(
    st.lists(st.binary(max_size=20), max_size=6), st.lists(st.tuples(st.text("a-z", min_size=1), st.text()), max_size=4)
)
def test_any_bytes_and_headers_come_back(pieces, headers):
    kept = tuple((name, value) for name, value in headers if not set("\r\n\0") & set(value))
    chunks = tuple(Chunk(piece, number / 8) for number, piece in enumerate(pieces))
    exchange = Exchange(ASKED, HttpResponse(200, kept, chunks), Failure("cut", "x") if len(pieces) > 1 else None)
    found = from_bytes(to_text(Cassette(FROM, (exchange,))).encode("utf-8", "surrogatepass"), "x")
    assert found.exchanges[0].response.body == exchange.response.body
    assert found.exchanges[0].response.headers == kept
    if len(chunks) != 1:
        assert found.exchanges == (exchange,)


def shown(name, *, stream):
    said = Reply(text="Look.", calls=(ToolCall("get_weather", {"city": "Zürich"}, "call_1"),), finish="tool_calls")
    url = {"openai": "/v1/chat/completions", "bedrock": "/model/m/converse-stream", "ollama": "/api/chat"}[name]
    asked = HttpRequest("POST", f"http://a.test{url}", (), b'{"model":"m"}')
    response = DIALECTS[name].render(said, stream=stream)
    cassette = Cassette(FROM, (Exchange(asked, response),))
    text = to_text(cassette)
    assert from_bytes(text.encode(), "x") == cassette
    return text


@pytest.mark.parametrize("name", ["openai", "bedrock", "ollama"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_reviewer_can_read_what_was_called(name, stream):
    text = shown(name, stream=stream)
    assert '"city": "Zürich"' in text
    assert "base64" not in text


def test_a_chunk_of_a_stream_stands_on_a_line_of_its_own():
    said = Reply(text="Look.", calls=(ToolCall("get_weather", {"city": "Zürich"}, "call_1"),), finish="tool_calls")
    lines = [line.strip().rstrip(",") for line in shown("openai", stream=True).splitlines() if '"0 data: ' in line]
    assert len(lines) == len(DIALECTS["openai"].render(said, stream=True).chunks)
    assert all(isinstance(json.loads(line), str) for line in lines)
    assert not any('\\\\"' in line for line in lines)


def test_marks_that_hide_text_from_a_reviewer_are_written_as_escapes():
    exchange = Exchange(
        HttpRequest("POST", "http://a.test/", (), '{"a":"\u202e\u2066\u200b\u2028"}'.encode()), HttpResponse(200)
    )
    text = to_text(Cassette(FROM, (exchange,)))
    assert "\\u202e\\u2066\\u200b\\u2028" in text
    assert not set("\u202e\u2066\u200b\u2028") & set(text)


WHOLE = to_text(Cassette(FROM, (Exchange(ASKED, HttpResponse(200, (), (Chunk(b"{}"),))),)))


def changed(**parts):
    value = json.loads(WHOLE)
    for path, part in parts.items():
        *steps, last = path.split("__")
        inner = value
        for step in steps:
            inner = inner[int(step) if step.isdecimal() else step]
        if part is ...:
            del inner[last]
        else:
            inner[last] = part
    return json.dumps(value).encode()


DAMAGED = {
    "empty": b"",
    "blank": b" \n",
    "cut": WHOLE.encode()[:-30],
    "a list": b"[]",
    "a page": b"<!DOCTYPE html><html></html>",
    "conflict": WHOLE.replace(' "exchanges"', "<<<<<<< HEAD\n").encode(),
    "BOM": b"\xef\xbb\xbf" + WHOLE.encode(),
    "UTF-16": WHOLE.encode("utf-16"),
    "bad UTF-8": WHOLE.replace("a test", "\xff").encode("latin-1"),
    "NUL": WHOLE.encode().replace(b"a test", b"a\0test"),
    "YAML": b"interactions:\n- request: !!python/object/apply:os.system ['false']\n",
    "doubled key": WHOLE.replace('"partial"', '"format"').replace('"format": 1,', '"format": 1, "format": 1,').encode(),
    "deep": b'{"format":1,"exchanges":' + b"[" * 20_000,
    "very deep": b'{"format":1,"exchanges":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": changed().replace(b'"format": 1', b'"format": NaN'),
    "long number": changed().replace(b'"format": 1', b'"format": ' + b"1" * 5000),
    "format text": changed(format="1"),
    "format true": changed(format=True),
    "format 0": changed(format=0),
    "no format": changed(format=...),
    "unknown key": changed(surprise=1),
    "unknown key inside": changed(exchanges__0__respnse={}),
    "no provenance": changed(provenance=...),
    "unknown kind": changed(provenance__kind="real"),
    "kind a list": changed(provenance__kind=["live"]),
    "date": changed(provenance__recorded=20260101),
    "exchanges an object": changed(exchanges={}),
    "exchange a text": changed(exchanges=["x"]),
    "no request": changed(exchanges__0__request=...),
    "no response": changed(exchanges__0__response=...),
    "status text": changed(exchanges__0__response__status="200"),
    "status true": changed(exchanges__0__response__status=True),
    "status -1": changed(exchanges__0__response__status=-1),
    "status 5000 digits": changed(exchanges__0__response__status=10**4000),
    "header break": changed(exchanges__0__request__headers=["a: b\r\nc: d"]),
    "header no colon": changed(exchanges__0__request__headers=["a"]),
    "header a pair": changed(exchanges__0__request__headers=[["a", "b"]]),
    "url break": changed(exchanges__0__request__url="http://a\n"),
    "url null": changed(exchanges__0__request__url=None),
    "body text": changed(exchanges__0__request__body="x"),
    "body nothing": changed(exchanges__0__request__body={}),
    "body style": changed(exchanges__0__request__body={"json": 1, "style": "fancy"}),
    "body style list": changed(exchanges__0__request__body={"json": 1, "style": []}),
    "body base64": changed(exchanges__0__request__body={"base64": "!"}),
    "body lines": changed(exchanges__0__request__body={"text": [1]}),
    "body marks": changed(exchanges__0__request__body={"json": {"$json": {}, "$style": "fancy"}}),
    "body frames": changed(exchanges__0__request__body={"frames": [{"headers": {"a": "x" * 99999}, "payload": ""}]}),
    "lengths lie": changed(exchanges__0__response__chunks=["1 at 0", "99 at 1"]),
    "length negative": changed(exchanges__0__response__chunks=["-1 at 0", "3 at 1"]),
    "time text": changed(exchanges__0__response__at="now"),
    "time negative": changed(exchanges__0__response__at=-1),
    "complete text": changed(exchanges__0__complete="no"),
    "failure kind": changed(exchanges__0__failure={"kind": "odd"}),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_a_typed_error_with_file_and_place_and_stays_as_it_is(data, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(data)
    start = time.process_time()
    with pytest.raises(CassetteDamagedError) as told:
        load(path)
    assert time.process_time() - start < 1
    assert str(path) in str(told.value)
    assert len(str(told.value)) < 500
    assert told.value.path == str(path)
    assert path.read_bytes() == data


def read(data):
    """What a reader of ``data`` gets to see, whenever it is made, or the error that it meets."""
    try:
        return repr(from_bytes(data, "x"))
    except CassetteDamagedError as error:
        return error


def read_slowly(data):
    """The same without the quick reader."""

    def no(*_, **__):
        raise ValueError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document.jiter, "from_json", no)
        return read(data)


@given(json_values, st.integers(min_value=0), st.sampled_from([0, 1, 5]), st.binary(max_size=5))
def test_the_quick_reader_sees_what_the_slow_one_does(value, place, gone, put):
    body = json.dumps(value, separators=(",", ":")).encode()
    data = to_text(Cassette(FROM, (Exchange(ASKED, HttpResponse(200, (), (Chunk(body, 0.5),))),))).encode()
    place %= len(data)
    data = data[:place] + put + data[place + gone :]
    quick, slow = read(data), read_slowly(data)
    if isinstance(slow, CassetteDamagedError) and "too large" in str(slow):
        assert isinstance(quick, CassetteDamagedError)
    else:
        assert str(quick) == str(slow)


@pytest.mark.parametrize("mark", ["$json", "\\u0024json", "\\u0024\\u006ason"])
def test_a_mark_is_one_however_its_name_is_written(mark):
    text = WHOLE.replace('"model": "m"', f'"model": {{"{mark}": {{"a": 1}}}}')
    assert from_bytes(text.encode(), "x").exchanges[0].request.body == b'{"model":"{\\"a\\":1}"}'


@pytest.mark.parametrize("mode", ["none", "once", "record"])
@pytest.mark.parametrize("number", ["1e999", "-1E+400", "9" * 400 + ".0"])
def test_a_number_too_large_is_told_at_the_latest_when_its_cassette_is_opened(number, mode, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(WHOLE.replace('"model": "m"', f'"model": {number}'))
    with pytest.raises(CassetteDamagedError, match=r"exchanges\[0\]"), open_tape(path, mode=mode, provenance=FROM):
        pytest.fail("nobody may record over what can't be read")


def test_the_place_is_the_line_or_the_part():
    places = {
        "cut": "line",
        "bad UTF-8": "line",
        "status text": "exchanges[0]",
        "unknown kind": "provenance",
        "unknown key": "the top",
    }
    for name, place in places.items():
        with pytest.raises(CassetteDamagedError) as told:
            from_bytes(DAMAGED[name], "x")
        assert place in told.value.place, name


def test_a_newer_format_and_a_missing_file_are_errors_of_their_own(tmp_path):
    with pytest.raises(CassetteTooNewError, match="format 3, and this harness reads up to 2"):
        from_bytes(changed(format=3, surprise=1), "x")
    with pytest.raises(CassetteMissingError, match="harness record"):
        load(tmp_path / "a.json")


def test_what_is_no_plain_file_is_not_read(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path, tmp_path / "pipe.json", "/dev/zero"):
        with pytest.raises(CassetteDamagedError, match="is no file"):
            load(path)


def test_loading_is_bounded_in_memory_by_the_files_size(tmp_path):
    big = b'{"a":"' + b"x" * 5_000_000 + b'"}'
    save(tmp_path / "a.json", Cassette(FROM, (Exchange(ASKED, HttpResponse(200, (), (Chunk(big),))),)))
    tracemalloc.start()
    try:
        load(tmp_path / "a.json")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4.5 * (tmp_path / "a.json").stat().st_size


def test_p6_more_values_than_there_is_memory_for_are_not_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'{"format":1,"exchanges":[' + b"{}," * 4_200_000 + b"{}]}")
    size = path.stat().st_size
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(CassetteDamagedError, match="more than 8,388,608 values"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * size
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 1


def test_compressed_bytes_are_never_expanded_by_loading(tmp_path):
    import gzip

    bomb = gzip.compress(b"\0" * 30_000_000)
    exchange = Exchange(ASKED, HttpResponse(200, (("content-encoding", "gzip"),), (Chunk(bomb),)))
    save(tmp_path / "a.json", Cassette(FROM, (exchange,)))
    tracemalloc.start()
    try:
        assert load(tmp_path / "a.json").exchanges == (exchange,)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://h:" + "9" * 5000 + "/x", "is no URL"),
        ("http://[::1/v1", "is no URL"),
        ("x", "needs http or https"),
        ("", "needs http or https"),
        ("ws://h/x", "needs http or https"),
        ("https:///v1", "needs http or https, and a host"),
        ("http://a\u2100b/x", "is no URL"),
        ("http://h/\ud800", "surrogate"),
    ],
)
def test_a_url_that_leads_nowhere_is_told_when_it_is_loaded(url, why, tmp_path):
    value = json.loads(WHOLE)
    value["exchanges"][0]["request"]["url"] = url
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(CassetteDamagedError, match=why) as told:
        load(tmp_path / "a.json")
    assert told.value.place == "exchanges[0]"
    assert len(str(told.value)) < 500


@pytest.mark.parametrize("place", ["source", "header", "text"])
def test_half_a_surrogate_pair_is_refused_when_it_is_loaded(place, tmp_path):
    value = json.loads(WHOLE)
    if place == "source":
        value["provenance"]["source"] = "\ud800"
    elif place == "header":
        value["exchanges"][0]["request"]["headers"] = ["x: \ud800"]
    else:
        value["exchanges"][0]["request"]["body"] = {"text": "\ud800"}
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(CassetteDamagedError):
        load(tmp_path / "a.json")
