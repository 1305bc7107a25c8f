from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.backend.completion import ModelConfig
from harness.backend.models import canonical, provider_of
from harness.core.errors import UsageError


@pytest.mark.parametrize(
    ("name", "backend", "expected"),
    [
        ("gpt-4o", "openai", "openai/gpt-4o"),
        ("openai/gpt-4o", "openai", "openai/gpt-4o"),
        ("gemini-2.5-flash", "google", "gemini/gemini-2.5-flash"),
        ("google/gemini-2.5-flash", "google", "gemini/gemini-2.5-flash"),
        ("gemini/gemini-2.5-flash", "google", "gemini/gemini-2.5-flash"),
        ("google/gemma-3", "openrouter", "openrouter/google/gemma-3"),
        ("openrouter/google/gemma-3", "openrouter", "openrouter/google/gemma-3"),
        ("google/gemini-2.5-flash", "", "gemini/gemini-2.5-flash"),
        ("openai-like", "openai", "openai/openai-like"),
        ("qwen3:8b", "ollama_chat", "ollama_chat/qwen3:8b"),
    ],
)
def test_a_model_id_has_its_provider_once(name, backend, expected):
    assert ModelConfig(name=name, backend=backend).model_id == expected


@pytest.mark.parametrize("model", ["gpt-4o", "", "/gpt-4o", "openai/"])
def test_a_model_without_its_provider_is_refused_in_one_sentence(model):
    with pytest.raises(UsageError, match="names no provider; write it as provider/model"):
        canonical(model)
    with pytest.raises((UsageError, ValidationError)):
        _ = ModelConfig(name=model).model_id


def test_the_provider_is_the_first_part():
    assert provider_of("openrouter/google/gemma-3") == "openrouter"
    assert provider_of("google/gemini-2.5-flash") == "gemini"


def test_a_key_is_handed_on_and_never_shown():
    config = ModelConfig(name="gpt-4o", backend="openai", hostname="http://127.0.0.1:1/v1", api_key="sk-planted-4711")
    assert config.options() == {"api_base": "http://127.0.0.1:1/v1", "api_key": "sk-planted-4711"}
    shown = f"{config!r} {config} {config.model_dump()} {config.model_dump_json()}"
    assert "planted" not in shown
    with pytest.raises(ValidationError) as raised:
        ModelConfig(name="gpt-4o", api_key=["sk-planted-4711"])
    assert "planted" not in str(raised.value)


def test_nothing_is_sent_for_what_is_not_set():
    assert ModelConfig(name="gpt-4o", backend="openai").options() == {}
