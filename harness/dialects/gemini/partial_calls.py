"""Calls that Gemini streams in pieces, where ``streamFunctionCallArguments`` is requested (Vertex AI's documentation,
"Stream function call arguments"): a name that ``willContinue``, values at JSON paths, and an empty call for the end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.dialects.rendering import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json

_STEP = re.compile(r"""\.([^.\[\]'"]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_MOST = 100_000
_DEEPEST = 200  # more than any reader of arguments takes, and far below where Python stops
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")


def partial(call: dict[str, Json]) -> bool:
    """Whether a ``functionCall`` is a piece of a call, or has no name: litellm reads neither."""
    return not call.get("name") or "willContinue" in call or "partialArgs" in call


def take_call(sent: dict[str, Json], calls: list[dict[str, Json]]) -> None:
    """Add ``sent`` to ``calls``: as a call of its own, or as the next piece of the last, whose ``willContinue`` says
    whether more is to come. Raises what ``facts.shaped`` takes for a piece without a place or a value.
    """
    last = calls[-1] if calls else {}
    if last.get("willContinue") and not sent.get("name"):
        last["willContinue"] = sent.get("willContinue") is True
    else:
        last = {**sent}
        calls.append(last)
    for piece in sent.get("partialArgs") or ():
        last["args"] = _put(last.get("args", {}), _steps(piece["jsonPath"]), piece)


def in_pieces(part: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The parts in which a call is streamed; it comes whole where its arguments are no object, or hold an object or a
    list of nothing, which has no value at any path.
    """
    call = part["functionCall"]
    args = call.get("args")
    values = list(_leaves(args, "$")) if isinstance(args, dict) and args else []
    if not values or any(value in ({}, []) for _, value in values):
        yield part
        return
    yield {**part, "functionCall": {**{key: call[key] for key in call if key != "args"}, "willContinue": True}}
    for path, value in values:
        parts = [*pieces(value)] if isinstance(value, str) and value else [value]
        for index, one in enumerate(parts):
            more = {"willContinue": True} if index < len(parts) - 1 else {}
            piece = {"jsonPath": path, **_typed(one), **more}
            yield {"functionCall": {"partialArgs": [piece], "willContinue": True}}
    yield {"functionCall": {}}


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
            escaped = re.sub(r"(['\\])", r"\\\1", name)
            yield from _leaves(inner, f"{path}.{name}" if plain else f"{path}['{escaped}']")
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def _typed(value: Json) -> dict[str, Json]:
    if value is None:
        return {"nullValue": "NULL_VALUE"}
    kind = "boolValue" if isinstance(value, bool) else "stringValue" if isinstance(value, str) else "numberValue"
    return {kind: value}


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    start = 1 if path.startswith("$") else len(path) + 1
    while start < len(path):
        found = _STEP.match(path, start)
        if found is None:
            break
        name = next((one for one in (found[1], found[3], found[4]) if one is not None), "")
        steps.append(int(found[2]) if found[2] is not None else re.sub(r"\\(.)", r"\1", name))
        start = found.end()
    if start != len(path) or not steps:
        raise ValueError(f"no JSON path: {path!r}")
    if len(steps) > _DEEPEST:
        raise ValueError(f"a JSON path of more than {_DEEPEST} steps")
    return steps


def _put(value: Json, steps: list[str | int], piece: dict[str, Json]) -> Json:
    """``value`` with the piece's value at its place; a string goes on with the one that stands there."""
    if not steps:
        kind = next((name for name in _VALUES if name in piece), "")
        if not kind or isinstance(value, (dict, list)):
            raise ValueError(f"a piece without a value of its own: {piece!r}")
        text = None if kind == "nullValue" else piece[kind]
        return value + text if isinstance(value, str) and isinstance(text, str) else text
    step, *rest = steps
    if value is not None and not isinstance(value, list if isinstance(step, int) else dict):
        raise ValueError(f"{step!r} is in no {type(value).__name__}")
    if isinstance(step, int):
        made: Json = [] if value is None else value
        if step > min(len(made), _MOST):
            raise ValueError(f"item {step} comes before item {len(made)}")
        made[step : step + 1] = [_put(made[step] if step < len(made) else None, rest, piece)]
    else:
        made = {} if value is None else value
        made[step] = _put(made.get(step), rest, piece)
    return made
