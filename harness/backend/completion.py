"""The call of litellm: one request in, one ``Reply`` out."""

from __future__ import annotations

import contextlib
import functools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from harness.backend.attempt import Attempt
from harness.backend.library import library_for
from harness.backend.models import canonical
from harness.backend.request import prepare_request
from harness.core.errors import ToolCallError, UsageError
from harness.dialects.providers import ALIASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from harness.core.chat import Json, Reply


custom_tools = True
"""For the laws (``laws.tested_backend``): tools that are no functions are taken too."""


def complete(
    model: str,
    messages: Sequence[Json],
    *,
    tools: Sequence[Mapping[str, Json]] | None = None,
    stream: bool = False,
    **options: Json,
) -> Reply:
    """Send a request to ``model`` (``provider/name``) and return all that it answered.

    ``options`` go to litellm (``temperature``, ``max_tokens``, ``tool_choice``, ``response_format``, ``api_base``,
    ``api_key``, …), but for ``message_return_type`` ("text" or "json"). Nothing is retried unless
    ``num_retries`` says so. A streamed answer is read to its end, and is the same ``Reply``.

    Raises ``UsageError`` and ``DuplicateToolError`` before anything is sent; ``ProviderError`` by kind;
    ``StreamCutError`` for a stream that ends early; ``UnreadableReplyError``.
    """
    attempt = Attempt(prepare_request(model, messages, tools, options, stream=stream))
    try:
        with watched(attempt) as litellm:
            answer = litellm.completion(**attempt.litellm_arguments(), logger_fn=attempt.log_details)
        if stream:
            if getattr(answer, "completion_stream", None) is None:
                answer.fetch_sync_stream()
            attempt.begin(answer)
            for chunk in answer:
                attempt.assembly.add(chunk)
    except Exception as error:  # litellm raises its own, the SDKs' and Python's: all become one of ours
        rescued = attempt.rescued(error)
        if rescued is not None:
            return rescued
        raise attempt.failed(error) from error
    return attempt.streamed_reply(answer) if stream else attempt.reply(answer)


async def acomplete(
    model: str,
    messages: Sequence[Json],
    *,
    tools: Sequence[Mapping[str, Json]] | None = None,
    stream: bool = False,
    **options: Json,
) -> Reply:
    """``complete``, awaited."""
    attempt = Attempt(prepare_request(model, messages, tools, options, stream=stream))
    try:
        with watched(attempt) as litellm:
            answer = await litellm.acompletion(**attempt.litellm_arguments(), logger_fn=attempt.log_details)
        if stream:
            if getattr(answer, "completion_stream", None) is None:
                await answer.fetch_stream()
            attempt.begin(answer)
            async for chunk in answer:
                attempt.assembly.add(chunk)
    except Exception as error:  # litellm raises its own, the SDKs' and Python's: all become one of ours
        rescued = attempt.rescued(error)
        if rescued is not None:
            return rescued
        raise attempt.failed(error) from error
    return attempt.streamed_reply(answer) if stream else attempt.reply(answer)


_ATTEMPT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


@contextlib.contextmanager
def watched(attempt: Attempt) -> Iterator[ModuleType]:
    """litellm, ready for ``attempt``, which sees, and may change, what litellm's own HTTP clients send and get.

    litellm hands over the text of some providers' answers only, and no headers.
    """
    token = _ATTEMPT.set(attempt)
    try:
        litellm = library_for(str(attempt.request.arguments["model"]), attempt.request.arguments.get("api_base"))
        _watch_http_clients()
        yield litellm
    finally:
        _ATTEMPT.reset(token)


@functools.cache
def _watch_http_clients() -> None:
    from litellm.llms.custom_httpx.http_handler import (  # noqa: PLC0415 - three seconds of CPU
        AsyncHTTPHandler,
        HTTPHandler,
    )

    post, apost = HTTPHandler.post, AsyncHTTPHandler.post

    @functools.wraps(post)
    def reporting(*args: Any, **named: Any) -> Any:
        return _on_response(post(*args, **_on_request(named)))

    @functools.wraps(apost)
    async def areporting(*args: Any, **named: Any) -> Any:
        return _on_response(await apost(*args, **_on_request(named)))

    setattr(HTTPHandler, "post", reporting)  # noqa: B010 - mypy refuses to see a method replaced
    setattr(AsyncHTTPHandler, "post", areporting)  # noqa: B010 - as above


def _on_request(named: dict[str, Any]) -> dict[str, Any]:
    attempt, body = _ATTEMPT.get(), named.get("data")
    return named if attempt is None or not isinstance(body, str) else {**named, "data": attempt.on_request(body)}


def _on_response(response: Any) -> Any:
    attempt = _ATTEMPT.get()
    return response if attempt is None else attempt.on_response(response)


def completion(
    model: str,
    messages: Sequence[Json],
    temperature: float | None = None,
    max_tokens: int | None = None,
    **options: Json,
) -> tuple[str | list[dict[str, Json]], bool]:
    """The documented form: ``(text, True)``, or ``([{"name", "parameters", "id"}, …], True)`` where tools are called.

    ``options`` as for ``complete``. Raises ``ToolCallError`` if any call can't be read; it carries the good
    ones and the text.
    """
    return as_tuple(complete(model, messages, **_sampling(temperature, max_tokens), **options))


async def acompletion(
    model: str,
    messages: Sequence[Json],
    temperature: float | None = None,
    max_tokens: int | None = None,
    **options: Json,
) -> tuple[str | list[dict[str, Json]], bool]:
    """``completion``, awaited."""
    return as_tuple(await acomplete(model, messages, **_sampling(temperature, max_tokens), **options))


def as_tuple(reply: Reply) -> tuple[str | list[dict[str, Json]], bool]:
    """The documented form of a reply. Raises ``ToolCallError``."""
    if reply.errors:
        raise ToolCallError(reply.errors, reply.calls, reply.text)
    return ([call.as_dict() for call in reply.calls] if reply.calls else reply.text), True


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
        """What litellm is given beside the model id: ``api_base`` and ``api_key``, where they are set."""
        found: dict[str, str] = {}
        if self.hostname:
            found["api_base"] = self.hostname
        if self.api_key is not None:
            found["api_key"] = self.api_key.get_secret_value()
        return found


class LiteLLMBackend:
    """A few models behind the same four calls; ``llms`` are their ids, such as ``openai/gpt-4o-mini``.

    ``models`` are ``ModelConfig``, dicts of its fields, or model ids. Base URLs and keys of a model go with
    each of its requests, unless the call gives its own.
    """

    def __init__(self, models: Iterable[ModelConfig | Mapping[str, Json] | str]) -> None:
        configs = [_config(model) for model in models]
        self.llms = [config.model_id for config in configs]
        doubled = {model for model in self.llms if self.llms.count(model) > 1}
        if doubled:
            raise UsageError(f"two models share an id: {', '.join(sorted(doubled))}; leave one out")
        self._configs = dict(zip(self.llms, configs, strict=True))

    def complete(self, model: str, messages: Sequence[Json], **options: Json) -> Reply:
        return complete(model, messages, **self._with_config(model, options))

    async def acomplete(self, model: str, messages: Sequence[Json], **options: Json) -> Reply:
        return await acomplete(model, messages, **self._with_config(model, options))

    def completion(
        self, model: str, messages: Sequence[Json], *sampling: Json, **options: Json
    ) -> tuple[str | list[dict[str, Json]], bool]:
        return completion(model, messages, *sampling, **self._with_config(model, options))

    async def acompletion(
        self, model: str, messages: Sequence[Json], *sampling: Json, **options: Json
    ) -> tuple[str | list[dict[str, Json]], bool]:
        return await acompletion(model, messages, *sampling, **self._with_config(model, options))

    def _with_config(self, model: str, options: Mapping[str, Json]) -> dict[str, Json]:
        config = self._configs.get(canonical(model))
        if config is None:
            raise UsageError(f"no model {model!r} here; there are {', '.join(self.llms) or 'none'}")
        return {**config.options(), **options}


def _config(model: ModelConfig | Mapping[str, Json] | str) -> ModelConfig:
    if isinstance(model, ModelConfig):
        return model
    return ModelConfig(name=model) if isinstance(model, str) else ModelConfig.model_validate(dict(model))


def _sampling(temperature: float | None, max_tokens: int | None) -> dict[str, Json]:
    options = {"temperature": temperature, "max_tokens": max_tokens}
    return {name: value for name, value in options.items() if value is not None}
