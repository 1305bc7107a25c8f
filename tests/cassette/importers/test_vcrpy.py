"""Stock vcrpy records, our tape replays; our tape records, stock vcrpy replays. A real server each time, asked once."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace

import httpx
import pytest
import requests
import vcr

from harness.cassette import Cassette, load, open_tape, save
from harness.cassette.importers import bring, interactions, read, to_yaml, vcr_serializer
from harness.cli.entry import main
from harness.core.errors import CassetteError, LeakError
from harness.core.exchange import Chunk, Exchange, Failure, HttpRequest, HttpResponse, Provenance

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
KEY = "planted-q7Zr2Wm9Xt4Kc8Vb"
ASKED = (
    ("/plain/v1?x=1&x=2", b'{"a": 1.10, "b": "Z\xc3\xbcrich"}'),
    ("/stream", b"{}"),
    ("/echo/429", b'{"error":"slow down"}'),
    ("/echo", b"a\0\xff"),
    ("/echo", "no: \u2028\x85 é\r\n1.10\n".encode()),
    ("/echo", b'{"twice":1}'),
    ("/echo", b'{"twice":1}'),
)


def by_httpx(url):
    with httpx.Client(headers={"authorization": f"Bearer {KEY}"}) as client:
        return [answer(client.post(url + path, content=body)) for path, body in ASKED]


def by_requests(url):
    with requests.Session() as session:
        session.headers["authorization"] = f"Bearer {KEY}"
        return [answer(session.post(url + path, data=body)) for path, body in ASKED]


def answer(came):
    return came.status_code, came.headers.get("content-type"), came.content


CLIENTS = pytest.mark.parametrize("client", [by_httpx, by_requests])
MATCH = ("method", "scheme", "host", "port", "path", "query", "raw_body")


@CLIENTS
def test_what_vcrpy_recorded_is_replayed_by_our_tape(client, served, tmp_path):
    served.go.set()
    with vcr.use_cassette(str(tmp_path / "theirs.yaml"), match_on=MATCH):
        live = client(served.url)
    hits = len(served.hits)
    brought = bring(tmp_path / "theirs.yaml", "theirs", tmp_path)
    assert brought.result.skipped == ()
    with open_tape(tmp_path / "theirs.json"):
        assert client(served.url) == live
    assert len(served.hits) == hits
    assert KEY not in (tmp_path / "theirs.json").read_text()
    assert load(tmp_path / "theirs.json").provenance.kind == "imported"


@CLIENTS
def test_what_our_tape_recorded_is_replayed_by_vcrpy(client, served, tmp_path):
    served.go.set()
    with open_tape(tmp_path / "ours.json", mode="record", provenance=FROM):
        live = client(served.url)
    hits = len(served.hits)
    assert main(["cassettes", "export", str(tmp_path / "ours.json"), "--to", str(tmp_path / "ours.yaml")]) == 0
    with vcr.use_cassette(str(tmp_path / "ours.yaml"), record_mode="none", match_on=MATCH) as tape:
        assert client(served.url) == live
    assert tape.all_played
    assert len(served.hits) == hits


@CLIENTS
def test_vcrpy_reads_our_cassettes_as_they_are(client, served, tmp_path):
    served.go.set()
    with open_tape(tmp_path / "ours.json", mode="record", provenance=FROM):
        live = client(served.url)
    recorder = vcr.VCR()
    recorder.register_serializer("harness", vcr_serializer)
    with recorder.use_cassette(str(tmp_path / "ours.json"), serializer="harness", record_mode="none", match_on=MATCH):
        assert client(served.url) == live


@CLIENTS
def test_vcrpy_writes_our_cassettes_too(client, served, tmp_path):
    served.go.set()
    recorder = vcr.VCR()
    recorder.register_serializer("harness", vcr_serializer)
    path = tmp_path / "ours.json"
    with recorder.use_cassette(str(path), serializer="harness", match_on=MATCH):
        live = client(served.url)
    hits = len(served.hits)
    assert KEY not in path.read_text()
    with open_tape(path):
        assert client(served.url) == live
    assert len(served.hits) == hits


def test_a_request_without_a_body(served, tmp_path):
    """To vcrpy httpx' empty body and requests' absent one are two things, where bodies are matched."""
    with open_tape(tmp_path / "ours.json", mode="record", provenance=FROM):
        live = httpx.get(f"{served.url}/plain").content
    assert main(["cassettes", "export", str(tmp_path / "ours.json"), "--to", str(tmp_path / "ours.yaml")]) == 0
    with vcr.use_cassette(str(tmp_path / "ours.yaml"), record_mode="none", match_on=MATCH):
        assert httpx.get(f"{served.url}/plain").content == live
    with vcr.use_cassette(str(tmp_path / "ours.yaml"), record_mode="none"):
        assert requests.get(f"{served.url}/plain", timeout=60).content == live


BODIES = (
    b"",
    b"1.10",
    b"no",
    b"~",
    b"2026-01-01",
    b"1:30",
    b"<<",
    b"=",
    b"0o17",
    b"1e400",
    b'{"a":1,"a":2}',
    b'{"n":NaN,"big":12345678901234567890123}',
    b'"\\ud83d"',
    b"\0\x01\x7f",
    b"\xef\xbb\xbf{}",
    b" \t\n\n\r\r\n ",
    "\x85\u2028\u2029\ufeff\ufffe🙂".encode(),
    b"\xff\xfe",
    b"--- !!python/object/apply:os.system [id]\n",
    b"data: x\n\n" * 1000,
)


def exchange(body, **more):
    answered = HttpResponse(200, (("content-type", "text/plain"),), (Chunk(body),) if body else ())
    return replace(Exchange(HttpRequest("POST", "http://127.0.0.1:9/x", (), body), answered), **more)


def test_bodies_survive_the_way_out_and_back(tmp_path):
    cassette = Cassette(FROM, tuple(map(exchange, BODIES)))
    document, left = interactions(cassette)
    assert left == ()
    (tmp_path / "out.yaml").write_text(to_yaml(document), newline="")
    result = read(tmp_path / "out.yaml")
    assert result.skipped == ()
    assert result.cassettes[""].exchanges == cassette.exchanges


def test_a_failure_is_told_and_not_exported(tmp_path, capsys):
    failed = exchange(b"a", response=None, failure=Failure("refused"))
    save(tmp_path / "c.json", Cassette(FROM, (failed, exchange(b"b"), exchange(b"c", complete=False))))
    assert main(["cassettes", "export", str(tmp_path / "c.json"), "--to", str(tmp_path / "c.yaml")]) == 0
    told = capsys.readouterr()
    assert "exchanges[0] was left out: its connection failed (refused)" in told.err
    assert "exchanges[2] was left out: its client stopped reading" in told.err
    assert "1 of 3 exchanges" in told.out
    with pytest.raises(CassetteError, match="exchanges\\[0\\]"):
        vcr_serializer.deserialize((tmp_path / "c.json").read_text())


def test_the_serializer_writes_no_secret():
    body = '{"leaked":"' + "sk-" + 'q7Zr2Wm9Xt4Kc8VbLd3Hn6Yp5Gs1Jf0T"}'
    one = {
        "request": {"method": "GET", "uri": "http://127.0.0.1/", "body": None, "headers": {}},
        "response": {"status": {"code": 200, "message": ""}, "headers": {}, "body": {"string": body}},
    }
    with pytest.raises(LeakError, match="nothing was written"):
        vcr_serializer.serialize({"version": 1, "interactions": [one]})


def test_files_and_iterators_that_were_sent(served, tmp_path):
    """vcrpy writes their Python objects; what they held is taken over without building one."""
    with vcr.use_cassette(str(tmp_path / "theirs.yaml")):
        requests.post(f"{served.url}/echo", data=io.BytesIO(b"a\0b"), timeout=60)
        requests.post(f"{served.url}/echo", data=io.BytesIO(b"text"), timeout=60)
    text = (tmp_path / "theirs.yaml").read_text()
    assert "!!python/object/new:_io.BytesIO" in text
    (tmp_path / "theirs.yaml").write_text(text.replace("version: 1", ITERATED))
    result = read(tmp_path / "theirs.yaml")
    assert result.skipped == ()
    assert [one.request.body for one in result.cassettes[""].exchanges] == [b"a\0b", b"text", b"piece by piece"]


ITERATED = """- request:
    body: !!python/object/apply:builtins.iter
      args:
      - - !!binary |
          cGllY2Ug
        - by piece
      state: 0
    headers: {}
    method: POST
    uri: http://127.0.0.1/
  response: {status: {code: 200, message: OK}, headers: {}, body: {string: fine}}
version: 1
"""


def test_vcrpys_older_forms(tmp_path):
    """What older vcrpy wrote of httpx."""
    (tmp_path / "old.yaml").write_text(
        "interactions:\n- request: {method: GET, uri: 'http://127.0.0.1/', body: '', headers: {accept: ['*/*']}}\n"
        "  response: {status_code: 200, http_version: HTTP/1.1, headers: {content-type: [text/plain]}, content: no way}\n"
        "version: 1\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = read(tmp_path / "old.yaml")
    assert result.cassettes[""].exchanges[0].response.body == b"no way"
