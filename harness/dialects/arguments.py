"""The reference reading of a tool call's arguments: strict JSON, one meaning for every dialect.

Shares nothing with ``harness.backend``, whose own reading is compared with this one.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from harness.core.chat import CallError, ToolCall

if TYPE_CHECKING:
    from harness.core.chat import CallFault, Json

DEEPEST = 100
"""Levels of nesting that are read, the outermost object being the first; no provider's schema comes near."""


class _RefusedError(ValueError):
    """These arguments are no JSON object."""


def judged(name: Json, raw: Json, call_id: Json, index: int, *, cut: bool) -> ToolCall | CallError:
    """One call as a ``ToolCall``, or a ``CallError`` with what was sent.

    ``raw`` is a string, a decoded JSON value, or None where nothing was sent. ``cut`` says that this is the
    last call of a reply that ran into its length limit: nothing sent is then no "no arguments".
    """
    sent_id = call_id if isinstance(call_id, str) else ""
    sent = _as_text(raw)
    if not isinstance(name, str) or not name:
        return CallError("name", f"a call without a usable name: {name!r}", sent, None, sent_id, index)
    fault: CallFault = "cut_off" if cut else "arguments"
    if raw is None or (isinstance(raw, str) and raw in {"", "null"}):
        if cut:
            return CallError(fault, "cut off before any arguments", sent, name, sent_id, index)
        return ToolCall(name, {}, sent_id)
    try:
        return ToolCall(name, _object(raw), sent_id)
    except _RefusedError as error:
        return CallError(fault, str(error), sent, name, sent_id, index)


def cut_off(name: Json, raw: Json, call_id: Json, index: int) -> CallError:
    """A call in a stream that was cut: an error, for none is known to be whole."""
    named, sent_id = name if isinstance(name, str) else None, call_id if isinstance(call_id, str) else ""
    return CallError("cut_off", "the stream ended here", _as_text(raw), named, sent_id, index)


def _as_text(raw: Json) -> str:
    return raw if isinstance(raw, str) else "" if raw is None else json.dumps(raw, ensure_ascii=False)


def strict_json(text: str) -> Json:
    """``text`` as one JSON value by RFC 8259; ``ValueError`` for NaN, doubled keys, numbers out of range, lone
    surrogates, values nested past ``DEEPEST`` and integers past Python's limit of 4,300 digits.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise _RefusedError(f"nested past {DEEPEST} levels") from error
    except json.JSONDecodeError as error:
        raise _RefusedError(f"no JSON: {error.msg} at character {error.pos}") from error
    except _RefusedError:
        raise
    except ValueError as error:
        raise _RefusedError("an integer of more digits than Python reads") from error
    if _SURROGATE.search(text) or not _shallow(text):
        _sound(value, 1)
    return value


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _shallow(text: str) -> bool:
    """Whether JSON ``text`` can neither be nested too deep nor hold a lone surrogate as it is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return text.count("{") + text.count("[") <= DEEPEST


def _object(raw: Json) -> dict[str, Json]:
    if isinstance(raw, str):
        raw = strict_json(raw)
    elif not _plainly_sound(raw):
        _sound(raw, 1)
    if not isinstance(raw, dict):
        raise _RefusedError(f"a JSON {type(raw).__name__} where an object belongs")
    return raw


def _plainly_sound(value: Json) -> bool:
    """Whether ``value`` is sound, as its text shows at once; False settles nothing."""
    try:
        return _shallow(_ENCODER.encode(value))
    except (ValueError, TypeError, RecursionError):
        return False


def _sound(value: Json, level: int) -> None:
    """Refuse what JSON has no form for in ``value``, which stands at ``level``: 1 is the outermost."""
    if level > DEEPEST and isinstance(value, (dict, list)):
        raise _RefusedError(f"nested past {DEEPEST} levels")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _RefusedError(f"a lone surrogate at character {error.start} of a string") from error
    elif isinstance(value, float) and not math.isfinite(value):
        raise _RefusedError(f"{value} is no JSON number")
    elif isinstance(value, list):
        for inner in value:
            _sound(inner, level + 1)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _sound(key, level + 1)
            _sound(inner, level + 1)


def _constant(word: str) -> Json:
    raise _RefusedError(f"{word} is no JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _RefusedError(f"{digits} is out of range")
    return number


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _RefusedError("a key stands twice in one object")
    return made


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_float, object_pairs_hook=_pairs)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
