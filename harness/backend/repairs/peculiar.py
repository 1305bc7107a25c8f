"""What litellm 1.109.1 does with one dialect or provider and with no other, as values that the backend asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.backend.repairs.omissions import (
    anthropic_runs,
    bedrock_names,
    executed_tools,
    gemini_runs,
    gemini_usage,
    ollama_ids,
    provider_run_ids,
    unreadable_call,
    with_bedrocks_results,
    with_call_ids,
    with_partial_calls,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.core.chat import Json, Reply


@dataclass(frozen=True, slots=True)
class Peculiar:
    """``openai_shape``: its answers have the shape that litellm hands over, and a stream's counts are the wire's own;
    elsewhere litellm counts tokens where none are given. ``bare_lines``: litellm's parser takes each line for JSON.
    ``binary``: its stream is read by a decoder of frames, and litellm makes up a bad gateway where one breaks off.
    ``unlogged``: litellm never shows the text of its whole answers, which is then taken from the HTTP client.
    ``empty_is_nothing``: litellm writes ``{}`` for arguments that never came. ``text_only``: the API has no calls,
    litellm makes them of JSON text. ``cut_alike``: its parsers read what came of a cut stream as its whole call does.

    ``wrapped``: another API's answer inside frames, which only the whole call unwraps.

    ``parser`` is the module and class of the stream's parser, where the provider's configuration names none;
    ``parser_logs`` says that it wants a log. ``ids`` and ``ran`` find in the provider's own text the ids of calls that
    litellm replaced, and those of calls that the provider ran, ``names`` the names of all calls, in order, where
    litellm gives others. ``with_calls`` puts calls that litellm can't read into an answer, ``completed`` adds
    to a reply what only that text holds. ``asked`` puts into a request what litellm leaves out of its messages.
    """

    openai_shape: bool = False
    bare_lines: bool = False
    binary: bool = False
    unlogged: bool = False
    empty_is_nothing: bool = False
    text_only: bool = False
    cut_alike: bool = False
    wrapped: bool = False
    parser: tuple[str, str] | None = None
    parser_logs: bool = False
    ids: Callable[[str], list[str | None]] | None = None
    ran: Callable[[str], frozenset[str]] = lambda _sent: frozenset()
    names: Callable[[str], list[Json]] = lambda _sent: []
    with_calls: Callable[[Json, str], Json] = lambda response, _sent: response
    completed: Callable[[Reply, str], Reply] = lambda reply, _sent: reply
    asked: Callable[[str, Sequence[Mapping[str, Json]]], str] = lambda body, _messages: body


def _with_geminis_own(reply: Reply, sent: str) -> Reply:
    unreadable = unreadable_call(sent, len(reply.calls) + len(reply.errors))
    return replace(
        reply,
        usage=gemini_usage(sent) or reply.usage,
        provider_calls=gemini_runs(sent),
        errors=reply.errors if unreadable is None else (*reply.errors, unreadable),
    )


def _with_executed(reply: Reply, sent: str) -> Reply:
    ran = executed_tools(sent)
    return replace(reply, provider_calls=(*reply.provider_calls, *ran)) if ran else reply


def _with_bedrocks_results(reply: Reply, sent: str) -> Reply:
    ran = with_bedrocks_results(reply.provider_calls, sent) if "toolResult" in sent else reply.provider_calls
    return replace(reply, provider_calls=ran) if reply.finish is not None else reply


def _with_anthropics_runs(reply: Reply, sent: str) -> Reply:
    ran = anthropic_runs(sent)
    return replace(reply, provider_calls=ran) if ran and reply.finish is not None else reply


_PECULIAR: Mapping[str, Peculiar] = {
    "openai": Peculiar(openai_shape=True, cut_alike=True, completed=_with_executed),
    "anthropic": Peculiar(
        cut_alike=True,
        parser=("litellm.llms.anthropic.chat.handler", "ModelResponseIterator"),
        completed=_with_anthropics_runs,
    ),
    "gemini": Peculiar(
        parser=("litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini", "ModelResponseIterator"),
        parser_logs=True,
        with_calls=with_partial_calls,
        completed=_with_geminis_own,
    ),
    "openai_responses": Peculiar(openai_shape=True, cut_alike=True),
    "bedrock_invoke": Peculiar(binary=True, wrapped=True, completed=_with_anthropics_runs),
    "bedrock": Peculiar(
        binary=True,
        parser=("litellm.llms.bedrock.chat.invoke_handler", "AWSEventStreamDecoder"),
        ran=provider_run_ids,
        names=bedrock_names,
        completed=_with_bedrocks_results,
    ),
    "cohere": Peculiar(bare_lines=True, unlogged=True, empty_is_nothing=True),
    "ollama": Peculiar(bare_lines=True, ids=ollama_ids, asked=with_call_ids),
    "ollama_generate": Peculiar(bare_lines=True, text_only=True, unlogged=True),
}
_PLAIN = Peculiar()

BY_SDK = frozenset({"openai", "azure", "cerebras", "llamafile", "vercel_ai_gateway", "zai"})
"""Providers that litellm asks through OpenAI's SDK, whose stream hands over each event as it came."""

ALLOWED_TOOLS = frozenset({"openai", "azure"})
"""Providers to which litellm sends a ``tool_choice`` of ``allowed_tools``."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {"azure": {"max_retries": 0}}
"""Options of one provider: litellm's ``num_retries`` does not reach the client that it makes for Azure."""


def peculiar(dialect: str) -> Peculiar:
    """What litellm does with ``dialect`` alone."""
    return _PECULIAR.get(dialect, _PLAIN)
