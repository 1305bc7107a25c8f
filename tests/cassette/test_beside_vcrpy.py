"""What README says of a changed prompt: it passes with vcrpy's defaults, and fails here with the leaf."""

import json
import urllib.request

import pytest
import vcr

from harness.cassette import open_tape
from harness.core.errors import CassetteMiss
from harness.core.exchange import Provenance
from tests.fake_models import TEXT, serving


def ask(url, text):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", body, {"content-type": "application/json"})
    return json.loads(urllib.request.urlopen(request, timeout=20).read())["choices"][0]["message"]["content"]


def test_a_changed_prompt_passes_with_vcrpy_and_is_a_miss_here(tmp_path):
    with serving() as fake:
        with vcr.use_cassette(str(tmp_path / "hello.yaml")):
            ask(fake.url, "Say hello.")
        with open_tape(
            tmp_path / "hello.json", mode="record", provenance=Provenance("local", "2026-01-01T00:00:00+00:00")
        ):
            ask(fake.url, "Say hello.")
    with vcr.use_cassette(str(tmp_path / "hello.yaml")):
        assert ask(fake.url, "Say goodbye.") == TEXT
    with open_tape(tmp_path / "hello.json"), pytest.raises(CassetteMiss) as missed:
        ask(fake.url, "Say goodbye.")
    assert 'differs at body.messages[0].content: recorded "Say hello.", requested "Say goodbye."' in str(missed.value)
