"""Drift for people and machines: what a verification found of each cassette, with its age; and what turned with which
version of litellm.
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from typing import TYPE_CHECKING

from harness.core.change import GRADES
from harness.report import changes, safe_text
from harness.report.safe_text import markdown_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.core.change import Change
    from harness.core.chat import Json
    from harness.drift.bisect import Turn, VersionResults
    from harness.drift.verify import Judged, VerifiedCassette

_AGES = {"old": "is old", "expired": "has expired", "undated": "has no date"}
_SHOWN = 30
_BISECTION_FORMAT = 1


def summary_line(verified: VerifiedCassette) -> str:
    """What came of one cassette, in a line."""
    described = changes.summed(verified.steady) if verified.answers else "no answer"
    varies = sum(not one.steady for one in verified.changes)
    described += f", {varies} that only vary" if varies else ""
    described += f", {len(verified.unjudged)} not judged" if verified.unjudged else ""
    return safe_text.line(f"{verified.target.path}: {described}", 300)


def describe_verified(verified: VerifiedCassette, *, cosmetic: bool = False) -> Iterator[tuple[str, str]]:
    """Lines with their style: the cassette, then each change with both sides."""
    shown = [one for one in verified.changes if cosmetic or one.change.grade != "cosmetic"]
    if not shown and not verified.unjudged and verified.target.age == "fresh":
        return
    yield safe_text.line(str(verified.target.path), 300), "bold"
    if verified.target.age in _AGES:
        yield f"  {aged(verified)}", "yellow"
    for one in shown:
        yield from _describe_judged(one)
    for why in verified.unjudged:
        yield f"  not judged: {safe_text.line(why, 200)}", "magenta"


def _describe_judged(one: Judged) -> Iterator[tuple[str, str]]:
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


def verification_document(done: Sequence[VerifiedCassette], stopped: str, harness: str) -> str:
    """The whole verification as a document. ``stopped`` says why it did not come to its end."""
    steady = [change for one in done for change in one.steady]
    made = {
        "format": "harness-verify",
        "version": 1,
        "harness": harness,
        "stopped": stopped,
        "counts": changes.counts(steady),
        "cassettes": [_cassette(one) for one in done],
    }
    return json.dumps(made, indent=1) + "\n"


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


def describe_turn(turned: Turn) -> Iterator[tuple[str, str]]:
    """Lines on what came with a version, each with its style."""
    passed = f" ({', '.join(turned.passed)} could not be looked at)" if turned.passed else ""
    yield f"{turned.before} → {turned.after}{passed}: {changes.summed(turned.changes)}", "bold"
    groups = grouped(turned.changes)
    for title, inside in groups[:_SHOWN]:
        yield f"  {title}", "red" if inside[0].grade == "contract" else ""
        first = inside[0]
        yield f"    {first.path}", "dim"
        yield f"    before  {changes.side(first.before)}", "dim"
        yield f"    after   {changes.side(first.after)}", "dim"
    if len(groups) > _SHOWN:
        yield f"  … and {len(groups) - _SHOWN} kinds of change more; --json has them all", ""


def grouped(found: Iterable[Change]) -> list[tuple[str, list[Change]]]:
    """Changes that say the same of one provider and mode together, the gravest first, laws before answers."""
    groups: dict[tuple[int, int, str], list[Change]] = defaultdict(list)
    for one in sorted(found, key=lambda change: _natural(change.path)):
        kind, *rest = one.path.split(" ")
        where = " ".join(rest[1:] if kind == "law" else rest if kind == "needs" else rest[:-1])
        order = ("needs", "law", "sent", "decoded").index(one.what)
        groups[-GRADES.index(one.grade), order, f"{where}: {one.message}"].append(one)
    return [
        (_headed(title, inside), inside) for (_, _, title), inside in sorted(groups.items(), key=lambda one: one[0])
    ]


def _headed(title: str, inside: Sequence[Change]) -> str:
    kind = inside[0].path.partition(" ")[0]
    if kind == "law":
        head = f"laws {', '.join(one.path.split(' ')[1] for one in inside)}, "
    else:
        head = {"needs": "", "request": "requests, ", "answer": "answers, "}.get(kind, f"{kind}s, ")
    times = f" ({len(inside)} times)" if len(inside) > 1 and kind not in {"law", "needs"} else ""
    return safe_text.line(f"{head}{title}{times}", 300)


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in path.split(" ")]


def laws(observed: Mapping[str, Json]) -> dict[str, tuple[int, int]]:
    """Of each law the provider modes in which it is judged, and in how many of those it is broken."""
    found: dict[str, tuple[int, int]] = {}
    for what, value in observed.items():
        if what.startswith("law "):
            law = what.split(" ")[1]
            judged, broken = found.get(law, (0, 0))
            found[law] = judged + 1, broken + (value["verdict"] == "broken")
    return found


def bisection_markdown(looked: Sequence[VersionResults], turned: Sequence[Turn], command: str) -> str:
    """The table of versions and laws, and below it what turned with which version."""
    usable = [(one.version, laws(one.results)) for one in looked if one.results is not None]
    ids = sorted({law for _, found in usable for law in found}, key=lambda law: (law[0], int(law[1:])))
    changing = [law for law in ids if len({found.get(law) for _, found in usable}) > 1]
    lines = [f"| litellm | {' | '.join(changing)} |", f"|---|{'---|' * len(changing)}"]
    for version, found in usable:
        cells = [_cell(found.get(law)) for law in changing]
        lines.append(f"| {version} | {' | '.join(cells)} |")
    same = [law for law in ids if law not in changing]
    lines += ["", f"The same in all of them: {', '.join(same)}." if same else "No law is the same in all of them."]
    refused = [f"- {one.version}: {markdown_cell(one.why, 400)}" for one in looked if one.results is None]
    lines += ["", "Not looked at:", *refused] if refused else []
    for one in turned:
        lines += ["", f"## {one.before} → {one.after}", ""]
        for title, inside in grouped(one.changes):
            lines.append(f"- {markdown_cell(title, 400)}")
            lines.append(f"  - before `{_code(inside[0].before)}`")
            lines.append(f"  - after `{_code(inside[0].after)}`")
    head = f"Made with `{command}`. A cell says in how many of a law's provider modes it is broken; ✓ is in none."
    return "\n".join([head, "", *lines]) + "\n"


def _cell(found: tuple[int, int] | None) -> str:
    if found is None:
        return "·"
    judged, broken = found
    return f"✗ {broken}/{judged}" if broken else "✓"


def _code(value: Json) -> str:
    return changes.side(value).replace("`", "'").replace("|", "\\|")


def bisection_document(looked: Sequence[VersionResults], turned: Sequence[Turn], *, harness: str) -> str:
    """All of it as JSON."""
    made = {
        "format": _BISECTION_FORMAT,
        "harness": harness,
        "versions": [
            {"version": one.version, "refused": one.why, "laws": laws(one.results) if one.results else {}}
            for one in looked
        ],
        "turned": [
            {
                "before": one.before,
                "after": one.after,
                "passed": list(one.passed),
                "changes": [
                    {name: getattr(change, name) for name in ("grade", "what", "path", "message", "before", "after")}
                    for change in one.changes
                ],
            }
            for one in turned
        ],
    }
    return json.dumps(made, indent=1, ensure_ascii=False, default=str) + "\n"
