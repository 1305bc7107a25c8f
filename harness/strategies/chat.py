"""Arguments, calls and replies: what a model may say, at its strangest."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from harness.core.chat import CallError, Finish, Json, Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.strategies.material import BROKEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ODD_TEXTS = (
    "",
    " ",
    "naïve café",
    " padded \n",
    "日本語",
    "👩‍👩‍👧 🙂",
    "\u2028\u0085\ufeff",
    'quote " and \\ back\\slash',
    "line\nfeed\r\ttab",
    "</tool_call><|im_end|>",
    '{"name": "x", "arguments": {}}',
    "a__b/c",
    "null",
    "data: [DONE]",
    "&amp;<b>%20",
    "e\u0301 \u00e9",
)


# A strategy is validated once an object: those drawn from over and over are made once.
@functools.cache
def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Text without lone surrogates, which no UTF-8 wire can carry."""
    return st.sampled_from(_ODD_TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=max_size)


@functools.cache
def values() -> st.SearchStrategy[Json]:
    """Any JSON value: integers past 2⁵³, booleans beside integers, floats that are whole, nested and empty."""
    large = st.sampled_from([2**53 + 1, -(2**53) - 1, 2**63, 2**64 + 1, 10**25])
    numbers = st.integers(-2, 2) | st.integers(-(2**70), 2**70) | large
    floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1.0, 0.1, -0.5, 1e21])
    plain = st.none() | st.booleans() | numbers | floats | texts()
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(6), inner, max_size=3),
        max_leaves=6,
    )


def arguments(schema: Mapping[str, Json] | None = None) -> st.SearchStrategy[dict[str, Json]]:
    """A call's parameters: any JSON object, or one that fits ``schema``.

    A schema may use type, properties, required, items, enum, const, anyOf, minimum, maximum, minLength, maxLength,
    minItems and maxItems; another keyword that narrows it is a ``UsageError``, told before anything is drawn.
    """
    if schema is None:
        return _any_object()
    return _fitting(schema)


@functools.cache
def _any_object() -> st.SearchStrategy[dict[str, Json]]:
    return st.dictionaries(texts(8), values(), max_size=4)


_NARROWING = {"pattern", "format", "allOf", "oneOf", "not", "$ref", "patternProperties", "multipleOf", "uniqueItems"}


def _fitting(schema: Mapping[str, Json]) -> st.SearchStrategy[Json]:
    unknown = sorted(_NARROWING & schema.keys())
    if unknown:
        raise UsageError(
            f"arguments() does not draw for the schema keyword {', '.join(unknown)}; write a strategy for it"
        )
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_fitting(one) for one in schema["anyOf"]])
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        return st.one_of([_fitting({**schema, "type": one}) for one in kind])
    low, high = schema.get("minimum"), schema.get("maximum")
    short, long = schema.get("minLength", 0), schema.get("maxLength")
    if kind == "object":
        fields = {name: _fitting(one) for name, one in schema.get("properties", {}).items()}
        required = set(schema.get("required", ()))
        return st.fixed_dictionaries(
            {name: fields.get(name, values()) for name in sorted(required)},
            optional={name: one for name, one in fields.items() if name not in required},
        )
    if kind == "array":
        sizes = {"min_size": schema.get("minItems", 0), "max_size": schema.get("maxItems")}
        return st.lists(_fitting(schema.get("items", {})), **sizes)
    simple: dict[str | None, st.SearchStrategy[Json]] = {
        "string": st.text(st.characters(exclude_categories=["Cs"]), min_size=short, max_size=long),
        "integer": st.integers(low, high),
        "number": st.integers(low, high) | st.floats(low, high, allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "null": st.none(),
        None: values(),
    }
    return simple[kind]


@functools.cache
def call_ids() -> st.SearchStrategy[str]:
    """Ids as providers make them: OpenAI's, Anthropic's, Mistral's nine letters, Kimi's with dot and colon."""
    letters = st.text("abcdefghijkmnopqrstuvwxyzABCDEFGH23456789", min_size=9, max_size=9)
    return (
        letters | letters.map("call_{}".format) | letters.map("toolu_{}".format) | letters.map("functions.x:{}".format)
    )


@functools.cache
def _ids(min_size: int, max_size: int) -> st.SearchStrategy[list[str]]:
    return st.lists(call_ids(), min_size=min_size, max_size=max_size, unique=True)


@st.composite
def tool_calls(draw: st.DrawFn, names: Sequence[str], min_size: int = 1, max_size: int = 3) -> tuple[ToolCall, ...]:
    """Calls to tools called ``names``, each with an id of its own; two of them may ask for the same thing."""
    ids = draw(_ids(min_size, max_size))
    made: list[ToolCall] = []
    for one in ids:
        if bool(made) and draw(st.booleans()):
            call = draw(st.sampled_from(made))
        else:
            call = ToolCall(draw(st.sampled_from(list(names))), draw(arguments()), one)
        made.append(replace(call, id=one))
    return tuple(made)


@functools.cache
def usages() -> st.SearchStrategy[Usage]:
    return st.builds(lambda a, b: Usage(a, b, a + b), st.integers(1, 9999), st.integers(1, 9999))


@st.composite
def replies(draw: st.DrawFn, names: Sequence[str] = ("get_x",)) -> Reply:
    """What a model may answer when tools called ``names`` are offered: calls, text, or text beside calls, with
    reasoning or without; text may have run into the length limit.
    """
    calls: tuple[ToolCall, ...] = ()
    if draw(st.booleans()) and names:
        calls = draw(tool_calls(names))
    text = draw(texts() if calls else _spoken())
    finish: Finish = "tool_calls" if calls else draw(st.sampled_from(_ENDS))
    return Reply(text=text, calls=calls, finish=finish, usage=draw(usages()), reasoning=draw(_reasoning()))


_ENDS: tuple[Finish, ...] = ("stop", "length")


@functools.cache
def _spoken() -> st.SearchStrategy[str]:
    return texts().filter(str.strip)


@functools.cache
def _reasoning() -> st.SearchStrategy[str]:
    return st.just("") | texts()


@st.composite
def broken_replies(draw: st.DrawFn, names: Sequence[str]) -> Reply:
    """A reply with a call whose arguments are no JSON object, beside good ones and text; or one whose last call the
    length limit cut off.
    """
    calls = draw(tool_calls(names, min_size=0, max_size=2))
    name = draw(st.sampled_from(list(names)))
    if draw(st.booleans()):
        raw = draw(st.sampled_from(_CUT_OFF))
        broken = CallError("cut_off", "", raw, name, "call_broken", len(calls))
        return Reply(text=draw(texts()), calls=calls, errors=(broken,), finish="length", usage=draw(usages()))
    broken = CallError(
        "arguments", "", draw(st.sampled_from(BROKEN)), name, "call_broken", draw(st.integers(0, len(calls)))
    )
    return Reply(text=draw(texts()), calls=calls, errors=(broken,), finish="tool_calls", usage=draw(usages()))


_CUT_OFF = ("", '{"x": 1', '{"x": "a', '{"x')
