"""Asking without a key: told as what it is, before anything is sent."""

from __future__ import annotations

import pytest

from harness.backend.completion import complete
from harness.backend.keys import VARIABLES
from harness.cassette.doors import answering
from harness.errors import AuthenticationError
from harness.exchange import HttpRequest, HttpResponse


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o-mini", "gemini/gemini-1.5-flash", "anthropic/claude-3-5-sonnet-20241022"]
)
def test_a_missing_key_is_an_authentication_error(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for names in VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    asked = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return HttpResponse(500)

    with answering(answer), pytest.raises(AuthenticationError, match=r"(?i)key"):
        complete(model, [{"role": "user", "content": "hi"}])
    assert asked == []
