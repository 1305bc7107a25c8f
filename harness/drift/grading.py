"""Two recordings of the same questions, compared by consequence: what a caller acts on, the shape, the wording.

The one place where changes are graded: ``diff``, ``verify``, ``record`` and ``bisect`` ask here.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from harness.cassette import matching
from harness.cassette.matching import flat
from harness.core.chat import Reply
from harness.core.errors import HarnessError
from harness.core.exchange import header
from harness.core.finding import Evidence
from harness.dialects import read_answer
from harness.dialects.framing import pieces, streamed
from harness.dialects.registry import asks_json
from harness.drift import tool_changes
from harness.drift.answer_differences import describe, is_json, replies
from harness.drift.consequences import CONSEQUENCES, graded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.cassette import Cassette
    from harness.core.change import Change
    from harness.core.chat import Json
    from harness.core.exchange import Exchange, HttpResponse

_ORDER = {one.what: index for index, one in enumerate(CONSEQUENCES)}
_MEDIA, _PRESENCE = ("content-type",), ("retry-after", "retry-after-ms", "x-should-retry", "location", "allow")
_MANY = 4
"""Chunks from which a stream is said to come in pieces; fewer may be chance."""
# A call has other fields than a text: reported once, as `called`.
_OF_ANSWER = re.compile(r"\b(content|message|delta|tool_calls|parts|events)\b")
_ERROR_WORDS = ("type", "code", "status")
_NO_CODES = (None, "", 0)

_Shape: TypeAlias = "Mapping[str, frozenset[str]]"
"""Path → types. Places in a list are not told apart: ``choices[].index``."""

# What a model wrote, and no field of the provider's: its own names come and go as it likes.
_OPAQUE = frozenset({"arguments", "args", "input", "partial_json"})
# Sent to keep a connection alive, when it takes long: whether one comes is chance.
_ALIVE = frozenset({"ping"})
_TYPES = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "text", list: "list"}


def cassettes(before: Cassette, after: Cassette, path: str = "") -> tuple[Change, ...]:
    """All that differs between two cassettes, exchange by exchange. ``path`` is the file, for the evidence."""
    made: list[Change] = []
    for index, (old, new) in enumerate(zip(before.exchanges, after.exchanges, strict=False)):
        evidence = (Evidence(path, (index,)),)
        found = [*_requests(old, new), *between(old, new)]
        made += [replace(one, path=f"exchange {index}.{one.path}".rstrip("."), evidence=evidence) for one in found]
    was, now = len(before.exchanges), len(after.exchanges)
    if was != now:
        word = f"{abs(now - was)} exchange{'s' if abs(now - was) > 1 else ''} {'more' if now > was else 'fewer'}"
        made.append(replace(graded("exchanges", "", was, now, f"{word} than before"), evidence=(Evidence(path),)))
    return tuple(made)


def between(before: Exchange, after: Exchange) -> tuple[Change, ...]:
    """All that differs between two answers to one question, the gravest first."""
    made = [*_failed(before, after)]
    old, new = before.response, after.response
    if old is not None and new is not None:
        if old.status != new.status:
            what = f"HTTP {old.status} was answered, now HTTP {new.status}"
            made.append(graded("status", "status", describe(before), describe(after), what))
        elif tool_changes.is_mcp(before):
            made += tool_changes.between(before, after)
        else:
            answered = [*_answered(before, after)]
            follows = any(one.what == "called" for one in answered)
            made += answered
            made += [one for one in _shaped(old, new) if not (follows and _OF_ANSWER.search(one.path))]
        made += _headers(old, new)
    return tuple(sorted(made, key=lambda one: (_ORDER[one.what], one.path)))


_OLD_AND_NEW = matching.Sides("recorded", "now", "the old request", "the new request")


def _requests(old: Exchange, new: Exchange) -> Iterator[Change]:
    for difference in matching.differences(old.request, new.request, sides=_OLD_AND_NEW):
        path, leaf, what = difference.partition(": ")
        message = f"another request: {what}" if leaf else f"{difference} leaves of it differ"
        yield graded("request", f"request.{path}" if leaf else "request", None, None, message)


def _failed(before: Exchange, after: Exchange) -> Iterator[Change]:
    was, now = (one.failure.kind if one.failure else None for one in (before, after))
    if was != now or (before.response is None) != (after.response is None):
        word = f"the connection failed ({now})" if now else "the connection no longer fails"
        yield graded("failure", "connection", was or describe(before), now or describe(after), word)


def _answered(before: Exchange, after: Exchange) -> Iterator[Change]:
    was, now = read_answer(before), read_answer(after)
    if isinstance(was, Reply) and isinstance(now, Reply):
        yield from replies(was, now)
        sides = before.response, after.response
        if was.model != now.model and any(one is not None and streamed(one) for one in sides):
            yield graded("value", "model", was.model, now.model, "another model answered")
        if asks_json(before.request) and is_json(was) != is_json(now):
            word = "is no JSON" if is_json(was) else "is JSON now"
            yield graded("json", "text", was.text, now.text, f"JSON was asked for, and the text {word}")
    elif isinstance(was, Reply) or isinstance(now, Reply):
        word = f"can't be read: {now}" if isinstance(now, str) else "can be read now"
        yield graded("unreadable", "answer", describe(before), describe(after), f"the answer {word}")
    elif was != now:
        yield graded("text", "answer", was, now, "the answer is unreadable in another way")
    if was is None and now is None:
        yield from _errors(before.response, after.response)


def _errors(before: HttpResponse | None, after: HttpResponse | None) -> Iterator[Change]:
    """The provider's own words for an error, and its sentence."""
    was, now = _error_of(before), _error_of(after)
    for name in _ERROR_WORDS:
        one, other = was.get(name), now.get(name)
        if one != other and not (one in _NO_CODES and other in _NO_CODES):
            yield graded("error", f"error.{name}", one, other, f"the error's {name} was {one!r}, is {other!r}")
    if was.get("message") != now.get("message"):
        yield graded("text", "error.message", was.get("message"), now.get("message"), "other words for the error")


def _error_of(response: HttpResponse | None) -> dict[str, Json]:
    found = _bodies(response) if response else None
    body = found[0][1] if found else None
    error = body.get("error", body) if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {"message": error}


def _shaped(old: HttpResponse, new: HttpResponse) -> Iterator[Change]:
    was, now = _bodies(old), _bodies(new)
    if was is None or now is None:
        if (was is None) != (now is None):
            yield graded("not_json", "body", was is not None, now is not None, "the body is JSON on one side only")
        return
    yield from _chunking(old, new)
    yield from _fields(_shape(was), _shape(now))
    for names, word, what in (
        (_event_names(was) - _event_names(now), "no longer comes", True),
        (_event_names(now) - _event_names(was), "is new", False),
    ):
        for name in sorted(names):
            yield graded("event", f"events.{name}", what, not what, f"the event {name} {word}")
    if not streamed(old) and not streamed(new):
        yield from _values(was[0][1], now[0][1])


def _chunking(old: HttpResponse, new: HttpResponse) -> Iterator[Change]:
    for was, now in (((old, new)), ((new, old))):
        in_pieces = streamed(was) and len(was.chunks) >= _MANY
        if in_pieces and (len(now.chunks) == 1 or not streamed(now)):
            word = "all at once, where it came in pieces" if was is old else "in pieces, where it came at once"
            yield graded("chunking", "chunks", len(old.chunks), len(new.chunks), f"the stream comes {word}")


def _fields(was: _Shape, now: _Shape) -> Iterator[Change]:
    for path in _outermost(set(was) - set(now)):
        yield graded("field_gone", path, _types(was, path), None, f"the field {path} is gone")
    for path in _outermost(set(now) - set(was)):
        yield graded("field_new", path, None, _types(now, path), f"the field {path} is new")
    for path in sorted(set(was) & set(now)):
        if was[path] != now[path]:
            one, other = _types(was, path), _types(now, path)
            yield graded("field_type", path, one, other, f"the field {path} was {one}, is {other}")


def _types(found: _Shape, path: str) -> str:
    return " or ".join(sorted(found[path]))


def _values(was: Json, now: Json) -> Iterator[Change]:
    """Other values in the same places. What the model said is told as text and calls."""
    there, here = flat(was), flat(now)
    for path in there.keys() & here.keys():
        if there[path] != here[path] and not path.endswith(("content", "text", "arguments", "message")):
            yield graded("value", path, there[path][1], here[path][1], f"{path} has another value")


def _headers(old: HttpResponse, new: HttpResponse) -> Iterator[Change]:
    for name in _MEDIA:
        was, now = ((header(one.headers, name) or "").partition(";")[0].strip().lower() for one in (old, new))
        if was != now:
            word = f"{name} was {was or 'not there'}, is {now or 'not there'}"
            yield graded("header", f"headers.{name}", was, now, word)
    for name in _PRESENCE:
        there, here = header(old.headers, name), header(new.headers, name)
        if (there is None) != (here is None):
            yield graded("header", f"headers.{name}", there, here, f"{name} {'came' if here else 'went'}")


def _bodies(response: HttpResponse) -> list[tuple[str, Json]] | None:
    """The JSON values of a body, each with the name of its event: one of a whole body, several of a stream.

    None for a body that is no JSON.
    """
    try:
        if not streamed(response):
            return [("", json.loads(response.body))]
        return [(name or _event_type(value), value) for name, value in pieces(response) if value is not None]
    except (ValueError, RecursionError, HarnessError):
        return None


def _event_names(found: list[tuple[str, Json]]) -> frozenset[str]:
    """The names of the events of a stream."""
    return frozenset(name for name, _ in found) - _ALIVE - {""}


def _shape(found: list[tuple[str, Json]]) -> _Shape:
    """All fields of these values together."""
    made: dict[str, set[str]] = {}
    for name, value in found:
        if name in _ALIVE:
            continue
        for path, kind in _field_types(value, ""):
            made.setdefault(path, set()).add(kind)
    return {path: frozenset(kinds) for path, kinds in made.items()}


def _outermost(paths: set[str]) -> list[str]:
    """``paths`` without those that stand inside another of them."""
    return sorted(path for path in paths if not any(_inside(path, other) for other in paths))


def _inside(path: str, other: str) -> bool:
    return path != other and path.startswith((f"{other}.", f"{other}[]"))


def _field_types(value: Json, path: str) -> Iterator[tuple[str, str]]:
    if path:
        yield path, _TYPES.get(type(value), "object")
    if isinstance(value, dict):
        for name, inner in value.items():
            inside = f"{path}.{name}" if path else name
            if name in _OPAQUE:
                yield inside, _TYPES.get(type(inner), "object")
            else:
                yield from _field_types(inner, inside)
    elif isinstance(value, list):
        for inner in value:
            yield from _field_types(inner, f"{path}[]")


def _event_type(value: Json) -> str:
    """The type that an event tells in its own JSON, where the stream names none."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""
