"""Arguments, calls and replies: what a model may answer, at its strangest, or as a profile has it for its provider."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from harness.core.chat import CallError, Finish, Json, Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.dialects.wire_profile import Tally, new_id
from harness.strategies.material import BROKEN, CUT_OFF, KEYS, MORE_TEXTS, UNUSUAL_TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from harness.dialects.wire_profile import WireProfile


# A strategy is validated once an object: those drawn from over and over are made once.
@functools.cache
def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Text without lone surrogates, which no UTF-8 wire can carry."""
    return st.sampled_from(UNUSUAL_TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=max_size)


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
    minItems and maxItems; another keyword that narrows it is a ``UsageError``, raised before anything is drawn.
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
    """Calls to tools called ``names``, each with an id of its own; two of them may be the same but for their ids."""
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
    text = draw(texts() if calls else _visible_texts())
    finish: Finish = "tool_calls" if calls else draw(st.sampled_from(_ENDS))
    return Reply(text=text, calls=calls, finish=finish, usage=draw(usages()), reasoning=draw(_reasoning()))


_ENDS: tuple[Finish, ...] = ("stop", "length")


@functools.cache
def _visible_texts() -> st.SearchStrategy[str]:
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
        raw = draw(st.sampled_from(CUT_OFF[:4]))
        broken = CallError("cut_off", "", raw, name, "call_broken", len(calls))
        return Reply(text=draw(texts()), calls=calls, errors=(broken,), finish="length", usage=draw(usages()))
    broken = CallError(
        "arguments", "", draw(st.sampled_from(BROKEN)), name, "call_broken", draw(st.integers(0, len(calls)))
    )
    return Reply(text=draw(texts()), calls=calls, errors=(broken,), finish="tool_calls", usage=draw(usages()))


_UNCOUNTED = Tally(1, 2)
"""Where no answer could show a habit."""


def _draw_text(rng: Random) -> str:
    return rng.choice([one for one in (*UNUSUAL_TEXTS, *MORE_TEXTS) if one.strip()])


def _draw_parameters(rng: Random) -> dict[str, Json]:
    return {rng.choice(KEYS): _draw_text(rng) for _ in range(rng.randrange(1, 4))}


def reply_like(
    profile: WireProfile,
    rng: Random,
    names: Sequence[str],
    *,
    stream: bool,
    text: Callable[[Random], str] = _draw_text,
    parameters: Callable[[Random], dict[str, Json]] = _draw_parameters,
) -> Reply:
    """A reply that may call the tools ``names``, each habit of ``profile`` at its rate. ``text`` and ``parameters``
    draw texts and arguments; parameters that come out empty are drawn again.
    """
    rates = profile.rates("replies", stream=stream)

    def holds(name: str) -> bool:
        return rng.random() < rates.get(name, _UNCOUNTED).share

    finish: Finish = "stop"
    calls: list[ToolCall] = []
    if names and holds("calls"):
        finish, form = "tool_calls", profile.id_form(rng, stream=stream)
        number = rng.randrange(2, 4) if holds("several_calls") else 1
        bare = rng.randrange(number) if holds("no_arguments") else None
        for index in range(number):
            drawn: dict[str, Json] = {}
            while index != bare and not drawn:
                drawn = parameters(rng)
            name = rng.choice(list(names))
            calls.append(ToolCall(name, drawn, new_id(form, rng, name, index)))
    elif holds("limited"):
        finish = "length"
    elif holds("filtered"):
        finish = "content_filter"
    counts = rng.randrange(1, 9999), rng.randrange(1, 9999)
    word = None if calls else profile.finish_word(rng, finish)
    return Reply(
        text=text(rng) if not calls or holds("text_beside_calls") else "",
        calls=tuple(calls),
        finish=finish,
        usage=Usage(*counts, sum(counts)),
        reasoning=text(rng) if holds("reasoning") else "",
        raw_finish=word,
    )
