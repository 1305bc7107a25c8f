"""How to put a fault into a backend that is right.

What a fault does to bytes is done to the bytes on their way in, what it does to names or replies before or
after the call.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate

from harness.core.errors import ProviderError
from harness.core.exchange import Chunk, HttpResponse
from harness.interception import clients

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.core.chat import Json, Reply, ToolCall
    from harness.core.exchange import HttpRequest
    from harness.laws.tested_backend import Complete


@dataclass(frozen=True, slots=True)
class BrokenBackend:
    """A fault: its name, where such code was seen, and how to put it into a backend, or into its ``awaited`` twin.
    ``custom``: it is one of tools that are no functions, which no other backend is given.
    """

    name: str
    source: str
    spoil: Callable[[Any], Any]
    custom: bool = False
    awaited: bool = False


def broken(*rows: tuple[str, str, Callable[[Any], Any]], custom: bool = False) -> tuple[BrokenBackend, ...]:
    return tuple(BrokenBackend(*row, custom=custom) for row in rows)


def wrapper(complete: Callable[Concatenate[Complete, ...], Reply]) -> Callable[[Complete], Complete]:
    """A fault that needs no memory: ``complete`` is given the right backend, and then what the caller gives."""
    return lambda right: partial(complete, right)


def with_memory(make: Callable[[], Any]) -> Callable[[Callable[..., Reply]], Callable[[Complete], Complete]]:
    """A fault with a memory: what ``make`` gives outlives each request, and is handed over after the right backend."""
    return lambda complete: lambda right: partial(complete, right, make())


def on_reply(change: Callable[[Reply], Reply]) -> Callable[[Complete], Complete]:
    """A fault in what is made of the answer."""
    return wrapper(lambda right, *arguments, **options: change(right(*arguments, **options)))


def on_streamed(change: Callable[[Reply], Reply], *, stream: bool = True) -> Callable[[Complete], Complete]:
    """A fault of one way to answer: of streams, or of whole answers."""

    @wrapper
    def spoil(right: Complete, *arguments: Any, **options: Any) -> Reply:
        reply = right(*arguments, **options)
        return change(reply) if options.get("stream", False) is stream else reply

    return spoil


def on_messages(change: Callable[[list[Json]], list[Json]]) -> Callable[[Complete], Complete]:
    """A fault in the conversation that is sent; ``change`` is given a copy."""

    @wrapper
    def spoil(right: Complete, model: str, messages: Sequence[Json], **options: Any) -> Reply:
        return right(model, change(copy.deepcopy(list(messages))), **options)

    return spoil


def on_message(change: Callable[[dict[str, Json]], dict[str, Json]]) -> Callable[[Complete], Complete]:
    return on_messages(lambda messages: [change(one) for one in messages])


def on_content(change: Callable[[str], str], *roles: str) -> Callable[[Complete], Complete]:
    """A fault in the text of messages, of these roles alone if any are named; in each text part alike."""

    def texts(message: dict[str, Json]) -> dict[str, Json]:
        content = message.get("content")
        if roles and message["role"] not in roles:
            return message
        if isinstance(content, str):
            return {**message, "content": change(content)}
        if isinstance(content, list):
            return {**message, "content": [_with_text(part, change) for part in content]}
        return message

    return on_message(texts)


def _with_text(part: dict[str, Json], change: Callable[[str], str]) -> dict[str, Json]:
    return {**part, "text": change(part["text"])} if "text" in part else part


def on_tools(change: Callable[[list[Json]], list[Json]]) -> Callable[[Complete], Complete]:
    """A fault in the tools that are sent; ``change`` is given a copy."""

    @wrapper
    def spoil(right: Complete, model: str, messages: Sequence[Json], *, tools: Any = None, **options: Any) -> Reply:
        return right(model, messages, tools=change(copy.deepcopy(list(tools))) if tools else tools, **options)

    return spoil


def on_schemas(change: Callable[[dict[str, Json]], dict[str, Json]]) -> Callable[[Complete], Complete]:
    def tools(offered: list[Json]) -> list[Json]:
        for one in offered:
            one["function"]["parameters"] = change(one["function"]["parameters"])
        return offered

    return on_tools(tools)


def on_options(change: Callable[[dict[str, Json]], dict[str, Json]]) -> Callable[[Complete], Complete]:
    """A fault in what is asked for beside messages and tools."""

    @wrapper
    def spoil(
        right: Complete,
        model: str,
        messages: Sequence[Json],
        *,
        tools: Any = None,
        stream: bool = False,
        **options: Any,
    ) -> Reply:
        return right(model, messages, tools=tools, stream=stream, **change(copy.deepcopy(options)))

    return spoil


def on_error(
    change: Callable[[ProviderError], BaseException | Reply], *, in_answer: bool = False
) -> Callable[[Complete], Complete]:
    """A fault in what is made of a provider's refusal; of an error that stands ``in_answer``, under status 200."""

    @wrapper
    def spoil(right: Complete, *arguments: Any, **options: Any) -> Reply:
        fine: list[bool] = []

        def noted(got: HttpResponse) -> HttpResponse:
            fine.append(got.status == _FINE)
            return got

        try:
            return on_bytes(noted)(right)(*arguments, **options)
        except ProviderError as error:
            if in_answer and not any(fine):
                raise
            made = change(error)
            if isinstance(made, BaseException):
                raise made from error
            return made

    return spoil


_FINE = 200


def on_events(change: Callable[[bytes], bytes]) -> Callable[[Complete], Complete]:
    """A fault in reading server-sent events, done to the bytes of a stream."""

    def changed(got: HttpResponse) -> HttpResponse:
        streams = got.status == _FINE and got.body.lstrip(b"\xef\xbb\xbf \r\n")[:1] not in {b"{", b"["}
        return replace(got, chunks=(Chunk(change(got.body)),)) if streams else got

    return on_bytes(changed)


def everywhere(change: Callable[[dict[str, Json]], dict[str, Json]]) -> Callable[[Json], Json]:
    """``change`` done to every object of a schema, the inner ones first."""

    def walk(value: Json) -> Json:
        if isinstance(value, dict):
            return change({key: walk(inner) for key, inner in value.items()})
        return [walk(inner) for inner in value] if isinstance(value, list) else value

    return walk


def on_calls(change: Callable[[tuple[ToolCall, ...]], Sequence[ToolCall]]) -> Callable[[Complete], Complete]:
    return on_reply(lambda reply: replace(reply, calls=tuple(change(reply.calls))))


def on_parameters(change: Callable[[Json], Json]) -> Callable[[Complete], Complete]:
    return on_calls(lambda calls: [replace(call, parameters=_deep(call.parameters, change)) for call in calls])


def on_bytes(change: Callable[[HttpResponse], HttpResponse]) -> Callable[[Complete], Complete]:
    """A fault in reading the wire: ``change`` is done to what the provider sends."""

    @wrapper
    def spoil(right: Complete, *arguments: Any, **options: Any) -> Reply:
        outer = clients.current()
        assert outer is not None

        def answer(request: HttpRequest) -> clients.Answer:
            got = outer(request)
            return change(got) if isinstance(got, HttpResponse) else got

        with clients.answering(answer):
            return right(*arguments, **options)

    return spoil


def on_names(
    there: Callable[[str], str], back: Callable[[str], str], *, everywhere: bool = True
) -> Callable[[Complete], Complete]:
    """A mapping of names of its own, put before and after the right backend, which then sees legal names."""

    @wrapper
    def spoil(right: Complete, model: str, messages: Sequence[Json], *, tools: Any = None, **options: Any) -> Reply:
        renamed = [_renamed(tool, there) for tool in tools or ()]
        if everywhere:
            messages = [_renamed_message(message, there) for message in messages]
            choice = options.get("tool_choice")
            if isinstance(choice, dict):
                options = {**options, "tool_choice": _renamed_choice(choice, there)}
        reply = right(model, messages, tools=renamed or None, **options)
        calls = tuple(replace(call, name=back(call.name)) for call in reply.calls)
        errors = tuple(replace(one, name=back(one.name or "")) for one in reply.errors)
        return replace(reply, calls=calls, errors=errors)

    return spoil


def _renamed_choice(choice: dict[str, Json], there: Callable[[str], str]) -> dict[str, Json]:
    if "allowed_tools" not in choice:
        return _renamed(choice, there)
    inner = choice["allowed_tools"]
    return {**choice, "allowed_tools": {**inner, "tools": [_renamed(one, there) for one in inner["tools"]]}}


def _renamed(tool: Mapping[str, Json], there: Callable[[str], str]) -> dict[str, Json]:
    return {**tool, "function": {**tool["function"], "name": there(tool["function"]["name"])}}


def _renamed_message(message: Mapping[str, Json], there: Callable[[str], str]) -> dict[str, Json]:
    made = dict(message)
    if made.get("tool_calls"):
        made["tool_calls"] = [_renamed(call, there) for call in made["tool_calls"]]
    if made.get("role") == "tool" and made.get("name"):
        made["name"] = there(made["name"])
    return made


def _deep(value: Json, change: Callable[[Json], Json]) -> Json:
    if isinstance(value, dict):
        return {key: _deep(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_deep(inner, change) for inner in value]
    return change(value)


def text_only(change: Callable[[str], str]) -> Callable[[Json], Json]:
    return lambda value: change(value) if isinstance(value, str) else value
