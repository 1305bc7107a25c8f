"""Whether a JSON schema contradicts itself: shown from its keywords, so that a schema which some value fits never does.

No value is made up and no pattern is run; a contradiction that takes more than this to see is not shown.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.core.chat import Json

_MOST = 2000
"""Schemas that are looked at before the proof is given up."""
_DEEPEST = 40
_PLACES = 64
"""Places of a list that are looked at."""
_KINDS = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
"""The types of a value, where ``number`` stands for one that is not whole."""
_COMPOSING = ("$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if")
_WITHOUT_PATTERNS = {
    *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "required"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems"),
}


class _UnprovedError(Exception):
    """The schema is larger than a proof may be."""


def contradicts(parts: Sequence[Json], validator: Any, allowed: Callable[[Any], bool]) -> bool:
    """Whether it is shown that no value fits all of ``parts``, schemas within the one of ``validator``, a validator of
    jsonschema. ``allowed`` says which of its errors count for nothing.
    """
    text = json.dumps(validator.schema)
    proof = _Proof(validator, allowed, patterns='"pattern' in text, addresses=_has_addresses(validator.schema))
    try:
        return proof.inside(parts, frozenset())
    except (_UnprovedError, RecursionError):
        return False


def _has_addresses(root: Json) -> bool:
    """Whether a part of a schema has an address of its own, which references within it start from."""
    parts = root.values() if isinstance(root, dict) else root if isinstance(root, list) else ()
    return any((isinstance(one, dict) and ("$id" in one or "id" in one)) or _has_addresses(one) for one in parts)


@dataclass(slots=True)
class _Proof:
    validator: Any
    allowed: Callable[[Any], bool]
    patterns: bool
    addresses: bool
    left: int = _MOST

    def inside(self, parts: Sequence[Json], above: frozenset[frozenset[int]]) -> bool:
        """``contradicts`` for a value within those that must fit ``above``: one that must hold its like has no end."""
        key = frozenset(id(one) for one in parts if one is not True)
        if key and key in above:
            return True
        return len(above) < _DEEPEST and self._at_once(parts, above | {key})

    def _at_once(self, parts: Sequence[Json], above: frozenset[frozenset[int]]) -> bool:
        self.left -= 1
        if self.left < 0:
            raise _UnprovedError
        joined = self._joined(parts)
        if joined is None:
            return True
        flats, choices = joined
        for flat in flats:
            members = [[flat["const"]]] if "const" in flat else []
            members += [flat["enum"]] if "enum" in flat else []
            if any(not any(all(self._fits(one, each) for each in flats) for one in some) for some in members):
                return True
        if all(self._excluded(kind, flats, above) for kind in self._kinds(flats)):
            return True
        return any(all(self._at_once([*flats, one], above) for one in options) for options in choices)

    def _joined(self, parts: Sequence[Json]) -> tuple[list[dict[str, Any]], list[list[Json]]] | None:
        """The keywords that must hold together, and the ways between which a value may choose; None for no value."""
        flats: list[dict[str, Any]] = []
        choices: list[list[Json]] = []
        waiting, done = list(parts), set()
        words = self.validator.VALIDATORS
        while waiting:
            one = waiting.pop()
            if one is False:
                return None
            if not isinstance(one, dict) or id(one) in done:
                continue
            done.add(id(one))
            if isinstance(one.get("$ref"), str):
                waiting += self._referred(one["$ref"])
                if "dependentRequired" not in words:
                    continue  # up to draft 7 nothing counts beside a reference
            ruled_out = one.get("not", False)
            if ruled_out is True or (isinstance(ruled_out, dict) and not words.keys() & ruled_out.keys()):
                return None
            flats.append({word: value for word, value in one.items() if word in words and word not in _COMPOSING})
            flats[-1] |= {"minContains": 0} if one.get("minContains") == 0 else {}
            waiting += one.get("allOf") or ()
            choices += [one["anyOf"]] if one.get("anyOf") else []
            texts = [json.dumps(each, sort_keys=True) for each in one.get("oneOf") or ()]
            if texts:  # of two that are alike, none is ever the only one
                choices.append([each for each, text in zip(one["oneOf"], texts, strict=True) if texts.count(text) == 1])
            if "if" in one and "if" in words:
                otherwise = {"allOf": [{"not": one["if"]}, one.get("else", True)]}
                choices.append([{"allOf": [one["if"], one.get("then", True)]}, otherwise])
        return flats, choices

    def _referred(self, pointer: str) -> list[Json]:
        """What a reference leads to, where that is plain: a pointer within a schema that has one address."""
        if self.addresses or not (pointer == "#" or pointer.startswith("#/")):
            return []
        found = referred(pointer, self.validator.schema)
        return [] if found is False else [found]

    def _fits(self, value: Json, flat: dict[str, Any]) -> bool:
        """Whether a value that the schema itself names fits, as far as that is seen without running a pattern."""
        part = {word: bound for word, bound in flat.items() if not self.patterns or word in _WITHOUT_PATTERNS}
        try:
            return all(map(self.allowed, self.validator.evolve(schema=part).iter_errors(value)))
        except Exception:  # noqa: BLE001 - references that lead nowhere, any library's error: nothing is shown by it
            return True

    def _kinds(self, flats: list[dict[str, Any]]) -> frozenset[str]:
        kinds, words = _KINDS, self.validator.VALIDATORS.keys()
        for flat in flats:
            kinds &= _widened(flat["type"]) if "type" in flat else _KINDS
            other = flat.get("not")
            if isinstance(other, dict) and other.keys() & words == {"type"}:
                kinds -= _widened(other["type"])
        return kinds

    def _excluded(self, kind: str, flats: list[dict[str, Any]], above: frozenset[frozenset[int]]) -> bool:
        if kind in {"number", "integer"}:
            return _no_number(flats, whole=kind == "integer")
        if kind == "string":
            widths = [_width(flat["pattern"]) for flat in flats if "pattern" in flat]
            return None in widths or _least(flats, "minLength", *(one or 0 for one in widths)) > _most(
                flats, "maxLength"
            )
        if kind == "array":
            return self._no_array(flats, above)
        return kind == "object" and self._no_object(flats, above)

    def _no_array(self, flats: list[dict[str, Any]], above: frozenset[frozenset[int]]) -> bool:
        contained = [flat["contains"] for flat in flats if "contains" in flat and flat.get("minContains") != 0]
        least = _least(flats, "minItems", 1 if contained else 0)
        if least > _most(flats, "maxItems"):
            return True
        longest = max((len(_tuple(flat)) for flat in flats), default=0)
        if any(self.inside(_at(flats, place), above) for place in range(min(int(least), longest + 1, _PLACES))):
            return True
        if longest:
            return False
        each = _at(flats, 0)
        if any(self.inside([one, *each], above) for one in contained):
            return True
        joined = self._joined(each) if any(flat.get("uniqueItems") is True for flat in flats) else None
        named = (
            [1 if "const" in one else len(one["enum"]) for one in joined[0] if one.keys() & {"const", "enum"}]
            if (joined)
            else []
        )
        return bool(named) and min(named) < least

    def _no_object(self, flats: list[dict[str, Any]], above: frozenset[frozenset[int]]) -> bool:
        names = list(_needed(flats))
        least = _least(flats, "minProperties", len(names))
        if least > _most(flats, "maxProperties"):
            return True
        closed = [
            {name for name, one in (flat.get("properties") or {}).items() if one is not False}
            for flat in flats
            if flat.get("additionalProperties") is False and not flat.get("patternProperties")
        ]
        if closed and len(set.intersection(*closed)) < least:
            return True
        naming = [flat["propertyNames"] for flat in flats if "propertyNames" in flat]
        if naming and least > 0 and self.inside([{"type": "string"}, *naming], above):
            return True
        for name in names:
            if naming and self.inside([{"const": name}, *naming], above):
                return True
            if self.inside([one for flat in flats for one in _property(flat, name)], above):
                return True
        return False


def _widened(kind: Json) -> frozenset[str]:
    kinds = frozenset(kind if isinstance(kind, list) else [kind])
    return kinds | {"integer"} if "number" in kinds else kinds


def _least(flats: list[dict[str, Any]], word: str, *others: float) -> float:
    return max((*(flat[word] for flat in flats if word in flat), *others), default=0)


def _most(flats: list[dict[str, Any]], word: str) -> float:
    return min((flat[word] for flat in flats if word in flat), default=math.inf)


def _exact(value: Json) -> Iterator[Fraction]:
    """A number as it was written: 0.1 is a tenth. Nothing for what is no number, as draft 4's exclusiveMinimum."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield Fraction(repr(value))


def _no_number(flats: list[dict[str, Any]], *, whole: bool) -> bool:
    def bounds(word: str) -> Iterator[Fraction]:
        return (one for flat in flats for one in _exact(flat.get(word)))

    lows = [*((one, False) for one in bounds("minimum")), *((one, True) for one in bounds("exclusiveMinimum"))]
    highs = [*((one, True) for one in bounds("maximum")), *((one, False) for one in bounds("exclusiveMaximum"))]
    if not lows or not highs:
        return False
    (low, beyond), (high, included) = max(lows), min(highs)
    if low > high or (low == high and (beyond or not included)):
        return True
    for step in (*bounds("multipleOf"), *([Fraction(1)] if whole else [])):
        if step > 0:
            first = math.ceil(low / step) * step
            first += step if beyond and first == low else 0
            if first > high or (first == high and not included):
                return True
    return False


def _width(pattern: str) -> int | None:
    """How long a text is at least that a pattern matches, 0 where that is not seen; None where it matches none."""
    from re import _parser  # type: ignore[attr-defined]  # noqa: PLC0415 - the one parser of patterns there is

    try:
        tree = _parser.parse(pattern)
        for place, (kind, arguments) in enumerate(tree):
            never = str(kind) == "FAILURE" or (str(kind) == "ASSERT_NOT" and not len(arguments[1]))
            start = str(kind) == "AT" and str(arguments).startswith("AT_BEGINNING")
            many_lines = tree.state.flags & re.MULTILINE
            if never or (start and not many_lines and tree[:place].getwidth()[0] > 0):
                return None
        return int(tree.getwidth()[0])
    except (re.error, RecursionError, OverflowError):
        return 0


def _tuple(flat: dict[str, Any]) -> list[Json]:
    items = flat.get("items")
    return flat.get("prefixItems") or (items if isinstance(items, list) else [])


def _at(flats: list[dict[str, Any]], place: int) -> list[Json]:
    """What an item at ``place`` must fit."""
    found = []
    for flat in flats:
        items, first = flat.get("items", True), _tuple(flat)
        rest = flat.get("additionalItems", True) if isinstance(items, list) else items
        found.append(first[place] if place < len(first) else rest)
    return found


def _needed(flats: list[dict[str, Any]]) -> dict[str, None]:
    """The names that are required, and those that they require."""
    names = dict.fromkeys(name for flat in flats for name in flat.get("required") or ())
    dependencies = [flat.get(word) or {} for flat in flats for word in ("dependentRequired", "dependencies")]
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        for one in dependencies:
            more = [each for each in one.get(name, ()) if each not in names] if isinstance(one.get(name), list) else []
            names |= dict.fromkeys(more)
            waiting += more
    return names


def _property(flat: dict[str, Any], name: str) -> Iterator[Json]:
    """What a property must fit, but for patterns of names, which are not run."""
    if name in (flat.get("properties") or {}):
        yield flat["properties"][name]
    elif not flat.get("patternProperties"):
        yield flat.get("additionalProperties", True)


def referred(pointer: str, root: Json) -> Json:
    """What a reference within the same schema leads to; False, which nothing fits, where it leads nowhere."""
    for step in unquote(pointer.removeprefix("#")).strip("/").split("/") if pointer.strip("#/") else ():
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(root, list) and name.isdecimal() and int(name) < len(root):
            root = root[int(name)]
        else:
            root = root.get(name, False) if isinstance(root, dict) else False
    return root
