"""What faulty backends do to names, to the caller's data, and to the bytes on their way in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.backend.names import NameTable, name_table
from harness.core.chat import ToolCall
from harness.core.errors import BackendError
from harness.core.exchange import Chunk, HttpResponse
from harness.laws.broken_backends.corruption import on_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.chat import Json, Reply
    from harness.laws.tested_backend import Complete


def global_table(right: Complete) -> Complete:
    """One table for the whole process: what an earlier request offered, a later one maps back to."""
    known: dict[str, str] = {}

    def there(name: str) -> str:
        wire = re.sub(r"[^a-zA-Z0-9_]", "_", name)[:60] or "t"
        wire = wire if wire[0].isalpha() else f"t{wire}"
        known.setdefault(wire, name)
        return wire

    return on_names(there, lambda wire: known.get(wire, wire))(right)


def changes_caller(right: Complete) -> Complete:
    def complete(model: str, messages: Sequence[Json], *, tools: Any = None, **options: Any) -> Reply:
        for tool in tools or ():
            tool["function"]["name"] = tool["function"]["name"].replace("/", "__")
        return right(model, messages, tools=tools, **options)

    return complete


def adds_to_messages(right: Complete) -> Complete:
    def complete(model: str, messages: Any, **options: Any) -> Reply:
        reply = right(model, list(messages), **options)
        messages.append({"role": "assistant", "content": reply.text})
        return reply

    return complete


def changes_caller_on_failure(right: Complete) -> Complete:
    def complete(model: str, messages: Any, **options: Any) -> Reply:
        try:
            return right(model, list(messages), **options)
        except BackendError:
            messages.pop()
            raise

    return complete


def tools_deduplicated(right: Complete) -> Complete:
    def complete(model: str, messages: Sequence[Json], *, tools: Any = None, **options: Any) -> Reply:
        unique = {tool["function"]["name"]: tool for tool in tools or ()}
        return right(model, messages, tools=list(unique.values()) or None, **options)

    return complete


def first_tool_only(right: Complete) -> Complete:
    def complete(model: str, messages: Sequence[Json], *, tools: Any = None, **options: Any) -> Reply:
        return right(model, messages, tools=tools[:1] if tools else tools, **options)

    return complete


def hashed(name: str) -> str:
    return "t" + name.encode().hex()[:60]


def unhashed(name: str) -> str:
    try:
        return bytes.fromhex(name[1:]).decode()
    except ValueError:
        return name


def utf8_by_chunk(got: HttpResponse) -> HttpResponse:
    if any(name == "content-type" and "eventstream" in value for name, value in got.headers):
        return got
    chunks = (Chunk(chunk.data.decode("utf-8", "replace").encode()) for chunk in got.chunks)
    return replace(got, chunks=tuple(chunks))


def lines_by_chunk(got: HttpResponse) -> HttpResponse:
    """A reader that takes each chunk for whole lines loses what a cut leaves over."""
    if not any("event-stream" in value for _, value in got.headers):
        return got
    return replace(got, chunks=tuple(chunk for chunk in got.chunks if chunk.data.endswith((b"\n\n", b"\r\n\r\n"))))


def last_delta_lost(got: HttpResponse) -> HttpResponse:
    if not any("event-stream" in value for _, value in got.headers):
        return got
    events = re.split(rb"(?<=\n\n)", got.body)
    places = [n for n, one in enumerate(events) if b'"arguments":' in one or b"partial_json" in one]
    return replace(got, chunks=(Chunk(b"".join(one for n, one in enumerate(events) if n != (places or [-1])[-1])),))


def index_ignored(got: HttpResponse) -> HttpResponse:
    changed = re.sub(rb'"index":\d+,"(id|function)"', rb'"index":0,"\1"', got.body)
    return replace(got, chunks=(Chunk(changed),))


def own_table(
    *, shared: bool = False, choice: bool = True, history: bool = True, results: bool = True, last: bool = False
) -> Callable[[Complete], Complete]:
    """A right table of names, used wrongly: kept for the latest request, or not for all that is sent."""

    def spoil(right: Complete) -> Complete:
        latest: list[NameTable] = []

        def complete(model: str, messages: Any, *, tools: Any = None, **options: Any) -> Reply:
            provider = model.partition("/")[0]
            table = name_table(provider, tools or (), messages, options.get("tool_choice"))
            latest.append(table)
            if choice and options.get("tool_choice") is not None:
                options["tool_choice"] = table.choice(options["tool_choice"])
            if history:
                messages = [
                    one if one["role"] == "tool" and not results else table.messages([one])[0] for one in messages
                ]
            reply = right(model, messages, tools=table.tools(tools or ()) or None, **options)
            used = latest[-1] if shared else table
            own = dict(list(used.own.items())[-1:]) if last else used.own
            calls = tuple(replace(call, name=own.get(call.name, call.name)) for call in reply.calls)
            errors = tuple(replace(one, name=own.get(one.name or "", one.name)) for one in reply.errors)
            return replace(reply, calls=calls, errors=errors)

        return complete

    return spoil


def ids_in_history(change: Callable[[str], str], *, of_results: bool = True) -> Callable[[Complete], Complete]:
    """Ids of earlier calls changed on their way out, in the calls and, where wanted, in their results."""

    def spoil(right: Complete) -> Complete:
        def complete(model: str, messages: Any, **options: Any) -> Reply:
            return right(model, [_with_ids(one, change, of_results=of_results) for one in messages], **options)

        return complete

    return spoil


def _with_ids(message: dict[str, Any], change: Callable[[str], str], *, of_results: bool) -> dict[str, Any]:
    made = dict(message)
    if made.get("tool_calls"):
        made["tool_calls"] = [{**call, "id": change(call["id"])} for call in made["tool_calls"]]
    if made.get("tool_call_id") and of_results:
        made["tool_call_id"] = change(made["tool_call_id"])
    return made


def history_dropped(right: Complete) -> Complete:
    def complete(model: str, messages: Any, **options: Any) -> Reply:
        kept = [one for one in messages if one["role"] != "tool" and not one.get("tool_calls")]
        return right(model, kept, **options)

    return complete


def choice_dropped(right: Complete) -> Complete:
    def complete(*given: Any, tool_choice: Any = None, **options: Any) -> Reply:  # noqa: ARG001 - the fault
        return right(*given, **options)

    return complete


def tools_forgotten_without_stream(right: Complete) -> Complete:
    """Names are not checked where nothing was offered."""

    def complete(*given: Any, tools: Any = None, **options: Any) -> Reply:
        reply = right(*given, tools=tools, **options)
        if tools:
            return reply
        made = tuple(ToolCall(one.name or "", {}, one.id or "") for one in reply.errors)
        return replace(reply, calls=(*reply.calls, *made), errors=())

    return complete


def minus_one_dropped(got: HttpResponse) -> HttpResponse:
    """A fragment whose index is no place in the list is skipped."""
    return replace(got, chunks=tuple(one for one in got.chunks if b'"index":-1' not in one.data))


def blank_deltas_dropped(got: HttpResponse) -> HttpResponse:
    """``if delta.strip():`` before adding it."""
    blank = re.compile(rb'"content":"(?: |\\n)+"')
    return replace(got, chunks=tuple(one for one in got.chunks if not blank.search(one.data)))


def first_delta_lost(got: HttpResponse) -> HttpResponse:
    places = [n for n, one in enumerate(got.chunks) if re.search(rb'"content":"[^"]', one.data)]
    return replace(got, chunks=tuple(one for n, one in enumerate(got.chunks) if n != (places or [-1])[0]))


def ends_at_finish(got: HttpResponse) -> HttpResponse:
    """Reading stops at the first finish reason: the counts behind it are not seen."""
    ends = [n for n, one in enumerate(got.chunks) if re.search(rb'"finish_reason":"', one.data)]
    if not ends or b"data:" not in got.body:
        return got
    return replace(got, chunks=(*got.chunks[: ends[0] + 1], Chunk(b"data: [DONE]\n\n")))
