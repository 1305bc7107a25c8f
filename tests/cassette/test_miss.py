"""A miss through litellm: told at once, once, whole and without secrets, by every provider and in every mode."""

from __future__ import annotations

import asyncio

import pytest

from harness.backend.library import load_offline
from harness.cassette import Cassette, open_tape, save
from harness.cassette.secrets.redaction import Redactor
from harness.core.chat import Reply, Usage
from harness.core.errors import CassetteMiss
from harness.core.exchange import Chunk, Exchange, HttpResponse, Provenance
from harness.dialects import DIALECTS
from harness.dialects.providers import profile, proven
from harness.interception.clients import answering

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
KEY = "sk-proj-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1"
YES = Reply(text="Yes.", finish="stop", usage=Usage(1, 1, 2))
ANSWERS = 4
TOKEN = HttpResponse(200, (), (Chunk(b'{"access_token": "none", "expires_in": 3600, "token_type": "Bearer"}'),))
"""What Google's library asks for, once a process."""


@pytest.fixture(scope="module", autouse=True)
def litellm():
    load_offline()


def asking(provider, mode):
    import litellm

    model, options = profile(provider).model, dict(profile(provider).options)
    options = {name: value for name, value in options.items() if name != "num_retries"}
    if provider not in {"bedrock", "ollama", "ollama_chat"}:
        options["api_key"] = KEY
    stream = "stream" in mode

    async def awaited(messages):
        answer = await litellm.acompletion(model, messages, stream=stream, **options)
        return [part async for part in answer] if stream else answer

    def ask(text):
        messages = [{"role": "user", "content": text}]
        if "async" in mode:
            return asyncio.run(awaited(messages))
        answer = litellm.completion(model, messages, stream=stream, **options)
        return list(answer) if stream else answer

    return ask


def made(path, provider, ask, *, stream):
    """A cassette with what the provider would be asked, in its own bytes."""
    exchanges = []

    def answer(request):
        if request.url.startswith("https://oauth2.googleapis.com/"):
            return TOKEN
        quirks = frozenset({"ndjson"} if stream and "cohere" in provider else ())
        found = DIALECTS[profile(provider).dialect].render(YES, stream=stream, quirks=quirks)
        exchanges.append(Redactor((KEY,)).exchange(Exchange(request, found)))
        return found

    with answering(answer):
        for number in range(ANSWERS):
            ask(f"question {number}")
    save(path, Cassette(FROM, tuple(exchanges)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the clients' own, of what they do to one another
@pytest.mark.parametrize("mode", ["sync", "sync stream", "async", "async stream"])
@pytest.mark.parametrize("provider", proven())
def test_p10_f30_a_miss_comes_at_once_unretried_and_whole(provider, mode, tmp_path, caplog):
    path = tmp_path / "a.json"
    ask = asking(provider, mode)
    made(path, provider, ask, stream="stream" in mode)
    with open_tape(path, secrets=(KEY,)) as tape:
        ask("question 0")
        with pytest.raises(CassetteMiss) as told:
            ask(f"another question, with {KEY}")
        assert len(tape.misses) == 1
    assert str(path) in str(told.value)
    assert told.value.nearest is not None
    assert "differs at " in str(told.value)
    assert "question" in told.value.differences[0]
    assert KEY[8:16] not in f"{told.value}{told.value.__cause__}{caplog.text}"
