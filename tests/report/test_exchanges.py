"""What a person sees of an answer that the provider's own tool took part in."""

from __future__ import annotations

import json

import pytest

from harness.core.chat import Reply
from harness.core.exchange import Exchange, HttpRequest
from harness.dialects import DIALECTS
from harness.report.cards import page
from harness.report.exchanges import whole

ADDRESSES = {
    "anthropic": "https://api.anthropic.com/v1/messages",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
    "openai_responses": "https://api.openai.com/v1/responses",
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_what_the_provider_ran_is_shown_with_its_result(name: str, *, stream: bool) -> None:
    ran = DIALECTS[name].facts.runs
    answer = DIALECTS[name].render(Reply("So.", provider_calls=(ran,), finish="stop"), stream=stream)
    exchange = Exchange(HttpRequest("POST", ADDRESSES[name], (), b"{}"), answer)
    assert ran.result
    shown = whole(0, exchange)
    assert f"run by the provider: {ran.name}" in shown
    assert "its result: " in shown
    assert json.loads(dict(page.shown_exchange(exchange)["decoded"])["its result"]) == ran.result
