"""Every law for our backend: the providers and modes that ``test_ours.py`` leaves out."""

import pytest

pytestmark = pytest.mark.slow
AWAITED = ("async whole", "async stream")


@pytest.mark.laws(
    providers=(
        "azure",
        "deepseek",
        "openrouter",
        "xai",
        "hosted_vllm",
        "llamafile",
        "cohere",
        "azure_ai/claude",
        "vertex_ai/claude",
    ),
    examples=30,
    bare=60,
)
def test_our_backend_keeps_the_laws(proof):
    assert proof.drawn >= 30
    assert len(proof.judged) > 20


@pytest.mark.laws(
    providers=("openai", "anthropic", "bedrock", "openai/responses", "gemini", "cohere_chat", "bedrock/invoke"),
    modes=AWAITED,
    examples=30,
)
def test_our_backend_keeps_the_laws_awaited(proof):
    assert proof.drawn >= 30
    assert len(proof.judged) > 20


@pytest.mark.laws(providers=("groq", "mistral"), examples=30, bare=60)
def test_our_backend_keeps_the_laws_of_openais_kin(proof):
    assert proof.drawn >= 30
    assert len(proof.judged) > 20


@pytest.mark.laws(providers=("ollama", "ollama_chat"), modes=AWAITED, examples=30)
def test_our_backend_keeps_the_laws_of_ollama(proof):
    assert proof.drawn >= 30
    assert len(proof.judged) > 10
