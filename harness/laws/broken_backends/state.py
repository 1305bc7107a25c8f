"""Broken in state and concurrency, in the rest of a reply, in streams alone, and in failures."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.core.chat import Reply, Usage
from harness.core.errors import BackendError, BadRequestError, ProviderError, RateLimitError, ServerError
from harness.laws.broken_backends.corruption import (
    BrokenBackend,
    broken,
    on_error,
    on_reply,
    on_streamed,
    with_memory,
    wrapper,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.chat import Json
    from harness.laws.tested_backend import AComplete, Complete


@with_memory(dict)
def _cached(right: Complete, known: dict[str, Reply], model: str, messages: Sequence[Json], **options: Any) -> Reply:
    """By the last message alone."""
    key = repr(messages[-1])
    if key not in known:
        known[key] = right(model, messages, **options)
    return known[key]


@with_memory(lambda: [0])
def _counts_added(right: Complete, total: list[int], *arguments: Any, **options: Any) -> Reply:
    reply = right(*arguments, **options)
    if reply.usage is None:
        return reply
    total[0] += reply.usage.completion or 0
    return replace(reply, usage=replace(reply.usage, completion=total[0]))


@with_memory(lambda: [""])
def _last_text(right: Complete, before: list[str], *arguments: Any, **options: Any) -> Reply:
    reply = right(*arguments, **options)
    before[0], text = reply.text, reply.text or before[0]
    return replace(reply, text=text)


@with_memory(list)
def _first_system_for_all(
    right: Complete, first: list[Json], model: str, messages: Sequence[Json], **options: Any
) -> Reply:
    own = [one for one in messages if one["role"] == "system"]
    first[:] = first or copy.deepcopy(own)
    return right(model, [*(own or first), *messages[len(own) :]], **options)


@with_memory(dict)
def _defaults_updated(
    right: Complete,
    defaults: dict[str, Json],
    model: str,
    messages: Sequence[Json],
    *,
    tools: Any = None,
    stream: bool = False,
    **options: Any,
) -> Reply:
    """Defaults are a dict that is updated."""
    defaults.update({key: one for key, one in options.items() if key in {"temperature", "max_tokens", "stop"}})
    return right(model, messages, tools=tools, stream=stream, **{**defaults, **options})


@with_memory(list)
def _remembering_client(
    right: Complete, before: list[Json], model: str, messages: Sequence[Json], **options: Any
) -> Reply:
    """A client that remembers what was asked before."""
    own = [one for one in messages if one["role"] == "system"]
    reply = right(model, [*own, *before, *messages[len(own) :]], **options)
    before[:] = [{"role": "user", "content": "Hi"}]
    return reply


@with_memory(lambda: [0])
def _every_tenth(right: Complete, count: list[int], *arguments: Any, **options: Any) -> Reply:
    count[0] += 1
    reply = right(*arguments, **options)
    return replace(reply, calls=()) if count[0] % 10 == 0 else reply


@with_memory(list)
def _shared_slot(right: Complete, slot: list[Reply], *arguments: Any, **options: Any) -> Reply:
    """The answer is put on the object, and read from there when another has come."""
    slot[:] = [right(*arguments, **options)]
    threading.Event().wait(0.003)
    return slot[0]


def _first_loop_only(right: AComplete) -> AComplete:
    """A client whose connections belong to the event loop in which it was first used."""
    first: list[asyncio.AbstractEventLoop] = []

    async def acomplete(*arguments: Any, **options: Any) -> Reply:
        loop = (first or [asyncio.get_running_loop()])[0]
        first[:] = [loop]
        connected = loop.create_future()
        loop.call_soon_threadsafe(connected.set_result, None)
        await connected
        return await right(*arguments, **options)

    return acomplete


@wrapper
def _changed_for_now(right: Complete, model: str, messages: Any, **options: Any) -> Reply:
    """The caller's messages are changed while the request is made, and put back."""
    messages.append({"role": "user", "content": "x"})
    try:
        return right(model, messages[:-1], **options)
    finally:
        messages.pop()


@with_memory(list)
def _changed_later(right: Complete, last: list[Any], model: str, messages: Any, **options: Any) -> Reply:
    """The caller's messages are cleared when the next question comes."""
    for one in last:
        one.clear()
    last[:] = [messages]
    return right(model, copy.deepcopy(messages), **options)


def _coalesced(right: Complete) -> Complete:
    """Equal messages in flight are asked once, whatever the tools."""
    flying: dict[str, Future[Reply]] = {}
    lock = threading.Lock()

    def complete(model: str, messages: Sequence[Json], **options: Any) -> Reply:
        key = repr((model, messages))
        with lock:
            first = key not in flying
            future = flying.setdefault(key, Future())
        if not first:
            return future.result()
        try:
            future.set_result(right(model, messages, **options))
        except BaseException as error:  # noqa: BLE001 - those that wait for it get it too
            future.set_exception(error)
        finally:
            del flying[key]
        return future.result()

    return complete


def _last_setting(*names: str) -> Callable[[Complete], Complete]:
    """A setting of the module, written for each question and read a moment later."""

    @with_memory(dict)
    def spoil(right: Complete, settings: dict[str, Any], model: str, messages: Sequence[Json], **options: Any) -> Reply:
        request = {"model": model, **options}
        settings.update({name: request[name] for name in names if name in request})
        threading.Event().wait(0.003)
        request |= {name: settings[name] for name in names if name in request}
        return right(request.pop("model"), messages, **request)

    return spoil


def _in_place(change: Callable[[Json, dict[str, Any]], None]) -> Callable[[Complete], Complete]:
    """A fault that changes what the caller gave, and asks with a copy of what it was."""

    @wrapper
    def spoil(right: Complete, model: str, messages: Any, **options: Any) -> Reply:
        before = copy.deepcopy((messages, options))
        change(messages, options)
        return right(model, before[0], **before[1])

    return spoil


def _sort_schemas(_messages: Json, options: dict[str, Any]) -> None:
    for tool in options.get("tools") or ():
        schema = tool["function"]["parameters"]
        ordered = sorted(schema.items())
        schema.clear()
        schema.update(ordered)


def _parse_arguments(messages: Json, _options: dict[str, Any]) -> None:
    for message in messages:
        for call in message.get("tool_calls") or ():
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])


def _grow_stops(_messages: Json, options: dict[str, Any]) -> None:
    if isinstance(options.get("stop"), list):
        options["stop"].append("</s>")


def _close_schemas(_messages: Json, options: dict[str, Any]) -> None:
    for tool in options.get("tools") or ():
        tool["function"]["parameters"]["additionalProperties"] = False


def _float_minimum(_messages: Json, options: dict[str, Any]) -> None:
    for tool in options.get("tools") or ():
        for field in (tool["function"]["parameters"].get("properties") or {}).values():
            if isinstance(field.get("minimum"), int):
                field["minimum"] = float(field["minimum"])


def _usage(change: Callable[[Usage], Usage]) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, usage=change(reply.usage)) if reply.usage else reply


def _as_floats(counts: Usage) -> Usage:
    return Usage(*(float(one or 0) for one in (counts.prompt, counts.completion, counts.total)))  # type: ignore[arg-type]  # the fault


def _ones_as_true(counts: Usage) -> Usage:
    return Usage(*(one == 1 or one for one in (counts.prompt, counts.completion, counts.total)))


def _as(kind: type[ProviderError], *only: type[ProviderError]) -> Callable[[ProviderError], BaseException]:
    def change(error: ProviderError) -> BaseException:
        if only and not isinstance(error, only):
            return error
        return kind(str(error), status=error.status, retry_after=error.retry_after)

    return change


def _without(name: str) -> Callable[[ProviderError], BaseException]:
    def change(error: ProviderError) -> BaseException:
        made = copy.copy(error)
        setattr(made, name, None)
        return made

    return change


def _status_as_float(error: ProviderError) -> BaseException:
    made = copy.copy(error)
    made.status = float(error.status)  # type: ignore[arg-type,assignment]  # the fault
    return made


def _whole_seconds(error: ProviderError) -> BaseException:
    made = copy.copy(error)
    made.retry_after = float(int(error.retry_after)) if error.retry_after is not None else None
    return made


def _dates_lost(error: ProviderError) -> BaseException:
    made = copy.copy(error)
    made.retry_after = error.retry_after if (error.retry_after or 0) < 10**6 else None
    return made


@wrapper
def _never_raises(right: Complete, *arguments: Any, **options: Any) -> Reply:
    try:
        return right(*arguments, **options)
    except BackendError:
        return Reply(finish="stop", usage=Usage(0, 0, 0))


STATE = (
    BrokenBackend("first-loop-kept", "one AsyncClient for all event loops", _first_loop_only, awaited=True),
    *broken(
        ("answers-cached", "by the last message alone", _cached),
        ("counts-added", "usage of all requests so far", _counts_added),
        ("last-text", "the text before, where none came", _last_text),
        ("system-kept", "the first system prompt for all", _first_system_for_all),
        ("options-kept", "a dict of defaults that is updated", _defaults_updated),
        ("conversation-kept", "a client with a memory", _remembering_client),
        ("every-tenth", "a race, one time in ten", _every_tenth),
        ("answer-on-the-object", "self.response, read too late", _shared_slot),
        ("caller-changed-for-now", "appended and popped", _changed_for_now),
        ("caller-changed-later", "cleared with the next question", _changed_later),
        ("questions-coalesced", "equal messages in flight, one answer", _coalesced),
        ("host-of-the-last", "litellm.api_base = …", _last_setting("api_base")),
        ("model-of-the-last", "self.model, read too late", _last_setting("model")),
        ("mode-of-the-last", "self.stream, read too late", _last_setting("stream")),
        ("tools-of-the-last", "self.tools, read too late", _last_setting("tools")),
        ("caller-schemas-sorted", "keys sorted in place", _in_place(_sort_schemas)),
        ("caller-arguments-parsed", "json.loads in place", _in_place(_parse_arguments)),
        ("caller-stops-grown", "stop.append", _in_place(_grow_stops)),
        ("caller-numbers-changed", "1 is 1.0 in place", _in_place(_float_minimum)),
        ("caller-schemas-closed", "additionalProperties set in place", _in_place(_close_schemas)),
        ("id-lost", "the answer's id", on_reply(lambda r: replace(r, id=""))),
        ("model-lost", "the model that answered", on_reply(lambda r: replace(r, model=""))),
        ("reasoning-lost", "thoughts are thrown away", on_reply(lambda r: replace(r, reasoning=""))),
        ("reasoning-stripped", "strip()", on_reply(lambda r: replace(r, reasoning=r.reasoning.strip()))),
        ("refusal-lost", "message.refusal unread", on_reply(lambda r: replace(r, refusal=""))),
        ("refusal-as-text", "told as an answer", on_reply(lambda r: replace(r, text=r.text or r.refusal, refusal=""))),
        (
            "text-fences-cut",
            "``` at the ends",
            on_reply(lambda r: replace(r, text=r.text.removeprefix("```json\n").removesuffix("\n```"))),
        ),
        ("text-newlines", "CR LF is LF", on_reply(lambda r: replace(r, text=r.text.replace("\r\n", "\n")))),
        ("text-cut-500", "the first 500 characters", on_reply(lambda r: replace(r, text=r.text[:500]))),
        (
            "text-only-thoughts",
            "reasoning where no text is",
            on_reply(lambda r: replace(r, text=r.text or r.reasoning)),
        ),
        (
            "length-beside-calls",
            "calls are tool_calls, cut or not",
            on_reply(lambda r: replace(r, finish="tool_calls" if r.calls else r.finish)),
        ),
        (
            "filter-is-stop",
            "content_filter is not kept",
            on_reply(lambda r: replace(r, finish="stop" if r.finish == "content_filter" else r.finish)),
        ),
        ("finish-lost", "no reason", on_reply(lambda r: replace(r, finish=None))),
        ("counts-zero", "usage of zeros", on_reply(_usage(lambda _: Usage(0, 0, 0)))),
        ("total-is-prompt", "a total of its own", on_reply(_usage(lambda u: replace(u, total=u.prompt)))),
        ("stream-counts-lost", "no usage of streams", on_streamed(lambda r: replace(r, usage=None))),
        ("stream-thoughts-lost", "no reasoning of streams", on_streamed(lambda r: replace(r, reasoning=""))),
        ("stream-finish-lost", "no reason of streams", on_streamed(lambda r: replace(r, finish="stop"))),
        ("stream-first-call", "one call of a stream", on_streamed(lambda r: replace(r, calls=r.calls[:1]))),
        ("stream-text-doubled", "the last chunk repeats all", on_streamed(lambda r: replace(r, text=r.text * 2))),
        ("stream-text-stripped", "each chunk trimmed", on_streamed(lambda r: replace(r, text=r.text.strip()))),
        ("stream-errors-lost", "broken calls of streams", on_streamed(lambda r: replace(r, errors=()))),
        (
            "whole-calls-reversed",
            "of whole answers alone",
            on_streamed(lambda r: replace(r, calls=r.calls[::-1]), stream=False),
        ),
        ("errors-generic", "one class for all", on_error(_as(ProviderError))),
        ("limits-as-server", "429 is a server's error", on_error(_as(ServerError, RateLimitError))),
        ("servers-as-requests", "5xx is a bad request", on_error(_as(BadRequestError, ServerError))),
        ("counts-as-floats", "one type for all numbers", on_reply(_usage(_as_floats))),
        ("counts-as-booleans", "1 is true", on_reply(_usage(_ones_as_true))),
        ("status-lost", "no status", on_error(_without("status"))),
        ("status-as-float", "one type for all numbers", on_error(_status_as_float)),
        ("wait-lost", "Retry-After unread", on_error(_without("retry_after"))),
        ("wait-whole", "int(retry_after)", on_error(_whole_seconds)),
        ("wait-dates-lost", "float(retry_after)", on_error(_dates_lost)),
        ("errors-as-python", "RuntimeError", on_error(lambda error: RuntimeError(str(error)))),
        ("never-raises", "an empty answer instead", _never_raises),
    ),
)
