"""JSON read to the letter: what a lenient reader would bend, drop or fail on raises an error instead."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.core.chat import Json

DEEPEST = 100
"""Levels of nesting that are read; the outermost object is the first."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class NotJson(ValueError):  # noqa: N818 - it names what the text is
    """Why a text or a value is no strict JSON, in one sentence."""


def parse(text: str) -> Json:
    """The one JSON value in ``text``: integers exact, everything else as Python's ``json`` gives it.

    Raises ``NotJson`` for anything that is no single value by RFC 8259, and for what that leaves
    open: doubled keys, NaN and infinities (also ``1e999``), lone surrogates, more than
    ``DEEPEST`` levels, integers beyond Python's limit of 4,300 digits.
    """
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise NotJson(f"nested more than {DEEPEST} levels deep")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from None
    except NotJson:
        raise
    except ValueError as error:  # the limit on digits
        raise NotJson(str(error).partition(";")[0]) from None
    if not text.isascii() or _SURROGATE_ESCAPE.search(text):
        _refuse_surrogates(value)
    return value


def check(value: Json) -> None:
    """Refuse a value, already parsed by somebody else, that strict JSON has no form for. Raises ``NotJson``."""
    level = [value]
    for _ in range(DEEPEST + 1):
        containers = [item for item in level if isinstance(item, (dict, list))]
        for item in level:
            _check_scalar(item)
        if not containers:
            return
        level = [child for item in containers for child in _children(item)]
    raise NotJson(f"nested more than {DEEPEST} levels deep")


def _children(container: dict[Json, Json] | list[Json]) -> list[Json]:
    if isinstance(container, list):
        return container
    for key in container:
        if not isinstance(key, str):
            raise NotJson(f"the key {key!r} is no string")
        _check_scalar(key)
    return list(container.values())


def _check_scalar(value: Json) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise NotJson(f"{value!r} is no JSON number")
    if isinstance(value, str):
        _check_text(value)
    elif value is not None and not isinstance(value, (bool, int, float, dict, list)):
        raise NotJson(f"{type(value).__name__} is no JSON type")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotJson(f"lone surrogate {text[error.start]!a}") from None


def _refuse_surrogates(value: Json) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, child in value.items():
            _check_text(key)
            _refuse_surrogates(child)
    elif isinstance(value, list):
        for child in value:
            _refuse_surrogates(child)


def _depth(text: str) -> int:
    deepest = level = 0
    for match in _BRACKETS.finditer(text):
        mark = match.group()
        if mark in "[{":
            level += 1
            deepest = max(deepest, level)
        elif mark in "]}":
            level -= 1
    return deepest


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        known: set[str] = set()
        doubled = next(key for key, _ in pairs if key in known or known.add(key))  # type: ignore[func-returns-value] # add gives None, which is what the "or" wants
        raise NotJson(f"the key {doubled!r} stands twice in one object")
    return found


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotJson(f"{text} is too large for a number")
    return number


def _constant(text: str) -> Json:
    raise NotJson(f"{text} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_float, parse_constant=_constant)
