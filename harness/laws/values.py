"""Values drawn by a seeded generator: texts, JSON, names and schemas in the sizes and shapes of real life.

Hypothesis' strategies draw from the same tables, for tests that want its shrinking; a proof draws thousands of whole
questions, for which they are twenty times too slow. The same seed draws the same values on every machine.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from harness.core.chat import Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.dialects import DIALECTS
from harness.dialects.providers import profile
from harness.strategies import material

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from harness.core.chat import Finish, Json
    from harness.dialects.name_rules import NameRule

_TEXTS = (*material.UNUSUAL_TEXTS, *material.MORE_TEXTS)
_FLOATS = (*material.FLOATS, *material.MORE_FLOATS)
_INTEGERS = (*material.INTEGERS, *material.LARGE)
_SAMPLE = "the quick brown é 日本 fox\n\t\"jumps\" over <b>lazy</b> {dogs} & 'cats' \\ 👍 "
# Ranges of characters that are no surrogates: ASCII twice, control characters, Latin, Greek, CJK, emoji, private use.
_RANGES = (
    (32, 127),
    (32, 127),
    (0, 32),
    (160, 0x250),
    (0x370, 0x400),
    (0x4E00, 0x4F00),
    (0x1F300, 0x1F650),
    (0xE000, 0xE010),
)


@cache
def finish_words(dialect: str, *, stream: bool) -> dict[Finish, tuple[str, ...]]:
    """Each ending of a dialect that has more than one word: those that say no more than that, beside text and calls.

    ``unknown`` has one that no provider uses.
    """
    made: dict[Finish, list[str]] = {}
    spoken = DIALECTS[dialect]
    for word, finish in {**spoken.facts.finishes, "halted_by_moon": "unknown"}.items():
        reply = Reply(text="x", finish=finish, raw_finish=word, usage=Usage(1, 1, 2))
        called = replace(reply, text="", calls=(ToolCall("f", {"x": 1}, "call_1"),))
        replies = {"stop": (reply,), "tool_calls": (called,)}.get(finish, (reply, called))
        with suppress(UsageError):
            for one in replies:
                found = spoken.read(spoken.render(one, stream=stream))
                if (found.raw_finish, found.finish, found.errors) != (word, finish, ()):
                    break
            else:
                made.setdefault(finish, []).append(word)
    return {finish: tuple(words) for finish, words in made.items()}


def one_in(rng: Random, number: int) -> bool:
    return rng.randrange(number) == 0


def text(rng: Random) -> str:
    """Mostly short and odd; now and then past a length at which code cuts."""
    kind = rng.randrange(100)
    if kind < 60:  # noqa: PLR2004 - shares of a hundred
        return rng.choice(_TEXTS)
    if kind < 85:  # noqa: PLR2004 - as above
        return _characters(rng, rng.randrange(1, 14))
    if kind < 93:  # noqa: PLR2004 - as above
        return rng.choice(_TEXTS) + rng.choice((" ", "", "\n", ", ")) + rng.choice(_TEXTS)
    return long_text(rng)


def long_text(rng: Random) -> str:
    share = rng.randrange(100)
    lengths = material.FIRST_LENGTHS if share < 70 else material.LENGTHS if share < 99 else material.LONGEST  # noqa: PLR2004 - as above
    length = rng.choice(lengths)
    start = rng.choice(_TEXTS) + _characters(rng, 6)
    return (start + _SAMPLE * (length // len(_SAMPLE) + 1))[: length - 1] + rng.choice(("é", "z", "\n", "."))


def spoken(rng: Random) -> str:
    """Text that says something."""
    while not (made := text(rng)).strip():
        pass
    return made


def _characters(rng: Random, number: int) -> str:
    made = []
    for _ in range(number):
        low, high = rng.choice(_RANGES)
        made.append(chr(rng.randrange(low, high)))
    return "".join(made)


def prompt(rng: Random) -> str:
    return rng.choice(material.PROMPTS) if one_in(rng, 2) else f"{spoken(rng).strip()}?"


def user(rng: Random, images: frozenset[str]) -> Json:
    """What a user says: a text, or parts; ``images`` are the ways in which there may be such, ``detail`` among them
    where an image may say in which detail it is to be read.
    """
    if not one_in(rng, 4):
        return prompt(rng)
    return _illustrated(rng, [{"type": "text", "text": prompt(rng)} for _ in range(rng.randrange(1, 4))], images)


def result(rng: Random, images: frozenset[str]) -> Json:
    """What a tool answers."""
    kind = rng.randrange(12)
    if kind == 0:
        parts = [{"type": "text", "text": spoken(rng)} for _ in range(rng.randrange(1, 3))]
        return _illustrated(rng, parts, images)
    return text(rng) if kind < 4 else rng.choice(material.RESULTS)  # noqa: PLR2004 - shares of twelve


def _illustrated(rng: Random, parts: list[Json], images: frozenset[str]) -> list[Json]:
    """``parts`` with images among them, in half of all where there may be such."""
    if images and one_in(rng, 2):
        for _ in range(rng.choice((1, 1, 2))):
            ways = sorted(images - {"detail"})
            shown = {"url": rng.choice(material.IMAGES[rng.choice(ways)])}
            if "detail" in images and one_in(rng, 3):
                shown["detail"] = rng.choice(("low", "high", "auto"))
            parts.insert(rng.randrange(len(parts) + 1), {"type": "image_url", "image_url": shown})
    return parts


def key(rng: Random) -> str:
    kind = rng.randrange(10)
    if kind < 6:  # noqa: PLR2004 - shares of ten
        return rng.choice(material.KEYS)
    return rng.choice(material.INTEGER_KEYS) if kind < 8 else text(rng)[:40]  # noqa: PLR2004 - as above


def number(rng: Random) -> Json:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(_INTEGERS)
    if kind == 1:
        return rng.randrange(-(2**70), 2**70)
    if kind == 2:  # noqa: PLR2004 - one of six
        return rng.choice(_FLOATS)
    if kind == 3:  # noqa: PLR2004 - as above
        return rng.uniform(-1, 1) * 10 ** rng.randrange(-12, 15)
    return rng.randrange(-20, 1000) if kind == 4 else round(rng.uniform(-100, 100), 2)  # noqa: PLR2004 - as above


def value(rng: Random, depth: int = 3) -> Json:
    """Any JSON value."""
    kind = rng.randrange(20)
    if kind < 8 or depth <= 0:  # noqa: PLR2004 - shares of twenty
        return text(rng)
    if kind < 13:  # noqa: PLR2004 - as above
        return number(rng)
    if kind < 15:  # noqa: PLR2004 - as above
        return rng.choice((True, False, None))
    if kind < 17:  # noqa: PLR2004 - as above
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {key(rng): value(rng, depth - 1) for _ in range(rng.randrange(4))}


def parameters(rng: Random) -> dict[str, Json]:
    """What a call is given: nothing at all, a few fields, many, deep ones or long lists."""
    kind = rng.randrange(40)
    if kind < 5:  # noqa: PLR2004 - shares of forty
        return {}
    made = {key(rng): value(rng) for _ in range(rng.randrange(1, 5))}
    if kind == 5:  # noqa: PLR2004 - as above
        made["deep"] = deep(rng, rng.choice((6, 11, 17, 21, 33, 51, 65)))
    if kind == 6:  # noqa: PLR2004 - as above
        made["many"] = [number(rng) for _ in range(rng.choice((11, 21, 51, 101, 257)))]
    if kind == 7:  # noqa: PLR2004 - as above
        made |= {f"field_{n}": n for n in range(rng.choice((11, 17, 33, 65, 101)))}
    if kind == 8:  # noqa: PLR2004 - as above
        made |= dict.fromkeys(rng.sample(material.INTEGER_KEYS, 4), "x")
    if kind == 9:  # noqa: PLR2004 - as above
        made["mixed"] = [{"a": 1}, "b", 3, None, [], {}, 1.0, True]
    return made


def object_text(rng: Random) -> str:
    """An object as JSON text in forms that Python does not write: numbers, escapes and blanks."""
    fields = []
    for one in dict.fromkeys(key(rng) for _ in range(rng.randrange(1, 5))):
        form = rng.choice(material.JSON_FORMS)
        form = rng.choice(("%s", "%s", "%s", "[%s, 1]", '{"in":%s}')) % form
        blank = rng.choice(("", " ", "\n  ", "\t"))
        fields.append(f"{blank}{json.dumps(one, ensure_ascii=one_in(rng, 2))}{blank.strip(' ')}:{blank}{form}")
    return f"{{{','.join(fields)}{rng.choice(('', ' ', chr(10)))}}}"


def deep(rng: Random, levels: int) -> Json:
    made: Json = rng.choice(("end", 1, None))
    for _ in range(levels):
        made = [made] if one_in(rng, 3) else {"in": made}
    return made


def name(rng: Random, rule: NameRule) -> str:
    """A tool's name: legal or not, short or past the limit, in any script, or one that a provider keeps for itself."""
    kind = rng.randrange(20)
    if kind < 2:  # noqa: PLR2004 - shares of twenty
        return rng.choice(material.TAKEN_NAMES)
    if kind == 2:  # noqa: PLR2004 - as above
        return _characters(rng, rng.randrange(1, 7)).replace("\x00", "_") or "a"
    made = rng.choice(material.WORDS)
    for _ in range(rng.randrange(3)):
        made += rng.choice(material.JOINTS) + rng.choice(material.WORDS)
    if kind == 3:  # noqa: PLR2004 - as above
        return f"__{made}__"
    if kind == 4:  # noqa: PLR2004 - as above
        return f"{rng.randrange(10)}{made}"
    if kind == 5:  # noqa: PLR2004 - as above
        return f"-{made}"
    if kind == 6:  # noqa: PLR2004 - as above
        length = rng.choice((rule.longest - 1, rule.longest, rule.longest + 1, 65, 129))
        return (made * length)[:length]
    return made


_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGH23456789"
_FORMS = ("call_%s", "call_%s", "toolu_%s", "%s", "functions.x:%s", "chatcmpl-tool-%s", "x" * 40 + "%s", "a b/%sé")
OWN_FORMS = ("call_%s", "call_%s", "toolu_%s", "%s", "functions.x:%s", "chatcmpl-tool-%s")


def ids(rng: Random, number: int, forms: tuple[str, ...] = _FORMS) -> list[str]:
    """Ids as providers make them, and such as another refuses; all different."""
    return [rng.choice(forms) % f"{''.join(rng.choices(_LETTERS, k=8))}{place}" for place in range(number)]


def legal_name(rng: Random) -> str:
    return rng.choice(material.WORDS) + rng.choice(("", "_", "_x", "-2", "1")) + rng.choice(("", "a", "B"))


def names(rng: Random, provider: str) -> list[str]:
    """Different names for the tools of one request: few or many, and relatives that a careless mapping confuses."""
    rule = profile(provider).names
    size = rng.randrange(1, 5) if not one_in(rng, 12) else rng.choice((6, 9, 11, 17, 21, 33, 65, 128))
    made = [name(rng, rule) for _ in range(min(size, 12))]
    if size > len(made):
        made += [f"tool_{number}" for number in range(size - len(made))]
    if not one_in(rng, 3):
        made.append(rng.choice(relatives(rng.choice(made), rule)))
    rng.shuffle(made)
    return list(dict.fromkeys(made))


def relatives(one: str, rule: NameRule) -> list[str]:
    flat = re.sub(f"[^{rule.rest}]", "_", one)
    made = (
        *(one.replace("/", "__"), one.replace("__", "/"), flat, f"{flat}_2", f"{one}_", one[: rule.longest]),
        *(one.swapcase(), f"{one}/b", f"a/{one}", one[:-1], one[1:], f"{one}s", f"{one}_v2", f"x{one}", one + one),
    )
    return [other for other in dict.fromkeys(made) if other]


_KINDS = ("string", "integer", "number", "boolean", "array", "object")


def schema(rng: Random) -> dict[str, Json]:
    """The schema of a tool's parameters."""
    fields = [_field_name(rng) for _ in range(rng.randrange(1, 5))]
    made: dict[str, Json] = {"type": "object", "properties": {one: _property(rng, 2) for one in fields}}
    if not one_in(rng, 3):
        made["required"] = [one for one in dict.fromkeys(fields) if rng.randrange(2)]
    if one_in(rng, 4):
        made["additionalProperties"] = False
    if one_in(rng, 6):
        defined, inner = rng.choice(material.DEFINED)
        made |= {"$defs": defined} if defined else {}
        made["properties"]["item"] = inner
    if one_in(rng, 4):
        made |= rng.choice(_conditions(fields[0], fields[-1]))
    return made


def _conditions(one: str, other: str) -> tuple[dict[str, Json], ...]:
    """What a schema may say of several fields at once; OpenAI refuses not, anyOf, oneOf, allOf and enum at its top."""
    return (
        {"patternProperties": {"^x-": {"type": "string", "minLength": 1}}},
        {"dependentRequired": {one: [other]}},
        {"dependentSchemas": {one: {"required": [other]}}},
        {"if": {"properties": {one: {"const": "a"}}}, "then": {"required": [other]}, "else": {"minProperties": 1}},
        {"propertyNames": {"pattern": "^[^ ]*$"}, "additionalProperties": {"type": ["string", "null"]}},
        {"unevaluatedProperties": False, "$comment": "closed"},
    )


def _field_name(rng: Random) -> str:
    return (
        rng.choice(material.KEYS[:30]).lstrip("$")
        if one_in(rng, 3)
        else f"{rng.choice(material.WORDS)}_{rng.randrange(9)}"
    )


def _property(rng: Random, depth: int) -> dict[str, Json]:
    made: dict[str, Json] = {"type": rng.choice(_KINDS[: 4 if depth <= 0 else None])}
    if not one_in(rng, 3):
        made["description"] = spoken(rng)[:200]
    kind = made["type"]
    if kind == "string":
        made |= rng.choice(_OF_STRINGS)
    elif kind in {"integer", "number"}:
        made |= rng.choice(_OF_NUMBERS)
    elif kind == "array":
        made["items"] = _property(rng, depth - 1)
        made |= rng.choice(_OF_LISTS)
    elif kind == "object":
        made["properties"] = {_field_name(rng): _property(rng, depth - 1) for _ in range(rng.randrange(1, 3))}
        made |= rng.choice(({}, {"additionalProperties": False}, {"required": [next(iter(made["properties"]))]}))
    return _combined(rng, made)


def _combined(rng: Random, made: dict[str, Json]) -> dict[str, Json]:
    kind = rng.randrange(24)
    if kind == 0:
        return {"anyOf": [made, {"type": "null"}]}
    if kind == 1:
        return {"oneOf": [made, {"type": "boolean"}]}
    if kind == 2 and made["type"] in _KINDS[:4]:  # noqa: PLR2004 - one of twenty-four
        return {**made, "type": [made["type"], "null"]}
    if kind == 3:  # noqa: PLR2004 - as above
        return {**made, "title": "A title", "examples": ["x"]}
    if kind == 4:  # noqa: PLR2004 - as above
        return {**made, "default": None, "deprecated": True}
    if kind == 5:  # noqa: PLR2004 - as above
        return {**made, "not": {"enum": ["never", 0, None]}}
    return made


_OF_STRINGS: Sequence[dict[str, Json]] = (
    {},
    {},
    {"enum": ["a", "b", ""]},
    {"enum": ["1", "true", "null"]},
    {"const": "x"},
    {"minLength": 1, "maxLength": 64},
    {"pattern": "^[a-z]+(-[a-z]+)*$"},
    {"format": "date-time"},
    {"default": ""},
)
_OF_LISTS: Sequence[dict[str, Json]] = (
    {},
    {"minItems": 1},
    {"maxItems": 5},
    {"uniqueItems": True},
    {"prefixItems": [{"type": "string"}, {"type": "integer"}]},
    {"contains": {"type": "string"}, "minContains": 1},
)
_OF_NUMBERS: Sequence[dict[str, Json]] = (
    {},
    {"minimum": 0, "maximum": 10},
    {"exclusiveMinimum": 0},
    {"multipleOf": 5},
    {"default": 0},
    {"enum": [1, 2, 3]},
)


def ending_in(value: Json, text: str) -> Json:
    """``value`` with ``text`` as its last string."""
    if isinstance(value, dict):
        *_, last = value
        return {**value, last: ending_in(value[last], text)}
    return [*value[:-1], ending_in(value[-1], text)] if isinstance(value, list) else text


TOOL_MARKS: dict[str, Json] = {
    "strict": True,
    "defer_loading": True,
    "allowed_callers": ["code_execution_20250825"],
    "eager_input_streaming": True,
    "custom": {"type": "grammar", "syntax": "lark", "definition": 'start: "a"+\n'},
    "namespace": "crm",
}
OTHER_TOOLS = frozenset({"custom", "namespace"})
"""Marks that make a tool something else than a function."""
TEXT_FORMATS = ({"type": "text"}, TOOL_MARKS["custom"], {"type": "grammar", "syntax": "regex", "definition": "^é+$"})


def tool_marks(rng: Random, known: Sequence[str]) -> dict[str, Json]:
    """What is asked for a tool beside its schema, of all that its API knows."""
    made = {mark: TOOL_MARKS[mark] for mark in known if one_in(rng, 3)}
    return {"custom": rng.choice(TEXT_FORMATS)} if "custom" in made else made  # which has no schema, and no more
