"""A recorded answer read again by the backend, as if it came now: for recordings that some other program made.

Only what is on the wire is known of the question, so that is what is asked: the tools offered there, under the names
they have there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.adapters import litellm_alone
from harness.backend.repairs import handling
from harness.backend.repairs.responses import DIALECT as RESPONSES
from harness.backend.request import prepare_request
from harness.core.chat import Reply
from harness.core.errors import BackendError, CassetteMiss, UnreadableReplyError
from harness.core.exchange import Chunk, Exchange
from harness.core.finding import Observation
from harness.dialects import read_answer
from harness.dialects.providers import NO_KEY, V1, profile, speaker
from harness.dialects.registry import read_chat_request
from harness.interception.clients import answering

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.checks.card import CheckContext
    from harness.core.chat import Json
    from harness.core.finding import Blame
    from harness.dialects.chat_request import ChatRequest


def backend_model(question: ChatRequest) -> tuple[str, dict[str, Json]]:
    """The model id that leads litellm to the provider's own reading, and options that keep it off the network."""
    provider = profile(question.provider)
    if provider.own_parser and provider.dialect == question.dialect:
        return f"{provider.name}/recorded", dict(V1)
    row = speaker(question.dialect)
    return row.model, {"api_key": NO_KEY, **row.options}


def request_options(question: ChatRequest) -> dict[str, Json]:
    """What an observation of ``question`` says was asked: its messages are not known in OpenAI's words."""
    offered = {tool["function"]["name"]: tool for tool in question.tools}
    made: dict[str, Json] = {"messages": [], "stream": question.stream}
    if offered:
        made["tools"] = list(offered.values())
    if question.choice is not None:
        made["tool_choice"] = question.choice
    if question.json is not None:
        made["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": question.json}}
    return made


def reread(
    exchange: Exchange,
    place: int,
    question: ChatRequest,
    *,
    cassette: str,
    complete: Callable[..., Reply],
    parsed: Callable[..., Reply | None] | None = None,
) -> Observation:
    """The observation that ``exchange``, number ``place`` of ``cassette``, comes to; ``question`` is what it asked.

    ``complete`` is the backend. It is told whether JSON was requested, which decides what text means. ``parsed``
    is asked first where it is given: what it knows, the backend is not asked.
    """
    reply, error = answer(exchange, question, complete, parsed)
    return Observation(
        suite="",
        case=cassette,
        model=f"{question.provider}/{question.model}",
        asked=request_options(question),
        reply=reply,
        error=error,
        cassette=cassette,
        exchanges=((place, exchange),),
    )


def answer(
    exchange: Exchange,
    question: ChatRequest,
    complete: Callable[..., Reply],
    parsed: Callable[..., Reply | None] | None = None,
) -> tuple[Reply | None, BackendError | None]:
    """What the backend makes of the recorded response: its reply, or the error it raises."""
    outcome = exchange if exchange.response is None or exchange.failure is not None else exchange.response
    if not profile(question.provider).litellm:
        return _by_its_reader(exchange), None
    model, options = backend_model(question)
    options |= _json_option(question)
    tools = request_options(question).get("tools")
    messages = [{"role": "user", "content": "recorded"}]
    try:
        if parsed is not None and not isinstance(outcome, Exchange):
            reply = parsed(prepare_request(model, messages, tools, options, stream=question.stream), outcome)
            if reply is not None:
                return reply, None
        with answering(lambda _: outcome):
            return complete(model, messages, tools=tools, stream=question.stream, **options), None
    except BackendError as error:
        return None, error
    except CassetteMiss as miss:
        return None, UnreadableReplyError(f"reading it again asks for more than was recorded: {miss}")
    except Exception as error:  # noqa: BLE001 - a recording may hold anything, and must not end the card
        return None, UnreadableReplyError(f"reading it again fails: {type(error).__name__}: {error}")


def whose(context: CheckContext) -> Blame:
    """Who lost what the wire says and the backend's reply does not: litellm where it reads the bytes otherwise by
    itself, ``backend`` where it reads them right, or has no part in it; ``""`` where nothing is lost.
    """
    if context.both is None or context.exchange is None or context.request is None:
        return ""
    reading, reply = context.both
    lost = [of for of in _ASPECTS if of(reading, context.wire) != of(reply, {})]
    if not lost:
        return ""
    outcome = context.exchange.response
    if outcome is None or context.request.dialect == RESPONSES:
        return "backend"
    model, options = backend_model(context.request)
    tools = request_options(context.request).get("tools")
    messages = [{"role": "user", "content": "recorded"}]
    try:
        with answering(lambda _: outcome):
            stream = context.request.stream
            alone = litellm_alone.complete(model, messages, tools=tools, stream=stream, **options)
    except Exception:  # noqa: BLE001 - what litellm can't read, litellm has lost
        return "litellm"
    return "backend" if all(of(alone, {}) == of(reading, {}) for of in lost) else "litellm"


# What a reply may lose: its text, its calls (by the caller's names), its counts.
_ASPECTS: tuple[Callable[[Reply, Mapping[str, str]], Json], ...] = (
    lambda reply, _: reply.text,
    lambda reply, own: [(own.get(call.name, call.name), call.parameters) for call in reply.calls],
    lambda reply, _: reply.usage and (reply.usage.prompt, reply.usage.completion),
)


def _by_its_reader(exchange: Exchange) -> Reply | None:
    """What the dialect's own reader makes of an answer that litellm can't read; None where it can't either."""
    reply = read_answer(exchange)
    return reply if isinstance(reply, Reply) else None


def _json_option(question: ChatRequest) -> Mapping[str, Any]:
    """Whether JSON was asked for, where litellm can be told so without doing more than that."""
    supported = handling(question.dialect).openai_shape and profile(question.provider).json != "none"
    if question.json is None or question.tools or not supported:
        return {}
    return {"response_format": {"type": "json_object"}}


def rechunked_replies(observation: Observation, complete: Callable[..., Reply]) -> tuple[Reply | BackendError, ...]:
    """What the backend makes of the last stream of an observation when its bytes come one at a time, in sevens, and at
    once. The request goes out with the names of the wire, which are mapped back.
    """
    _, exchange = observation.exchanges[-1]
    question = read_chat_request(exchange.request)
    if question is None or exchange.response is None:
        return ()
    body = exchange.response.body
    pairs = zip(question.tools, observation.asked.get("tools") or (), strict=False)
    own = {sent["function"]["name"]: tool["function"]["name"] for sent, tool in pairs}
    made: list[Reply | BackendError] = []
    for size in (1, 7, len(body) or 1):
        chunks = tuple(Chunk(body[start : start + size]) for start in range(0, len(body), size))
        pieces = replace(exchange, response=replace(exchange.response, chunks=chunks))
        reply, error = answer(pieces, question, complete)
        if reply is not None:
            calls = tuple(replace(call, name=own.get(call.name, call.name)) for call in reply.calls)
            made.append(_like(observation, replace(reply, calls=calls)))
        elif error is not None:
            made.append(error)
    return tuple(made)


def _like(observation: Observation, reply: Reply) -> Reply:
    """``reply`` with the ids of ``observation`` where it has as many calls: those made for a later turn are others."""
    was = observation.reply.calls if observation.reply else ()
    if len(was) != len(reply.calls):
        return reply
    return replace(reply, calls=tuple(replace(call, id=old.id) for call, old in zip(reply.calls, was, strict=True)))
