"""The server inside a test: a fixture in three lines, a port for each, under xdist too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from harness.cassette import Cassette, save
from harness.core.chat import Reply
from harness.core.errors import UsageError
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS
from harness.server.in_process import answering, replaying

ASKED = b'{"messages":[{"content":"hi","role":"user"}],"model":"m"}'


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    made = []
    for text in ("hi", "ho"):
        request = HttpRequest("POST", "https://x.test/v1/chat/completions", (), ASKED.replace(b"hi", text.encode()))
        made.append(Exchange(request, DIALECTS["openai"].render(Reply(text=f"said {text}", finish="stop"))))
    save(tmp_path / "a.json", Cassette(Provenance("synthetic", ""), tuple(made)))
    return tmp_path / "a.json"


def said(base: str, body: bytes = ASKED) -> str:
    answer = httpx.post(f"{base}/chat/completions", content=body)
    return answer.json()["choices"][0]["message"]["content"] if answer.status_code == 200 else str(answer.status_code)


def test_it_gives_base_urls_and_tells_what_was_missed_and_left(cassette: Path) -> None:
    with replaying(cassette) as served:
        assert served.openai == f"{served.url}/v1"
        assert said(served.openai) == "said hi"
        assert said(served.openai, b'{"model": "other"}') == "404"
        assert served.unused == [f"{cassette}#1"]
        assert "the nearest" in served.misses[0]
    with pytest.raises(httpx.ConnectError):
        said(served.openai)


def test_it_breaks_answers_by_rules_and_repeats(cassette: Path) -> None:
    rules = cassette.with_name("faults.yaml")
    rules.write_text("faults: [{fault: status, status: 429, retry_after: 1}]")
    with replaying(cassette, repeat=True, faults=rules) as served:
        assert [said(served.openai) for _ in range(3)] == ["429", "said hi", "said hi"]


def test_it_answers_from_a_script_and_without_one(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("replies: [{text: It rains.}]")
    with answering(script) as served:
        assert said(served.openai) == "It rains."
        assert served.unused == []
    with answering() as served:
        assert httpx.post(f"{served.openai}/chat/completions", content=ASKED).json()["choices"]


def test_what_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no cassettes"), replaying(tmp_path):
        pass


FIXTURE = """
import httpx, pytest
from harness.server.in_process import replaying

@pytest.fixture
def provider():
    with replaying({path!r}) as served:
        yield served
        assert not served.misses

@pytest.mark.parametrize("number", range(12))
def test_it(provider, number):
    given = httpx.post(f"{{provider.openai}}/chat/completions", content={asked!r})
    assert given.json()["choices"][0]["message"]["content"] == "said hi"
"""


def test_a_fixture_of_it_is_safe_under_xdist(cassette: Path) -> None:
    file = cassette.with_name("test_it.py")
    file.write_text(FIXTURE.format(path=str(cassette), asked=ASKED))
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, cwd=cassette.parent)
    assert "12 passed" in done.stdout, done.stdout + done.stderr
