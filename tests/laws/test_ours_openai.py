"""Every law for our backend: OpenAI's wire, and those nearest to it."""

import pytest


@pytest.mark.laws(providers=("openai", "azure", "groq", "mistral", "deepseek"), examples=120, bare=200)
def test_our_backend_keeps_the_laws(proof):
    assert proof.examples >= 120
    assert len(proof.judged) > 20
