"""What faulty backends do to names, to the caller's data, and to the bytes on their way in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.backend.names import NameTable, name_table
from harness.core.chat import ToolCall
from harness.core.errors import BackendError
from harness.core.exchange import Chunk, HttpResponse
from harness.laws.broken_backends.corruption import (
    broken,
    on_bytes,
    on_messages,
    on_names,
    on_options,
    on_tools,
    with_memory,
    wrapper,
)

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


@wrapper
def changes_caller(
    right: Complete, model: str, messages: Sequence[Json], *, tools: Any = None, **options: Any
) -> Reply:
    for tool in tools or ():
        tool["function"]["name"] = tool["function"]["name"].replace("/", "__")
    return right(model, messages, tools=tools, **options)


@wrapper
def adds_to_messages(right: Complete, model: str, messages: Any, **options: Any) -> Reply:
    reply = right(model, list(messages), **options)
    messages.append({"role": "assistant", "content": reply.text})
    return reply


@wrapper
def changes_caller_on_failure(right: Complete, model: str, messages: Any, **options: Any) -> Reply:
    try:
        return right(model, list(messages), **options)
    except BackendError:
        messages.pop()
        raise


def _last_of_a_name(tools: list[Json]) -> list[Json]:
    return list({one["function"]["name"]: one for one in tools}.values())


def _without_choice(options: dict[str, Json]) -> dict[str, Json]:
    return {name: one for name, one in options.items() if name != "tool_choice"}


def _without_calls(messages: list[Json]) -> list[Json]:
    return [one for one in messages if one["role"] != "tool" and not one.get("tool_calls")]


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

    @with_memory(list)
    def spoil(
        right: Complete, latest: list[NameTable], model: str, messages: Any, *, tools: Any = None, **options: Any
    ) -> Reply:
        provider = model.partition("/")[0]
        table = name_table(provider, tools or (), messages, options.get("tool_choice"))
        latest.append(table)
        if choice and options.get("tool_choice") is not None:
            options["tool_choice"] = table.choice(options["tool_choice"])
        if history:
            messages = [one if one["role"] == "tool" and not results else table.messages([one])[0] for one in messages]
        reply = right(model, messages, tools=table.tools(tools or ()) or None, **options)
        used = latest[-1] if shared else table
        own = dict(list(used.own.items())[-1:]) if last else used.own
        calls = tuple(replace(call, name=own.get(call.name, call.name)) for call in reply.calls)
        errors = tuple(replace(one, name=own.get(one.name or "", one.name)) for one in reply.errors)
        return replace(reply, calls=calls, errors=errors)

    return spoil


def ids_in_history(change: Callable[[str], str], *, of_results: bool = True) -> Callable[[Complete], Complete]:
    """Ids of earlier calls changed on their way out, in the calls and, where wanted, in their results."""

    @wrapper
    def spoil(right: Complete, model: str, messages: Any, **options: Any) -> Reply:
        return right(model, [_with_ids(one, change, of_results=of_results) for one in messages], **options)

    return spoil


def _with_ids(message: dict[str, Any], change: Callable[[str], str], *, of_results: bool) -> dict[str, Any]:
    made = dict(message)
    if made.get("tool_calls"):
        made["tool_calls"] = [{**call, "id": change(call["id"])} for call in made["tool_calls"]]
    if made.get("tool_call_id") and of_results:
        made["tool_call_id"] = change(made["tool_call_id"])
    return made


@wrapper
def tools_forgotten_without_stream(right: Complete, *arguments: Any, tools: Any = None, **options: Any) -> Reply:
    """Names are not checked where nothing was offered."""
    reply = right(*arguments, tools=tools, **options)
    if tools:
        return reply
    made = tuple(ToolCall(one.name or "", {}, one.id or "") for one in reply.errors)
    return replace(reply, calls=(*reply.calls, *made), errors=())


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


REQUESTS = broken(
    (
        "naive-replace",
        "AIOS: / to __ and back",
        on_names(lambda n: n.replace("/", "__"), lambda n: n.replace("__", "/")),
    ),
    ("slash-to-dash", "/ to - and no way back", on_names(lambda n: n.replace("/", "-"), lambda n: n)),
    ("names-cut-at-64", "a cut without a table", on_names(lambda n: n[:64], lambda n: n)),
    ("names-lowered", "case folded on the way", on_names(str.lower, lambda n: n)),
    ("names-escaped-always", "legal names changed too", on_names(lambda n: f"fn_{n}", lambda n: n.removeprefix("fn_"))),
    ("history-not-mapped", "tools mapped, history not", on_names(hashed, unhashed, everywhere=False)),
    ("global-name-table", "litellm on Bedrock: one table a process", global_table),
    (
        "tools-deduplicated",
        "the last of two tools of one name wins",
        on_tools(_last_of_a_name),
    ),
    ("first-tool-only", "one tool is sent", on_tools(lambda tools: tools[:1])),
    ("caller-tools-changed", "AIOS: names replaced in the caller's tools", changes_caller),
    ("caller-messages-grown", "the answer is appended to the caller's list", adds_to_messages),
    ("caller-changed-on-failure", "a retry loop that pops", changes_caller_on_failure),
    ("utf8-by-chunk", "each chunk decoded alone", on_bytes(utf8_by_chunk)),
    ("lines-by-chunk", "each chunk taken for whole events", on_bytes(lines_by_chunk)),
    ("last-delta-lost", "the end of the arguments", on_bytes(last_delta_lost)),
    ("index-ignored", "all fragments to call 0", on_bytes(index_ignored)),
    (
        "latest-table",
        "the name table kept on the client object: threads and tasks mix",
        own_table(shared=True),
    ),
    ("last-tool-only", "the way back is built inside the loop, from its last tool", own_table(last=True)),
    ("choice-not-mapped", "tool_choice goes out under the tool's own name", own_table(choice=False)),
    ("earlier-calls-not-mapped", "the history goes out under own names", own_table(history=False)),
    ("results-not-mapped", "the names beside results are forgotten", own_table(results=False)),
    (
        "choice-dropped",
        "litellm for Cohere and Ollama",
        on_options(_without_choice),
    ),
    (
        "history-dropped",
        "tool messages are filtered out",
        on_messages(_without_calls),
    ),
    ("history-ids-cut", "ids cut to a provider's length", ids_in_history(lambda one: one[:9])),
    (
        "history-ids-cleaned",
        "every strange character of an id is _",
        ids_in_history(lambda one: "".join(c if c.isalnum() else "_" for c in one)[:40]),
    ),
    (
        "result-ids-kept",
        "calls get new ids, their results don't",
        ids_in_history(lambda one: f"call_{sum(one.encode()):09}", of_results=False),
    ),
    ("unchecked-without-tools", "no tools offered, any call taken", tools_forgotten_without_stream),
    ("minus-one-dropped", "an index that is no place is skipped", on_bytes(minus_one_dropped)),
    ("blank-deltas-dropped", "if delta.strip()", on_bytes(blank_deltas_dropped)),
    ("first-delta-lost", "the chunk with the role is skipped, its text too", on_bytes(first_delta_lost)),
    ("ends-at-finish", "counts behind the finish reason unseen", on_bytes(ends_at_finish)),
)
