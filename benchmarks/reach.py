"""What is drawn: the share of plain questions that have each feature: ``python benchmarks/reach.py``."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from harness.laws.draw import questions
from harness.strategies import material

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.laws import Question

NUMBER = 4000
PROVIDERS = ("openai", "anthropic")


def values(value: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    """Every key and value inside, and how deep it stands."""
    yield value, depth
    for inner in (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from values(inner, depth + 1)


def features(one: Question) -> set[str]:
    given = [call.parameters for call in one.reply.calls]
    inside = [found for parameters in given for found in values(parameters)]
    texts = [value for value, _ in inside if isinstance(value, str)]
    keys = [key for value, _ in inside if isinstance(value, dict) for key in value]
    integers = [key for key in keys if re.fullmatch(r"0|[1-9]\d*", key)]
    numbers = [value for value, _ in inside if isinstance(value, (int, float)) and not isinstance(value, bool)]
    schemas = {
        key for _, schema in one.details for found, _ in values(schema) if isinstance(found, dict) for key in found
    }
    words = repr(one.reply.text) + repr(texts)
    found = {
        "several calls": len(given) > 1,
        "nine calls or more": len(given) > 8,
        "a call without arguments": {} in given,
        "text beside calls": bool(given and one.reply.text),
        "a text of 1,000 characters or more": any(len(text) >= 1000 for text in texts),
        "arguments ten levels deep": any(depth > 10 for _, depth in inside),
        "an integer past 2^53": any(isinstance(number, int) and abs(number) > 2**53 for number in numbers),
        "a float": any(isinstance(number, float) for number in numbers),
        "forms of JSON that Python does not write": bool(one.raws),
        "keys like integers": bool(integers),
        "keys like integers, not in their order": integers != sorted(integers, key=int),
        "a reserved word as a key": not set(keys).isdisjoint(material.KEYS),
        "text outside ASCII": not words.isascii() or "\\u" in words,
        "a chat template's marker": any(mark in words for mark in ("<|im", "[TOOL_CALLS]", "<think", "<tool_call")),
        "12 tools or more": len(one.tools) >= 12,
        "earlier calls": bool(one.history),
        "quirks of the wire": bool(one.quirks),
        "others at the same time": bool(one.beside),
        "others of another provider": any(other.provider != one.provider for other in one.beside),
    }
    keywords = {f"schema: {word}" for word in SCHEMA_WORDS if word in schemas}
    return {name for name, there in found.items() if there} | keywords


SCHEMA_WORDS = (
    *("enum", "const", "anyOf", "oneOf", "not", "if", "patternProperties", "dependentRequired", "dependentSchemas"),
    *("$ref", "prefixItems", "contains", "propertyNames", "pattern", "format", "additionalProperties"),
)


def main() -> None:
    counts: dict[str, list[int]] = {}
    for place, provider in enumerate(PROVIDERS):
        drawn = [one for one in islice(questions(provider, stream=False), NUMBER) if one.kind == "plain"]
        for one in drawn:
            for name in features(one):
                counts.setdefault(name, [0] * len(PROVIDERS))[place] += 1
        for of_provider in counts.values():
            of_provider[place] = round(1000 * of_provider[place] / len(drawn))
    print(f"| plain questions with … | {' | '.join(PROVIDERS)} |\n|---|{'---|' * len(PROVIDERS)}")
    for name, shares in sorted(counts.items(), key=lambda one: (one[0].startswith("schema"), -one[1][0])):
        print(f"| {name} | {' | '.join(f'{share / 10:.1f} %' for share in shares)} |")


if __name__ == "__main__":
    main()
