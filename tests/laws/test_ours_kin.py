"""Every law for our backend: the rest of those that speak as OpenAI does, and Ollama."""

import pytest


@pytest.mark.laws(
    providers=("openrouter", "xai", "hosted_vllm", "llamafile", "ollama", "ollama_chat"), examples=120, bare=200
)
def test_our_backend_keeps_the_laws(proof):
    assert proof.examples >= 120
    assert len(proof.judged) > 10
