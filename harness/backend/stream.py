"""A streamed answer put together: litellm's chunks in, one whole response out, read like any other.

litellm's own builder is not used: it trusts the index of a fragment, which some providers leave out,
set to -1, or give to every call alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.backend.tool_calls import item, text_of
from harness.dialects.json_strict import NotJson, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.core.chat import Json


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str | None = None
    custom: bool = False

    def as_message(self) -> dict[str, Json]:
        named: dict[str, Json] = {"name": self.name or None}
        if self.custom:
            return {"id": self.id or None, "type": "custom", "custom": {**named, "input": self.arguments}}
        return {"id": self.id or None, "type": "function", "function": {**named, "arguments": self.arguments}}


@dataclass(slots=True)
class StreamAssembly:
    """What has come of a stream so far. Only the first choice is read; ``finish`` is the last reason named."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    finish: str | None = None
    usage: Json = None
    id: str = ""
    model: str = ""
    chunks: int = 0
    _calls: list[_Call] = field(default_factory=list)
    _by_index: dict[int, _Call] = field(default_factory=dict)
    _legacy: _Call | None = None
    _last: Json = None

    def add(self, chunk: Json) -> None:
        """Take the next chunk: an object of litellm's or a dict of the same fields."""
        self.chunks += 1
        self.id = self.id or item(chunk, "id") or ""
        self.model = self.model or item(chunk, "model") or ""
        self._last = chunk
        self.usage = item(chunk, "usage") or self.usage
        for choice in item(chunk, "choices") or ():
            if item(choice, "index") in (0, None):
                self._add_delta(item(choice, "delta"))
                self.finish = item(choice, "finish_reason") or self.finish

    def response(self) -> dict[str, Json]:
        """All of it in the shape of a whole answer."""
        message: dict[str, Json] = {
            "role": "assistant",
            "content": "".join(self.text),
            "tool_calls": [call.as_message() for call in self._calls],
            "reasoning_content": "".join(self.reasoning),
            "refusal": "".join(self.refusal),
        }
        if self._legacy is not None:
            message["function_call"] = {"name": self._legacy.name or None, "arguments": self._legacy.arguments}
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        # litellm takes the counts off its chunks, and puts them beside the last one, on Bedrock after handing it over.
        usage = item(item(self._last, "_hidden_params"), "usage") or self.usage
        return {"id": self.id, "model": self.model, "choices": [choice], "usage": usage}

    def _add_delta(self, delta: Json) -> None:
        self.text.append(text_of(delta))
        for pieces, keys in ((self.reasoning, ("reasoning_content", "reasoning")), (self.refusal, ("refusal",))):
            text = next((value for key in keys if isinstance(value := item(delta, key), str)), "")
            pieces.append(text)
        for fragment in item(delta, "tool_calls") or ():
            self._add_fragment(fragment)
        legacy = item(delta, "function_call")
        if legacy is not None:
            self._legacy = self._legacy or _Call()
            _append(self._legacy, item(legacy, "name"), item(legacy, "arguments"))

    def _add_fragment(self, fragment: Json) -> None:
        inner = item(fragment, "function")
        # Snowflake puts an empty custom call beside each function.
        custom = item(fragment, "custom") if inner is None else None
        inner = inner if custom is None else custom
        name, arguments = item(inner, "name"), item(inner, "arguments" if custom is None else "input")
        call = self._call_for(fragment, name, arguments)
        call.id = call.id or item(fragment, "id") or ""
        call.custom = call.custom or custom is not None
        _append(call, name, arguments)

    def _call_for(self, fragment: Json, name: Json, arguments: Json) -> _Call:
        index, id_ = item(fragment, "index"), item(fragment, "id")
        if isinstance(index, int) and index >= 0:
            current = self._by_index.get(index)
        elif id_:
            current = next((call for call in self._calls if call.id == id_), None)
            if current is None and self._calls and not self._calls[-1].id and not name:
                current = self._calls[-1]
        else:
            current = self._calls[-1] if self._calls else None
            index = None
        if current is None or _begins_another(current, id_, name, arguments):
            current = _Call()
            self._calls.append(current)
        if isinstance(index, int) and index >= 0:
            self._by_index[index] = current
        return current


def assemble(chunks: Iterable[Json]) -> dict[str, Json]:
    """The whole answer that ``chunks`` are the pieces of."""
    assembly = StreamAssembly()
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.response()


def put_ids(response: dict[str, Json], ids: list[str | None]) -> None:
    """Give the calls of an assembled ``response`` the ids that are known better from elsewhere, in order."""
    calls = response["choices"][0]["message"]["tool_calls"]
    if len(ids) == len(calls):
        for call, one in zip(calls, ids, strict=True):
            call["id"] = one


def _begins_another(current: _Call, id_: Json, name: Json, arguments: Json) -> bool:
    """Whether a fragment in the place of ``current`` is the beginning of another call.

    Some providers send whole calls one a chunk, all under one index or none. A fragment of the same id is
    never another call; one that brings a name of its own is, where its id differs or ``current`` is whole already.
    """
    if not name or not current.name:
        return False
    if id_ and current.id:
        return bool(id_ != current.id)
    return bool(arguments) and _is_object(current.arguments)


def _is_object(text: str | None) -> bool:
    try:
        return isinstance(parse(text or ""), dict)
    except NotJson:
        return False


def _append(call: _Call, name: Json, arguments: Json) -> None:
    # A name that is repeated is the same name; anything else is a further piece of it.
    if isinstance(name, str) and name != call.name:
        call.name += name
    if arguments is not None:
        piece = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        call.arguments = (call.arguments or "") + piece
