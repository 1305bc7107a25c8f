"""When two requests are the same: a canonical key, and what differs where they are not.

Method, scheme, host, port, path, query and body count; headers never do. JSON is compared as JSON whatever the
Content-Type (ollama sends none): key order, white space, escapes and ``1`` against ``1.0`` make no difference,
``1`` against ``true`` does. Ids of tool calls are renamed in order of first appearance, for litellm makes
random ones for several providers and sends them back in the next request. Placeholders of redacted secrets are all
the same: the keys known at the recording and at the replay need not be.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from harness.cassette.format import bodies, encodings
from harness.core.errors import UsageError
from harness.core.exchange import header
from harness.dialects.clients import VOLATILE
from harness.dialects.mcp import is_message, unaddressed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest

PLACES = ("method", "host", "path", "query", "body", "form", "bytes")
_LONGEST_SHOWN = 60
_BEFORE = 20
_HEAVY = 1000
_PLACES = ("method", "host", "path")
_MISSING: Any = object()
_BODY = tuple(tuple(row.name.split(".")) for row in VOLATILE if row.place == "body")
_QUERY = frozenset(row.name for row in VOLATILE if row.place == "query")
_FORM = frozenset(row.name for row in VOLATILE if row.place == "form")
_FORM_TYPE = "application/x-www-form-urlencoded"

_ID_KEYS = frozenset({"tool_call_id", "tool_use_id", "toolUseId", "call_id"})
_ID_HOLDERS = frozenset({"functionCall", "functionResponse"})
_CALL_TYPES = frozenset({"function", "tool_use", "server_tool_use", "function_call", "function_call_output"})
# What a user or a model put there; an id inside it is none of the wire's.
_OPAQUE = frozenset(
    {"arguments", "args", "input", "parameters", "input_schema", "inputSchema", "json_schema", "schema", "format"}
    | {"parametersJsonSchema", "responseSchema", "responseJsonSchema", "response_schema", "response_json_schema"}
)
_MAY_HOLD_IDS = re.compile(rb"tool_call|tool_use|toolUse|functionCall|functionResponse|call_id")
_PLACEHOLDER = re.compile(r"REDACTED-\d+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~:-]")
_MARK = "\0"
_GZIP = b"\x1f\x8b"
_PORTS = {"http": 80, "https": 443}
_EXACT = 2**53
_LONGEST_COMPARED = 2**18
_COMPARED = 40

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Matcher:
    """``ignore`` are dotted paths of what is left out: ``body.user``, ``body.messages.*.name`` (``*`` is each item of a
    list, each field of an object), ``query.api-version``, ``host``. ``change`` then gets what is left, as
    ``canonical`` describes it, and gives back what is to be compared.

    Raises ``UsageError`` for a path that begins with none of ``PLACES``.
    """

    ignore: tuple[str, ...] = ()
    change: Callable[[dict[str, Json]], dict[str, Json]] | None = None

    def __post_init__(self) -> None:
        for one in self.ignore:
            if one.split(".")[0] not in PLACES:
                raise UsageError(f"a rule can't ignore {one!r}; it begins with one of {', '.join(PLACES)}")

    def applied(self, canonical: dict[str, Json]) -> dict[str, Json]:
        """``canonical`` without what is ignored, changed by ``change``. The argument stays as it is."""
        for one in self.ignore:
            place, _, name = one.partition(".")
            if place in {"query", "form"} and name:
                canonical = _without_pair(canonical, place, name)
            else:
                canonical = _without(canonical, one.split("."))
        return canonical if self.change is None else self.change(canonical)


def _without(value: Json, steps: Sequence[str]) -> Json:
    first, rest = steps[0], steps[1:]
    if isinstance(value, list) and first == "*":
        return [_without(inner, rest) for inner in value] if rest else []
    if not isinstance(value, dict):
        return value
    names = set(value) if first == "*" else {first} & value.keys()
    if not names:
        return value
    if not rest:
        return {name: inner for name, inner in value.items() if name not in names}
    return {name: _without(inner, rest) if name in names else inner for name, inner in value.items()}


def _without_pair(canonical: dict[str, Json], place: str, name: str) -> dict[str, Json]:
    """``canonical`` without the pairs called ``name``: of a query they are texts ``name=value``, of a form lists."""
    if place not in canonical:
        return canonical
    others = [pair for pair in canonical[place] if _pair_name(pair) != name]
    made = {part: value for part, value in canonical.items() if part != place}
    return {**made, place: others} if others else made


def _pair_name(pair: Json) -> str:
    return str(pair[0]) if isinstance(pair, list) else str(pair).partition("=")[0]


def flat(value: Json, path: str = "") -> dict[str, Any]:
    """Each leaf by its path, with its kind: ``1`` and ``true`` are no equals."""
    return dict(_leaves(value, path))


def _distance(one: dict[str, Any], other: dict[str, Any]) -> int:
    """How many leaves differ; another method, host or path weighs as much as a whole body."""
    places = {name for name in (*one, *other) if one.get(name) != other.get(name)}
    return sum(_HEAVY if name in _PLACES else 1 for name in places)


class Sides(NamedTuple):
    """What the two sides of a comparison are called: the word before a value, and where a value is missing."""

    recorded: str
    sent: str
    recorded_in: str
    sent_in: str


MISS = Sides("recorded", "requested", "the recording", "the request")


def _differing(recorded: Json, sent: Json, path: str, sides: Sides) -> Iterator[str]:
    """A sentence for each leaf that differs. Of what is equal nothing is built."""
    if isinstance(recorded, dict) and isinstance(sent, dict) and recorded and sent:
        for name in dict.fromkeys((*recorded, *sent)):
            one, other = recorded.get(name, _MISSING), sent.get(name, _MISSING)
            yield from _differing(one, other, _below(path, name), sides)
    elif isinstance(recorded, list) and isinstance(sent, list) and recorded and sent:
        for index, (one, other) in enumerate(zip_longest(recorded, sent, fillvalue=_MISSING)):
            yield from _differing(one, other, f"{path}[{index}]", sides)
    elif type(recorded) is not type(sent) or recorded != sent:
        there, here = ({} if side is _MISSING else flat(side, path) for side in (recorded, sent))
        for leaf in dict.fromkeys((*there, *here)):
            name = leaf.replace(_MARK, "")
            if leaf not in here:
                yield f"{name}: {sides.recorded} {_short(there[leaf])}, not in {sides.sent_in}"
            elif leaf not in there:
                yield f"{name}: {sides.sent} {_short(here[leaf])}, not in {sides.recorded_in}"
            elif there[leaf] != here[leaf]:
                one, other = _short(there[leaf], here[leaf]), _short(here[leaf], there[leaf])
                yield f"{name}: {sides.recorded} {one}, {sides.sent} {other}"


def _below(path: str, name: str) -> str:
    """The path of a key: one that holds a dot or a bracket is quoted, for it could be mistaken for a deeper one."""
    if any(sign in name for sign in ".["):
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name


def _leaf(value: Json) -> tuple[bool, Json]:
    return type(value) is bool, value


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, _below(path, name))
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, _leaf(value)


def _short(leaf: tuple[bool, Json], other: tuple[bool, Json] | None = None) -> str:
    text = json.dumps(leaf[1], ensure_ascii=False)
    if len(text) <= _LONGEST_SHOWN:
        return text
    start = 0
    if other is not None:
        pairs = zip(text, json.dumps(other[1], ensure_ascii=False), strict=False)
        same = next((place for place, (a, b) in enumerate(pairs) if a != b), 0)
        start = max(0, same - _BEFORE)
    end = start + _LONGEST_SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def key(request: HttpRequest, matcher: Matcher | None = None) -> str:
    """The canonical text of a request: equal for two requests exactly where one recording answers both."""
    return _encode(canonical(request, matcher))


def canonical(request: HttpRequest, matcher: Matcher | None = None) -> dict[str, Json]:
    """The parts that count, as a JSON value whose leaves can be compared one by one: ``method``, ``host``, ``path``,
    ``query`` and one of ``body``, ``form`` and ``bytes``, less what ``matcher`` leaves out.
    """
    found = _canonical(request)
    return found if matcher is None else matcher.applied(found)


def _canonical(request: HttpRequest) -> dict[str, Json]:
    url = urlsplit(request.url)
    found: dict[str, Json] = {
        "method": request.method.upper(),
        "host": _host(url.scheme, url.netloc.rpartition("@")[2].lower()),
        "path": _ESCAPE.sub(_plain, url.path) or "/",
    }
    if url.query:
        pairs = parse_qsl(url.query, keep_blank_values=True, errors="surrogateescape")
        if query := sorted(f"{name}={value}" for name, value in pairs if name not in _QUERY):
            found["query"] = query
    if request.body:
        found |= _body(request)
    return found


def differences(
    recorded: HttpRequest, sent: HttpRequest, *, most: int = 5, matcher: Matcher | None = None, sides: Sides = MISS
) -> list[str]:
    """A sentence for each leaf that differs, ``most`` of them, long values shortened."""
    found = _differing(canonical(recorded, matcher), canonical(sent, matcher), "", sides)
    shown = list(islice(found, most))
    if max(len(recorded.body), len(sent.body)) > 4 * _LONGEST_COMPARED:
        return shown  # to count the rest would take long
    more = sum(1 for _ in found)
    return [*shown, f"and {more} more"] if more else shown


def nearest(
    recorded: Sequence[HttpRequest], sent: HttpRequest, *, used: Collection[int] = (), matcher: Matcher | None = None
) -> int | None:
    """The place of the most alike of ``recorded``, one not ``used`` before another; None where there is none.

    A few candidates are compared leaf by leaf, those of the same path and of about this size first, and of large
    bodies fewer.
    """
    size, path = len(sent.body), sent.url.partition("?")[0]
    order = sorted(
        range(len(recorded)),
        key=lambda n: (
            recorded[n].url.partition("?")[0] != path,
            n in used,
            abs(len(recorded[n].body) - size),
        ),
    )
    near = order[: max(1, min(_COMPARED, _LONGEST_COMPARED // (size + 1)))]
    if len(near) <= 1 or size > _LONGEST_COMPARED:
        return near[0] if near else None
    there = flat(canonical(sent, matcher))
    return min(near, key=lambda n: (_distance(flat(canonical(recorded[n], matcher)), there), n in used))


def _host(scheme: str, netloc: str) -> str:
    name, colon, port = netloc.rpartition(":")
    if colon and port.isdecimal() and int(port) == _PORTS.get(scheme):
        netloc = name
    return f"{scheme}://{netloc}"


def _plain(found: re.Match[str]) -> str:
    letter = chr(int(found[1], 16))
    return letter if _UNRESERVED.match(letter) else found[0].upper()


def _body(request: HttpRequest) -> dict[str, Json]:
    body = request.body
    if coding := header(request.headers, "content-encoding") or ("gzip" if body[:2] == _GZIP else ""):
        plain = encodings.expanded(body, coding)  # compressed bytes differ by the time and the library
        if plain:
            body, request = plain, replace(request, body=plain)
    if not bodies.deep(body):
        try:
            value = json.loads(body, parse_float=_float, parse_constant=_constant, object_pairs_hook=_pairs)
        except (ValueError, RecursionError):
            return _no_json(request)
        if is_message(value):
            value = unaddressed(value)
        for path in _BODY:
            value = _without(value, path)
        if b"REDACTED" in body:
            value = _same_placeholders(value)
        return {"body": _renamed(value, {}) if _MAY_HOLD_IDS.search(body) else value}
    return _no_json(request)


def _no_json(request: HttpRequest) -> dict[str, Json]:
    kind = header(request.headers, "content-type") or ""
    body = request.body
    if kind.startswith(_FORM_TYPE):
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
        return {"form": sorted([name, value] for name, value in pairs if name not in _FORM)}
    boundary = re.search(r'boundary="?([^";]+)', kind) if kind.startswith("multipart/") else None
    if boundary:
        body = body.replace(boundary[1].encode(), b"boundary")
    return {"bytes": _PLACEHOLDER.sub("REDACTED", body.decode("latin-1"))}


def _float(text: str) -> Json:
    number = float(text)
    if not math.isfinite(number):
        return {f"{_MARK}number": text}
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def _constant(text: str) -> Json:
    return {f"{_MARK}number": text}


def _pairs(pairs: list[tuple[str, Json]]) -> Json:
    """An object; one of doubled keys is none, and nothing that can be sent equals our own marks."""
    made = dict(pairs)
    if len(made) != len(pairs):
        return {f"{_MARK}doubled keys": [list(pair) for pair in pairs]}
    if any(name[:1] == _MARK for name in made):
        return {(f"{_MARK}{name}" if name[:1] == _MARK else name): value for name, value in pairs}
    return made


def _same_placeholders(value: Json) -> Json:
    if isinstance(value, str):
        return _PLACEHOLDER.sub("REDACTED", value)
    if isinstance(value, list):
        return [_same_placeholders(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _same_placeholders(inner) for name, inner in value.items()}
    return value


def _renamed(value: Json, ids: dict[str, str], holder: str = "") -> Json:
    if isinstance(value, list):
        return [_renamed(inner, ids, holder) for inner in value]
    if not isinstance(value, dict) or holder in _OPAQUE:
        return value
    kind = value.get("type")  # a schema's may be a list
    is_call = holder in _ID_HOLDERS or holder == "tool_calls" or (isinstance(kind, str) and kind in _CALL_TYPES)
    made = {}
    for name in sorted(value):
        inner = value[name]
        if isinstance(inner, str) and (name in _ID_KEYS or (name == "id" and is_call)):
            made[name] = ids.setdefault(inner, f"call {len(ids)}")
        else:
            made[name] = _renamed(inner, ids, name)
    return made
