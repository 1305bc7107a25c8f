"""Asking without a key: told as what it is, before anything is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.backend.completion import complete
from harness.backend.models import placeholder_keys
from harness.core.errors import AuthenticationError
from harness.core.exchange import HttpRequest, HttpResponse
from harness.dialects.providers import PROFILES
from harness.interception.clients import answering


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o-mini", "gemini/gemini-1.5-flash", "anthropic/claude-3-5-sonnet-20241022"]
)
def test_a_missing_key_is_an_authentication_error(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for names in (row.keys for row in PROFILES.values()):
        for name in names:
            monkeypatch.delenv(name, raising=False)
    asked = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return HttpResponse(500)

    with answering(answer), pytest.raises(AuthenticationError, match=r"(?i)key"):
        complete(model, [{"role": "user", "content": "hi"}])
    assert asked == []


def test_a_replay_gives_sdks_a_key_of_each_recorded_provider_that_has_none() -> None:
    hosts = ["api.openai.com", "api.anthropic.com", "bedrock-runtime.eu-west-1.amazonaws.com", "localhost"]
    found = placeholder_keys(hosts, {"OPENAI_API_KEY": "own", "GROQ_API_KEY": "own"})
    assert found.keys() == {
        "ANTHROPIC_API_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    }
    assert found["AWS_REGION"] == "eu-west-1"
    assert placeholder_keys([], {}) == {}
    assert placeholder_keys(["gateway.example.com"], {}).keys() == {"OPENAI_API_KEY"}
    assert placeholder_keys(None, {}).keys() > {"OPENAI_API_KEY", "GROQ_API_KEY", "CO_API_KEY", "AWS_REGION"}


REPLAY = """
import atexit, os, sys
from harness import complete
from harness.cassette import Cassette, open_tape, save
from harness.core.chat import Reply
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS

asked = b'{"messages":[{"role":"user","content":"hi"}],"model":"m"}'
sent = HttpRequest("POST", "http://a.test/v1/chat/completions", (), asked)
made = Exchange(sent, DIALECTS["openai"].render(Reply(text="hello", finish="stop")))
save(sys.argv[1], Cassette(Provenance("synthetic", "", "a test"), (made,)))
out = []
sys.addaudithook(lambda event, args: out.append(args) if event == "socket.getaddrinfo" else None)
with open_tape(sys.argv[1]) as tape:
    assert complete("openai/m", [{"role": "user", "content": "hi"}], api_base="http://a.test/v1", api_key="k").text == "hello"
assert (tape.misses, tape.unused) == ([], ()), tape.misses
# When this is called, Python has joined every thread that is not a daemon.
atexit.register(lambda: print(out) or os._exit(4) if out else None)
"""


def test_litellm_first_imported_inside_a_tape_asks_for_nothing_of_its_own(tmp_path: Path) -> None:
    """A user's own process, in which nobody has told litellm to stay offline."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LITELLM", "HF_"))}
    command = [sys.executable, "-c", REPLAY, str(tmp_path / "a.json")]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
