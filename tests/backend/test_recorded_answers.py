"""litellm's parsers alone read an answer as its whole call does: the shipped recordings, and what the laws ask first."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from harness.backend.completion import complete
from harness.backend.recorded_answers import parsed
from harness.backend.request import prepare_request as prepared
from harness.cards.reread import answer
from harness.cassette import load
from harness.core.errors import StreamCutError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects.providers import profile, proven
from harness.dialects.registry import read_chat_request
from harness.laws import run_trial
from harness.laws.exemplars import exemplars
from harness.laws.question import conversation, offered, options

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.usefixtures("litellm_offline"),
    # litellm leaves sockets and event loops behind
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
MESSAGES = [{"role": "user", "content": "Hi"}]
AT = {"api_base": "http://provider.test/v1", "api_key": "k"}


def outcome(reply, error):
    """All that a card can see of an answer."""
    ids = [call.id for call in reply.calls] if reply else ()
    return reply, reply and reply.raw_finish, ids, type(error), str(error), getattr(error, "reply", None)


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_the_shipped_answers_are_read_as_by_the_whole_call(every):
    ways = Counter()
    for file in sorted((ROOT / "cassettes").rglob("*.json"))[::every]:
        for place, exchange in enumerate(load(file).exchanges):
            question = read_chat_request(exchange.request)

            def counted(*words, **options):
                ways["whole call"] += 1
                return complete(*words, **options)

            quick = answer(exchange, question, counted, parsed)
            assert outcome(*quick) == outcome(*answer(exchange, question, complete)), f"{file} exchange {place}"
            ways["all"] += 1
    print(f"\n{dict(ways)}")
    assert ways["all"] > 500 / every
    assert ways["whole call"] < ways["all"] / 20  # refused keys, and errors in a stream


def compared(provider, questions):
    """How many of ``questions`` the parsers alone answer, each as the whole call does."""
    model, fixed = profile(provider).model, dict(profile(provider).options)
    ways = Counter()
    for number, question in enumerate(questions):
        trial = run_trial(question, complete)
        if trial.served is None:
            continue  # refused before anything was sent
        words = (conversation(question), offered(question) or None, {**fixed, **options(question)})
        try:
            quick = parsed(prepared(model, *words, stream=question.stream), trial.served), None
        except StreamCutError as error:
            quick = None, error
        ways["all"] += 1
        if quick != (None, None):
            ways["parsed"] += 1
            assert outcome(*quick) == outcome(trial.reply, trial.error), f"question {number}: {question.quirks}"
    return ways


def enough(provider, ways):
    """Whether most are read without the whole call: the frames of Bedrock's InvokeModel never are; of the few that fit
    /api/generate, half.
    """
    share = {"bedrock/invoke": 0, "ollama": 0.5}.get(provider, 0.7)
    return ways["parsed"] >= ways["all"] * share


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", proven())
def test_one_in_fifteen_of_the_first_questions_of_the_laws(provider, stream):
    assert enough(provider, compared(provider, exemplars(provider, stream=stream)[::15]))


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", proven())
def test_all_of_the_first_questions_of_the_laws(provider, stream):
    assert enough(provider, compared(provider, exemplars(provider, stream=stream)))


def response(text, status=200, kind="application/json"):
    return HttpResponse(status, (("content-type", kind),), (Chunk(text.encode()),))


WHOLE = json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hello."}}]})


def test_what_the_parsers_can_not_tell_is_left_to_the_whole_call():
    question = prepared("openai/m", MESSAGES, None, AT, stream=False)
    assert parsed(question, response(WHOLE)).text == "Hello."
    assert parsed(question, response(WHOLE, status=429)) is None
    assert parsed(question, response("<html>no</html>")) is None
    assert parsed(question, response("{}")) is None


def event(**delta):
    finish = delta.pop("finish", None)
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}]})}\n\n"


def test_a_stream_that_goes_wrong_is_left_to_the_whole_call_but_where_it_only_ends():
    question = prepared("openai/m", MESSAGES, None, AT, stream=True)

    def streamed(text):
        return parsed(question, response(text, kind="text/event-stream"))

    assert streamed(event(content="Hello.") + event(finish="stop")).text == "Hello."
    assert streamed(event(finish="stop") + 'data: {"error": {"message": "no"}}\n\n') is None
    assert streamed(event(refusal="No.") + event(finish="stop")).refusal == "No."  # which litellm's wrapper loses
    with pytest.raises(StreamCutError) as cut:
        streamed(event(content="Hel"))
    assert cut.value.reply.text == "Hel"


def test_a_litellm_without_these_parsers_is_asked_in_full(monkeypatch):
    from harness.backend import recorded_answers

    monkeypatch.setattr(recorded_answers, "_config", lambda *_: object())
    assert parsed(prepared("groq/m", MESSAGES, None, AT, stream=False), response("no JSON")) is None
    monkeypatch.setattr(recorded_answers, "BY_SDK", frozenset())
    assert parsed(prepared("groq/m", MESSAGES, None, AT, stream=True), response(event(finish="stop"))) is None
