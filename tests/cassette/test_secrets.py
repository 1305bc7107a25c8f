"""Secrets planted in real exchanges: they are found nowhere, in none of the writings that a secret can have."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
import stat
import zlib
from itertools import product
from urllib.parse import quote, unquote_to_bytes

import httpx
import pytest

from harness.cassette import open_tape
from harness.cassette.storage.journal import journal
from harness.core.errors import CassetteMiss, LeakError
from harness.core.exchange import Provenance
from tests.children import python

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
KEY = "sk-proj-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1"
ODD = 'Pw"Zq7/Lw2+Xv9=Rb4\\Tn8 Km3é'
AWKWARD = "ZZ>>??zz00~~Aa1Bb2Cc3"  # its base64 holds both letters that differ in URLs


def based(data):
    return base64.b64encode(data)


# Each puts a secret into a text.
FORMS = {
    "raw": lambda secret: secret,
    "in a sentence": lambda secret: based(secret)[:0] + b"my key is " + secret + b", keep it",
    "URL": lambda secret: quote(secret, safe="").encode(),
    "base64": based,
    "base64 after one": lambda secret: based(b"a" + secret),
    "base64 after two": lambda secret: based(b"ab" + secret),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(b"user:" + secret),
    "base64 twice": lambda secret: based(based(secret)),
    "base64 of JSON": lambda secret: based(json.dumps({"key": secret.decode()}).encode()),
    "hex": lambda secret: secret.hex().encode(),
    "HEX": lambda secret: secret.hex().upper().encode(),
    "JSON": lambda secret: json.dumps(secret.decode())[1:-1].encode(),
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret.decode())[1:-1])[1:-1].encode(),
    "gzip in base64": lambda secret: based(gzip.compress(secret)),
    "zlib in base64": lambda secret: based(zlib.compress(b"key=" + secret)),
    "half of it": lambda secret: secret[: len(secret) // 2 + 4],
}


def texts(data, depth=3):
    """All that can be read in ``data``, by other means than those under test."""
    yield data
    if depth == 0:
        return
    found = [unquote_to_bytes(data), re.sub(rb"\\+", b"", data), re.sub(rb"\\+u00e9", "é".encode(), data)]
    for run in re.findall(rb"[A-Za-z0-9+/_-]{12,}", data):
        plain = run.replace(b"-", b"+").replace(b"_", b"/")
        found += [base64.b64decode(plain[start : start + (len(plain) - start) // 4 * 4]) for start in range(4)]
        if re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", run):
            found.append(bytes.fromhex(run.decode()))
    for packed in re.findall(rb"(?:\x1f\x8b|\x78\x9c).*", data, re.DOTALL):
        with_any = zlib.decompressobj(47)
        try:
            found.append(with_any.decompress(packed))
        except zlib.error:
            continue
    for inner in found:
        plain = sum(32 <= letter < 127 for letter in inner)
        if inner != data and (plain > 0.7 * len(inner) or inner[:2] in {b"\x1f\x8b", b"\x78\x9c"}):
            yield from texts(inner, depth - 1)


def traces(data, secret):
    """Runs of eight letters of the secret's random part."""
    raw = secret.removeprefix("sk-proj-").encode()
    pieces = {raw[start : start + 8] for start in range(len(raw) - 7)}
    return [piece for text in set(texts(data)) for piece in pieces if piece in text]


def test_the_search_of_these_tests_finds_every_form():
    for secret, form in product((KEY, ODD, AWKWARD), FORMS):
        assert traces(b'{"x":"%s"}' % FORMS[form](secret.encode()), secret), form


def body(text):
    return b'{"messages":[{"role":"user","content":"%s"}]}' % text


# Each sends a text to a server that sends it back.
PLACES = {
    "a prompt": lambda url, text: httpx.post(f"{url}/echo/ok", content=body(text)),
    "an error": lambda url, text: httpx.post(f"{url}/echo/429", content=body(text)),
    "two chunks": lambda url, text: httpx.post(f"{url}/echo/sse", content=b"data: " + text + b"\n\n"),
    "gzip": lambda url, text: httpx.post(f"{url}/echo/gzip", content=gzip.compress(body(text))),
    "multipart": lambda url, text: httpx.post(f"{url}/echo/ok", files={"f": ("n", text)}),
    "a form": lambda url, text: httpx.post(f"{url}/echo/ok", data={"a": text.decode()}),
    "a path": lambda url, text: httpx.post(f"{url}/echo/307/{quote(text.decode(), safe='')}", content=b"{}"),
    "a query": lambda url, text: httpx.post(f"{url}/echo/ok", params={"q": text.decode()}, content=b"{}"),
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def written(tmp_path):
    """Every byte on disk but what was put aside for its owner's eyes, which is to be his alone."""
    for aside in (tmp_path / "state").rglob("*.json"):
        assert stat.S_IMODE(aside.stat().st_mode) == 0o600
        assert stat.S_IMODE(aside.parent.stat().st_mode) == 0o700
    return b"\n".join(file.read_bytes() for file in tmp_path.glob("*.json*"))


@pytest.mark.parametrize("known", ["by its variable", "given", "by its header"])
@pytest.mark.parametrize("place", PLACES)
def test_p8_f52_f54_a_planted_secret_is_nowhere(place, known, tmp_path, served, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG, "harness")
    redacted = 0
    forms = FORMS if known == "by its variable" else ("raw", "base64", "half of it")
    for secret, form in product((KEY, ODD, AWKWARD), forms):
        if known == "by its header" and secret == ODD:
            continue  # no header can carry it
        if known == "by its variable":
            monkeypatch.setenv("SOME_API_KEY", secret)
        given = (secret,) if known == "given" else ()
        path = tmp_path / "a.json"
        path.unlink(missing_ok=True)
        text = FORMS[form](secret.encode())
        said = ""
        try:
            with open_tape(path, mode="record", provenance=FROM, secrets=given):
                if known == "by its header":
                    httpx.post(f"{served.url}/plain", headers={"x-api-key": secret}, content=b"{}")
                answer = PLACES[place](served.url, text)
                assert answer.status_code in {200, 307, 429}
                assert not traces(journal(path).read_bytes(), secret), form
            with open_tape(path, secrets=given):
                if known == "by its header":
                    httpx.post(f"{served.url}/plain", headers={"x-api-key": secret}, content=b"{}")
                with pytest.raises(CassetteMiss) as miss:
                    PLACES[place](served.url, b"other " + text)
            said = str(miss.value)
            redacted += 1
        except LeakError as leak:
            said = str(leak)
        assert not traces(written(tmp_path) + said.encode() + caplog.text.encode(), secret), (secret, form)
    print(f"{place}, {known}: {redacted} redacted, the others refused")
    assert redacted or place == "gzip"  # a compressed request is refused


LAW = """
import os, httpx
from hypothesis import Phase, given, settings, strategies as st
from harness.cassette import open_tape
from harness.core.exchange import Provenance
FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
SECRET = os.environ["SOME_API_KEY"]

@settings(max_examples=5, deadline=None, phases=[Phase.generate])
@given(st.sampled_from(["a", SECRET]), st.text("xyz", min_size=12, max_size=12))
def test_recorded(word, drawn):
    with open_tape("a.json", mode="record", provenance=FROM):
        answer = httpx.post(os.environ["ECHO"], content=f"{word} {SECRET}", headers={"authorization": "Bearer " + SECRET})
    assert answer.text == "", answer.text

@settings(max_examples=5, deadline=None, phases=[Phase.generate])
@given(st.sampled_from(["a", SECRET]), st.text("xyz", min_size=12, max_size=12))
def test_missed(word, drawn):
    with open_tape("old.json"):
        httpx.post(os.environ["ECHO"], content=f"{word} {SECRET} new")
"""


def test_f57_a_secret_of_a_failing_law_is_not_in_hypothesis_own_store(tmp_path, served, monkeypatch):
    with open_tape(tmp_path / "old.json", mode="record", provenance=FROM):
        httpx.post(f"{served.url}/echo/ok", content=b"old")
    monkeypatch.setenv("SOME_API_KEY", KEY)
    monkeypatch.setenv("ECHO", f"{served.url}/echo/ok")
    (tmp_path / "test_law.py").write_text(LAW)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = python("pytest", "-q", "-p", "no:cacheprovider", "test_law.py", cwd=tmp_path, loaded=False)
    assert "2 failed" in done.stdout, done.stdout + done.stderr
    assert "CassetteMiss" in done.stdout
    store = tmp_path / ".hypothesis"
    examples = [file.read_bytes() for file in (store / "examples").rglob("*") if file.is_file()]
    assert any(re.search(rb"[xyz]{12}", one) for one in examples), (
        "a drawn text stands there: the store was written, and is searched"
    )
    for file in store.rglob("*"):
        assert not (file.is_file() and traces(file.read_bytes(), KEY)), file
