"""A verification on the terminal and as JSON: each cassette's changes with both sides, its age, what was not judged."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from harness.report import changes, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.chat import Json
    from harness.drift.steadiness import Judged
    from harness.drift.verify import VerifiedCassette

_AGES = {"old": "is old", "expired": "has expired", "undated": "has no date"}


def summary_line(verified: VerifiedCassette) -> str:
    """What came of one cassette, in a line."""
    described = changes.summed(verified.steady)
    varies = sum(not one.steady for one in verified.changes)
    described += f", {varies} that only vary" if varies else ""
    described += f", {len(verified.unjudged)} not judged" if verified.unjudged else ""
    return safe_text.line(f"{verified.target.path}: {described}", 300)


def describe(verified: VerifiedCassette, *, cosmetic: bool = False) -> Iterator[tuple[str, str]]:
    """Lines with their style: the cassette, then each change with both sides."""
    shown = [one for one in verified.changes if cosmetic or one.change.grade != "cosmetic"]
    if not shown and not verified.unjudged and verified.target.age == "fresh":
        return
    yield safe_text.line(str(verified.target.path), 300), "bold"
    if verified.target.age in _AGES:
        yield f"  {aged(verified)}", "yellow"
    for one in shown:
        yield from describe_changes(one)
    for why in verified.unjudged:
        yield f"  not judged: {safe_text.line(why, 200)}", "magenta"


def describe_changes(one: Judged) -> Iterator[tuple[str, str]]:
    """A change, then both its sides."""
    change = one.change
    often = ""
    if one.agreed.n > 1:
        share = f"{one.agreed.low:.0%} to {one.agreed.high:.0%}"
        often = f"; {one.agreed.held} of {one.agreed.n} answers agree with the recording ({share})"
    word = "" if one.steady else f"varies ({change.grade})"
    yield from changes.describe(change, word, often)


def aged(verified: VerifiedCassette) -> str:
    """A recording's age in words."""
    target = verified.target
    age = f" ({target.days} days)" if target.days is not None else ""
    return f"the recording {_AGES.get(target.age, 'is fresh')}{age}"


def as_json(done: Sequence[VerifiedCassette], stopped: str, harness: str) -> str:
    """The whole verification as a document. ``stopped`` says why it did not come to its end."""
    steady = [change for one in done for change in one.steady]
    words = {
        "format": "harness-verify",
        "version": 1,
        "harness": harness,
        "stopped": stopped,
        "counts": changes.counts(steady),
        "cassettes": [_cassette(one) for one in done],
    }
    return json.dumps(words, indent=1) + "\n"


def _cassette(one: VerifiedCassette) -> Json:
    target = one.target
    return {
        "cassette": str(target.path),
        "suite": target.suite,
        "recorded": target.cassette.provenance.recorded,
        "days": target.days,
        "age": target.age,
        "answers": one.answers,
        "unjudged": list(one.unjudged),
        "changes": [
            {**changed, "steady": judged.steady, "agreed": dataclasses.asdict(judged.agreed)}
            for judged, changed in zip(one.changes, changes.as_json(each.change for each in one.changes), strict=True)
        ],
    }
