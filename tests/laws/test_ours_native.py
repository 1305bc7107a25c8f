"""Every law for our backend: the wires of Anthropic, Gemini, Bedrock and Cohere."""

import pytest


@pytest.mark.laws(providers=("anthropic", "gemini", "bedrock", "cohere", "cohere_chat"), examples=120, bare=200)
def test_our_backend_keeps_the_laws(proof):
    assert proof.examples >= 120
    assert len(proof.judged) > 20
