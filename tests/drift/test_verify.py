"""What verification may spend, and the keys that it sends: by the same prices and variables as recording."""

import datetime as dt
import json
import time

import pytest

from harness.app import verify_targets
from harness.backend.models import key_variables
from harness.cassette import Cassette, save
from harness.core.chat import Reply, Usage
from harness.core.errors import UsageError
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS
from harness.dialects.providers import PROFILES
from harness.drift import resend
from harness.drift.expiry import Policy
from harness.drift.verify import AnswerReceived, verify
from harness.engine.budget import Budget, BudgetSpentError, Limits

HOSTS = {
    "openai": ("https://api.openai.com/v1/chat/completions", "openai"),
    "azure": ("https://some.openai.azure.com/openai/deployments/gpt-4o/chat/completions", "openai"),
    "anthropic": ("https://api.anthropic.com/v1/messages", "anthropic"),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", "gemini"),
    "cohere_chat": ("https://api.cohere.com/v2/chat", "cohere"),
    "together_ai": ("https://api.together.xyz/v1/chat/completions", "openai"),
    "fireworks_ai": ("https://api.fireworks.ai/inference/v1/chat/completions", "openai"),
    "groq": ("https://api.groq.com/openai/v1/chat/completions", "openai"),
    "xai": ("https://api.x.ai/v1/chat/completions", "openai"),
    "zai": ("https://api.z.ai/api/paas/v4/chat/completions", "openai"),
    "writer": ("https://api.writer.com/v1/chat/completions", "openai"),
}
KEY = "a-planted-key-0123456789"


class NothingKept:
    resumed = 0

    def get(self, *_):
        return None

    def keep(self, *_):
        return None


def exchange(provider="openai", model="gpt-4o", usage=(200_000, 25_000), **body):
    url, dialect = HOSTS.get(provider, (provider, "openai"))
    asked = {"model": model, "messages": [{"role": "user", "content": "x"}], **body}
    reply = Reply(text="hi", finish="stop", usage=Usage(*usage, sum(usage)))
    request = HttpRequest("POST", url, (("content-type", "application/json"),), json.dumps(asked).encode())
    return Exchange(request, DIALECTS[dialect].render(reply))


def saved(folder, *exchanges):
    path = folder / "shop" / "case" / "m.json"
    save(path, Cassette(Provenance("live", "2026-01-01T00:00:00+00:00", "them"), exchanges))
    return str(path)


def terms(*, priced=False, hostname=""):
    return verify_targets.Terms(Policy(), dt.datetime(2026, 2, 1, tzinfo=dt.UTC), hostname, priced=priced)


def spent(targets, limits, answer, repeats=1):
    """How many questions were asked, and what that cost."""
    allowance = Budget(limits, clock=time.monotonic, sleep=time.sleep)
    asked = []

    def send(_target, recorded):
        asked.append(recorded)
        return answer(recorded)

    with pytest.raises(BudgetSpentError):
        list(verify(targets, send=send, answers=NothingKept(), allowance=allowance, repeats=repeats))
    return len(asked), allowance.dollars


def test_what_an_answer_costs_is_known_of_cassettes_by_themselves(tmp_path):
    (one,) = verify_targets.of_files([saved(tmp_path, exchange())], terms(priced=True))
    assert spent([one.target], Limits(dollars=0.10), lambda recorded: recorded) == (0, 0)


def test_what_was_paid_is_settled_with_every_repeat(tmp_path):
    path = saved(tmp_path, exchange(usage=(10, 10)))
    (one,) = verify_targets.of_files([path], terms(priced=True))
    number, dollars = spent([one.target], Limits(dollars=2.5), lambda _: exchange(usage=(2_000_000, 50_000)), repeats=3)
    assert number == 1
    assert dollars > 5


def test_an_answer_may_be_as_long_as_the_question_lets_it(tmp_path):
    dear, cheap = (
        verify_targets.of_files(
            [saved(tmp_path / name, exchange(usage=(1, 1), max_tokens=longest))], terms(priced=True)
        )[0]
        for name, longest in (("dear", 100_000), ("cheap", 10))
    )
    assert spent([dear.target], Limits(dollars=0.5), lambda recorded: recorded)[0] == 0
    allowance = Budget(Limits(dollars=0.5), clock=time.monotonic, sleep=time.sleep)
    events = verify([cheap.target], send=lambda _, recorded: recorded, answers=NothingKept(), allowance=allowance)
    assert any(isinstance(event, AnswerReceived) for event in events)
    assert 0 < allowance.dollars < 0.001


@pytest.mark.parametrize("model", ["no-such-model", ""])
def test_a_model_without_a_price_is_refused_where_dollars_are_limited(tmp_path, model):
    path = saved(tmp_path, exchange(model=model))
    with pytest.raises(UsageError, match=r"knows no price for .*count requests"):
        verify_targets.of_files([path], terms(priced=True))
    assert verify_targets.of_files([path], terms())
    assert verify_targets.of_files([path], terms(priced=True, hostname="http://127.0.0.1:1/v1"))


@pytest.mark.parametrize("provider", HOSTS)
def test_each_provider_is_sent_the_key_that_recording_takes(tmp_path, monkeypatch, provider):
    variable = key_variables(provider)[0]
    (one,) = verify_targets.of_files([saved(tmp_path, exchange(provider))], terms())
    sent = []

    def sending(_client, request, *, keys, hostname):
        sent.extend(value for _, value in keys)
        return Exchange(request, one.target.cassette.exchanges[0].response)

    monkeypatch.setattr(resend, "sent", sending)
    verify_targets.sender([one], {variable: KEY})(one.target, one.target.cassette.exchanges[0])
    assert [KEY in value for value in sent] == [True]


def test_no_provider_is_sent_the_key_of_another(tmp_path, monkeypatch):
    path = saved(tmp_path, exchange("https://llm.example.com/v1/chat/completions"))
    (one,) = verify_targets.of_files([path], terms())
    sent = []
    refused = DIALECTS["openai"].error(401, "no key")

    def sending(_client, request, *, keys, hostname):
        sent.append(keys)
        return Exchange(request, refused)

    monkeypatch.setattr(resend, "sent", sending)
    with pytest.raises(UsageError, match="no key was sent, and one is required"):
        verify_targets.sender([one], {"OPENAI_API_KEY": KEY})(one.target, one.target.cassette.exchanges[0])
    assert sent == [()]


@pytest.mark.parametrize("provider", [name for name, row in PROFILES.items() if row.keys])
def test_the_variables_are_those_that_litellm_names(provider):
    import litellm

    missing = litellm.validate_environment(model=f"{provider}/some-model")["missing_keys"]
    wanted = [name for name in missing if name.endswith(("_KEY", "_TOKEN", "_JWT"))]
    assert set(wanted) <= set(PROFILES[provider].keys)


@pytest.mark.parametrize(
    ("provider", "variables"),
    [("scaleway", ("SCW_SECRET_KEY",)), ("nano-gpt", ("NANOGPT_API_KEY",)), ("writer", ("WRITER_API_KEY",))],
)
def test_a_provider_that_is_not_listed_has_the_variable_of_litellms_list_or_the_usual_one(provider, variables):
    assert key_variables(provider) == variables
    assert key_variables("llm.example.com") == ()
