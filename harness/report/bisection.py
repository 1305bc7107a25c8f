"""What turned with which version: on the terminal, as Markdown for the docs, and as JSON."""

from __future__ import annotations

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

_SHOWN = 30
FORMAT = 1


def describe(turned: Turn) -> Iterator[tuple[str, str]]:
    """Lines on what came with a version, each with its style."""
    passed = f" ({', '.join(turned.passed)} could not be looked at)" if turned.passed else ""
    yield f"{turned.before} → {turned.after}{passed}: {changes.summed(turned.changes)}", "bold"
    groups = grouped(turned.changes)
    for told, inside in groups[:_SHOWN]:
        yield f"  {told}", "red" if inside[0].grade == "contract" else ""
        first = inside[0]
        yield f"    {first.path}", "dim"
        yield f"    before  {changes.side(first.before)}", "dim"
        yield f"    after   {changes.side(first.after)}", "dim"
    if len(groups) > _SHOWN:
        yield f"  … and {len(groups) - _SHOWN} kinds of change more; --json has them all", ""


def grouped(changes: Iterable[Change]) -> list[tuple[str, list[Change]]]:
    """Changes that say the same of one provider and mode together, the gravest first, laws before answers."""
    found: dict[tuple[int, int, str], list[Change]] = defaultdict(list)
    for one in sorted(changes, key=lambda change: _natural(change.path)):
        kind, *rest = one.path.split(" ")
        where = " ".join(rest[1:] if kind == "law" else rest if kind == "needs" else rest[:-1])
        order = ("needs", "law", "sent", "decoded").index(one.what)
        found[-GRADES.index(one.grade), order, f"{where}: {one.message}"].append(one)
    return [(_headed(told, inside), inside) for (_, _, told), inside in sorted(found.items(), key=lambda one: one[0])]


def _headed(told: str, inside: Sequence[Change]) -> str:
    kind = inside[0].path.partition(" ")[0]
    if kind == "law":
        head = f"laws {', '.join(one.path.split(' ')[1] for one in inside)}, "
    else:
        head = {"needs": "", "request": "requests, ", "answer": "answers, "}.get(kind, f"{kind}s, ")
    times = f" ({len(inside)} times)" if len(inside) > 1 and kind not in {"law", "needs"} else ""
    return safe_text.line(f"{head}{told}{times}", 300)


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in path.split(" ")]


def laws(seen: Mapping[str, Json]) -> dict[str, tuple[int, int]]:
    """Of each law the provider modes in which it is judged, and in how many of those it is broken."""
    found: dict[str, tuple[int, int]] = {}
    for what, value in seen.items():
        if what.startswith("law "):
            law = what.split(" ")[1]
            judged, broken = found.get(law, (0, 0))
            found[law] = judged + 1, broken + (value["verdict"] == "broken")
    return found


def markdown(looked: Sequence[VersionResults], turned: Sequence[Turn], command: str) -> str:
    """The table of versions and laws, and below it what turned with which version."""
    usable = [(one.version, laws(one.seen)) for one in looked if one.seen is not None]
    ids = sorted({law for _, found in usable for law in found}, key=lambda law: (law[0], int(law[1:])))
    changing = [law for law in ids if len({found.get(law) for _, found in usable}) > 1]
    lines = [f"| litellm | {' | '.join(changing)} |", f"|---|{'---|' * len(changing)}"]
    for version, found in usable:
        cells = [_cell(found.get(law)) for law in changing]
        lines.append(f"| {version} | {' | '.join(cells)} |")
    same = [law for law in ids if law not in changing]
    lines += ["", f"The same in all of them: {', '.join(same)}." if same else "No law is the same in all of them."]
    refused = [f"- {one.version}: {markdown_cell(one.why, 400)}" for one in looked if one.seen is None]
    lines += ["", "Not looked at:", *refused] if refused else []
    for one in turned:
        lines += ["", f"## {one.before} → {one.after}", ""]
        for told, inside in grouped(one.changes):
            lines.append(f"- {markdown_cell(told, 400)}")
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


def document(looked: Sequence[VersionResults], turned: Sequence[Turn], *, harness: str) -> str:
    """All of it as JSON."""
    made = {
        "format": FORMAT,
        "harness": harness,
        "versions": [
            {"version": one.version, "refused": one.why, "laws": laws(one.seen) if one.seen else {}} for one in looked
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
