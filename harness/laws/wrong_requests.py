"""What faulty backends do to names, to the caller's data, and to the bytes on their way in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.errors import BackendError
from harness.exchange import Chunk, HttpResponse
from harness.laws.spoiling import on_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.chat import Json, Reply
    from harness.laws.trial import Complete


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
