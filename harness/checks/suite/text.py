"""What the text of an answer says: exactly, in part, by pattern, or as JSON that fits a schema."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from harness.checks.json_equality import shown
from harness.checks.schema import misfit
from harness.core.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.expectation import Expectation, TextExpectation
    from harness.core.observation import Observation


def text(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.text``: every part that is given must hold."""
    if expect.text is None or observation.reply is None:
        return
    faults = list(_faults(observation.reply.text, expect.text))
    for path, fault in faults:
        yield Finding("text", "fail", fault, path)
    if not faults:
        yield Finding("text", "pass", "the text is as expected")


def _faults(said: str, wanted: TextExpectation) -> Iterator[tuple[str, str]]:
    if wanted.exact is not None and said != wanted.exact:
        yield "exact", f"the text is {shown(said)}, not {shown(wanted.exact)}"
    for piece in _several(wanted.contains):
        if piece not in said:
            yield "contains", f"{shown(piece)} is not in the text {shown(said)}"
    for piece in _several(wanted.excludes):
        if piece in said:
            yield "excludes", f"{shown(piece)} is in the text {shown(said)}"
    if wanted.regex is not None and not re.search(wanted.regex, said):
        yield "regex", f"{wanted.regex!r} matches nothing in the text {shown(said)}"
    if wanted.empty is not None and (said == "") != wanted.empty:
        yield "empty", f"the text is {shown(said)}, which is {'not empty' if wanted.empty else 'empty'}"


def _several(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else given


def json_text(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.json_schema``: the text is one JSON value that fits it."""
    if expect.json_schema is None or observation.reply is None:
        return
    said = observation.reply.text
    try:
        value = json.loads(said, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        yield Finding("json", "fail", f"the text {shown(said)} is not JSON: {error}", "value")
        return
    fault = misfit(value, expect.json_schema)
    if fault:
        yield Finding("json", "fail", f"the JSON does not fit the schema: {fault}", "schema")
    else:
        yield Finding("json", "pass", "the text is JSON that fits the schema")


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
