"""Which models there are: names, where they are served, and keys that are never shown."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from harness.core.errors import UsageError
from harness.dialects.providers import ALIASES


def canonical(model: str) -> str:
    """``model`` as litellm spells it: ``google/x`` becomes ``gemini/x``. ``UsageError`` without a provider."""
    provider, slash, name = model.partition("/")
    if not slash or not provider or not name:
        raise UsageError(f"model {model!r} names no provider; write it as provider/model, such as openai/gpt-4o-mini")
    return f"{ALIASES.get(provider, provider)}/{name}"


def provider_of(model: str) -> str:
    """The provider of a model id: its first part."""
    return canonical(model).partition("/")[0]


class ModelConfig(BaseModel):
    """One model: ``name`` as its provider calls it, ``backend`` the provider, ``hostname`` its base URL.

    ``api_key`` is a secret: neither ``repr`` nor ``model_dump`` nor a validation error shows it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    backend: str = ""
    hostname: str | None = None
    api_key: SecretStr | None = None

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not name.strip():
            raise ValueError("a model needs a name")
        return name

    @property
    def model_id(self) -> str:
        """``provider/model``. A name that carries its provider already is not prefixed again."""
        if not self.backend or self.name.startswith(f"{self.backend}/"):
            return canonical(self.name)
        provider = ALIASES.get(self.backend, self.backend)
        return self.name if self.name.startswith(f"{provider}/") else f"{provider}/{self.name}"

    def options(self) -> dict[str, str]:
        """What litellm is told beside the model id: ``api_base`` and ``api_key``, where they are set."""
        found: dict[str, str] = {}
        if self.hostname:
            found["api_base"] = self.hostname
        if self.api_key is not None:
            found["api_key"] = self.api_key.get_secret_value()
        return found
