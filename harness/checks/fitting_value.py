"""A value that fits a JSON schema, made up for an answer.

It is drawn from what a schema says and held against nothing, so it may be wrong, and a schema for which none is found
may still have one.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json

_CHOICES = 16
"""Ways of composing one schema, and values of one way, that are tried."""
_MOST = 2000
"""Schemas that are looked at before the search ends: an adversary's schema may have more ways than there is time."""
_LONGEST = 1 << 16
"""Characters of a text that is made up: a pattern may ask for more than there is memory."""
_TYPES = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "contains"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": (),
    "integer": (),
    "boolean": (),
    "null": (),
}
_HIGHEST = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"}
_LOWEST = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"}
_COMPOSING = ("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else")


def fitting_value(schema: Json, text: str = "text") -> tuple[Json] | None:
    """A value that fits ``schema``, alone in a tuple; None where none is found. Its texts are ``text`` where they may
    be.
    """
    search = _Search(schema, text)
    return next(((one,) for one in search.values(schema)), None)


@dataclass(slots=True)
class _Search:
    root: Json
    text: str
    known: dict[str, tuple[Json, ...]] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    looked_at: int = 0

    def values(self, schema: Json) -> tuple[Json, ...]:
        """Values that fit, a few; none of a schema within itself, for such a value would have no end."""
        key = json.dumps(schema, sort_keys=True)
        self.looked_at += 1
        if key in self.known:
            return self.known[key]
        if key in self.under_way or self.looked_at > _MOST:
            return ()
        self.under_way.add(key)
        drawn = (value for flat in itertools.islice(self._flat(schema), _CHOICES) for value in self._drawn(flat))
        found = tuple(itertools.islice(drawn, _CHOICES))
        self.under_way.discard(key)
        self.known[key] = found
        return found

    def _flat(self, schema: Json, depth: int = 0) -> Iterator[dict[str, Json]]:
        """``schema`` without references and compositions: one for each way of choosing among its alternatives."""
        if schema is True or schema is None:
            yield {}
        if not isinstance(schema, dict) or depth > _CHOICES:
            return
        parts: list[list[Json]] = [[{key: one for key, one in schema.items() if key not in _COMPOSING}]]
        if isinstance(schema.get("$ref"), str):
            parts.append([referred(schema["$ref"], self.root)])
        parts += [[one] for one in schema.get("allOf") or ()]
        parts += [list(schema[word]) for word in ("anyOf", "oneOf") if schema.get(word)]
        if "if" in schema:
            otherwise = schema.get("else", True)
            parts.append([{"allOf": [schema["if"], schema.get("then", True)]}, otherwise])
        for combination in itertools.islice(itertools.product(*parts), _CHOICES):
            first, *others = combination
            ways = [[first], *(itertools.islice(self._flat(one, depth + 1), _CHOICES) for one in others)]
            for way in itertools.islice(itertools.product(*ways), _CHOICES):
                made: dict[str, Json] = {}
                for one in way:
                    made = _both(made, one)
                yield made

    def _drawn(self, flat: dict[str, Json]) -> Iterator[Json]:
        if "const" in flat:
            yield flat["const"]
            return
        if isinstance(flat.get("enum"), list):
            yield from flat["enum"]
            return
        for kind in _kinds(flat):
            yield from itertools.islice(getattr(self, f"_{kind}")(flat), _CHOICES)
        yield from (flat["default"],) if "default" in flat else ()
        yield from flat["examples"] if isinstance(flat.get("examples"), list) else ()

    def _object(self, flat: dict[str, Json]) -> Iterator[dict[str, Json]]:
        inside = flat.get("properties") or {}
        needed = [str(name) for name in flat.get("required") or ()]
        more = self._more(flat)
        for names in (more if "required" in flat else [*dict.fromkeys([*inside, *more])], needed, [*needed, *inside]):
            if (made := self._filled(flat, names)) is not None:
                yield made

    def _more(self, flat: dict[str, Json]) -> list[str]:
        """Names enough for the smallest number of properties, and those that a property asks for."""
        asked = [one for key in ("dependentRequired", "dependencies") for one in (flat.get(key) or {}).values()]
        names: list[str] = [
            *(flat.get("required") or ()),
            *(name for one in asked if isinstance(one, list) for name in one),
        ]
        least = min(int(flat.get("minProperties") or 0), _MOST)
        spare = (*(flat.get("properties") or ()), *map(str, range(least)))
        return [*names, *[name for name in spare if name not in names][: max(0, least - len(names))]]

    def _filled(self, flat: dict[str, Json], names: list[str]) -> dict[str, Json] | None:
        made: dict[str, Json] = {}
        for name in names:
            found = self.values(_schema_of(flat, name))
            if not found:
                return None
            made[name] = found[0]
        return made

    def _array(self, flat: dict[str, Json]) -> Iterator[list[Json]]:
        items = flat.get("items", True)
        tuples = flat.get("prefixItems") or (items if isinstance(items, list) else [])
        rest = flat.get("additionalItems", True) if isinstance(items, list) else items
        contained = [*self.values(flat["contains"])[:1]] if "contains" in flat else []
        least = flat.get("minItems", 0)
        for number in (max(1, least), least, len(tuples), 0):
            made: list[Json] = [*contained]
            for place in range(len(made), min(number, 4 * _CHOICES)):
                found = self.values(tuples[place] if place < len(tuples) else rest)
                fresh = [one for one in found if one not in made] if flat.get("uniqueItems") else found
                if not fresh:
                    break
                made.append(fresh[0])
            yield made

    def _number(self, flat: dict[str, Json]) -> Iterator[Json]:
        words = ("exclusiveMinimum", "maximum", "exclusiveMaximum")
        lowest = [flat["minimum"]] if _is_number(flat.get("minimum")) else []
        bounds = [*lowest, *(flat[word] for word in words if _is_number(flat.get(word)))]
        step: Any = flat.get("multipleOf")
        if _is_number(step) and step > 0:
            yield from (math.ceil(one / step) * step for one in (*bounds, 1))
            yield from ((math.floor(one / step) + off) * step for one in bounds for off in (1, -1))
        yield from lowest
        yield from (sum(bounds) / len(bounds),) if len(bounds) > 1 else ()
        yield from (1.5,) if not bounds else ()
        yield from (one + off for one in bounds for off in (1, -1, 0))
        yield from (0, 1)

    def _integer(self, flat: dict[str, Json]) -> Iterator[Json]:
        narrowed = any(word in flat for word in _TYPES["number"])
        for one in (*([] if narrowed else [1]), *self._number(flat)):
            yield from dict.fromkeys((math.floor(one), math.ceil(one)))
        yield from range(2, _CHOICES)  # different ones, for lists that hold each once

    def _string(self, flat: dict[str, Json]) -> Iterator[str]:
        least, most = flat.get("minLength", 0), flat.get("maxLength")
        if isinstance(flat.get("pattern"), str):
            yield from matching(flat["pattern"])
        for text in (self.text, "text", *map(str, range(_CHOICES))):
            longer = text if len(text) >= least else (text or "x").ljust(min(least, _LONGEST), "x")
            yield longer[:most]

    def _boolean(self, _: dict[str, Json]) -> Iterator[bool]:
        yield from (True, False)

    def _null(self, _: dict[str, Json]) -> Iterator[None]:
        yield None


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kinds(flat: dict[str, Json]) -> list[str]:
    """The types that a schema allows; where it names none, those that its keywords are about first."""
    kind = flat.get("type")
    if kind is not None:
        return [one for one in (kind if isinstance(kind, list) else [kind]) if one in _TYPES]
    return sorted(_TYPES, key=lambda one: (not any(word in flat for word in _TYPES[one]), one != "string"))


def _schema_of(flat: dict[str, Json], name: str) -> Json:
    """What a property must fit."""
    patterns = (flat.get("patternProperties") or {}).items()
    found = [one for pattern, one in patterns if re.search(pattern, name)]
    found += [flat["properties"][name]] if name in (flat.get("properties") or {}) else []
    if not found:
        return flat.get("additionalProperties", True)
    return found[0] if len(found) == 1 else {"allOf": found}


def _both(one: dict[str, Json], other: dict[str, Json]) -> dict[str, Json]:
    """A schema for what fits both, as far as keywords can be joined."""
    made = dict(one)
    value: Any
    for key, value in other.items():
        had: Any = made.get(key)
        if key not in made:
            made[key] = value
        elif key in _HIGHEST | _LOWEST:
            made[key] = (max if key in _HIGHEST else min)(had, value)
        elif key == "required":
            made[key] = [*dict.fromkeys([*had, *value])]
        elif key == "properties":
            made[key] = {
                **had,
                **{name: {"allOf": [had[name], sub]} if name in had else sub for name, sub in value.items()},
            }
        elif key == "enum":
            made[key] = [each for each in had if each in value]
        elif key == "type":
            made[key] = [kind for kind in _widened(had) if kind in _widened(value)]
        elif key in ("items", "additionalProperties", "contains") and had != value:
            made[key] = {"allOf": [had, value]}
    return made


def _widened(kind: Json) -> list[Json]:
    """A list of types, each number an integer too."""
    kinds = kind if isinstance(kind, list) else [kind]
    return [*kinds, "integer"] if "number" in kinds and "integer" not in kinds else kinds


def referred(pointer: str, root: Json) -> Json:
    """What a reference within the same schema leads to; False, which nothing fits, where it leads nowhere."""
    for step in unquote(pointer.removeprefix("#")).strip("/").split("/") if pointer.strip("#/") else ():
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(root, list) and name.isdecimal() and int(name) < len(root):
            root = root[int(name)]
        else:
            root = root.get(name, False) if isinstance(root, dict) else False
    return root


def matching(pattern: str) -> Iterator[str]:
    """Texts that a regular expression may match: one with each repetition as short as it goes, one a little longer."""
    from re import _parser  # type: ignore[attr-defined]  # noqa: PLC0415 - the one parser of patterns there is

    try:
        tree = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return
    yield from (_spelt(tree, more) for more in (0, 1, 2))


def _spelt(tree: Any, more: int) -> str:
    text = ""
    for kind, given in tree:
        text += _piece(str(kind), given, more)
        if len(text) >= _LONGEST:
            break
    return text[:_LONGEST]


def _piece(kind: str, given: Any, more: int) -> str:
    if kind == "LITERAL":
        return chr(given)
    if kind == "NOT_LITERAL":
        return "a" if chr(given) != "a" else "b"
    if kind == "ANY":
        return "a"
    if kind == "IN":
        return _member(given)
    if kind in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        least, most, inside = given
        once = _spelt(inside, more)
        return once * min(int(most), int(least) + more, _LONGEST // max(1, len(once)))
    if kind == "BRANCH":
        return _spelt(given[1][min(more, len(given[1]) - 1)], more)
    if kind in {"SUBPATTERN", "ATOMIC_GROUP"}:
        return _spelt(given[-1] if kind == "SUBPATTERN" else given, more)
    return ""  # anchors, and what looks ahead or behind: whether it fits is seen afterwards


def _member(given: Any) -> str:
    """A character of a set, letters and digits before others."""
    words = re.compile("[" + "".join(_in_set(str(kind), one) for kind, one in given) + "]")
    likely = itertools.chain("aA0 b_-./:@#", map(chr, range(33, 0x3000)))
    return next((one for one in likely if words.fullmatch(one)), "")


def _in_set(kind: str, given: Any) -> str:
    if kind == "RANGE":
        return f"{re.escape(chr(given[0]))}-{re.escape(chr(given[1]))}"
    if kind == "CATEGORY":
        return _CATEGORIES.get(str(given), "")
    return "^" if kind == "NEGATE" else re.escape(chr(given))


_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
