"""H1 to H6: what the harness must show about itself before a card counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.cards.build import UNSENT
from harness.checks.card.context import CardCheck
from harness.core.card import Cell, rate
from harness.core.finding import Evidence, Finding, count
from harness.mutation.mutant import score

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.card import Card, Rate
    from harness.core.finding import Verdict
    from harness.engine.events import CaseResult
    from harness.mutation.mutant import Outcome

TOPIC = "harness"
NOTICED = 0.95
"""H4: the share of altered requests that a replay must refuse."""

H_CHECKS = (
    CardCheck("H1", "no connection", "a replay makes no connection, and runs with bogus keys", TOPIC),
    CardCheck("H2", "all used", "every recorded exchange is used", TOPIC),
    CardCheck("H3", "twice the same", "two replays say the same", TOPIC),
    CardCheck("H4", "it would notice", "a replay refuses altered requests", TOPIC, threshold=NOTICED),
    CardCheck("H5", "clean", "no secret is in a cassette", TOPIC),
    CardCheck("H6", "evidence", "each cell names its cassette, and that where it is from", TOPIC),
)
_MOST = 5


def cell(check: str, good: Rate, wrong: Sequence[Finding] = (), *, note: str = "", threshold: float = 1.0) -> Cell:
    """The cell of an H check: ``wrong`` are its failures, of which it holds a few."""
    verdict: Verdict = "unseen" if not good.n else "pass" if (good.share or 0) >= threshold else "fail"
    evidence = tuple(one.evidence for one in wrong[:_MOST] if one.evidence)
    return Cell(check, "", verdict, good, findings=tuple(wrong[:_MOST]), evidence=evidence, note=note)


def no_network(results: Sequence[CaseResult]) -> Cell:
    """H1, of results that were played under the guard and with keys that no provider knows."""
    wrong = [
        Finding("H1", "fail", f"{one.name}: {one.problem.message}", evidence=Evidence(one.cassette))
        for one in results
        if one.problem and one.problem.kind != "CassetteMissingError"
    ]
    played = [one for one in results if one.observations or one.problem]
    return cell("H1", rate(len(played) - len(wrong), len(played)), wrong)


def all_used(results: Sequence[CaseResult]) -> Cell:
    wrong = [one for result in results for one in result.findings if one.check == "H2"]
    total = len(
        {place for result in results for observation in result.observations for place, _ in observation.exchanges}
    )
    idle = sum(len(one.evidence.exchanges) for one in wrong if one.evidence)
    used = sum(len(observation.exchanges) for result in results for observation in result.observations)
    return cell("H2", rate(used if total else 0, used + idle), wrong)


def twice_the_same(first: Sequence[CaseResult], second: Sequence[CaseResult]) -> Cell:
    wrong = [
        Finding("H3", "fail", f"{one.name}: the second replay says something else", evidence=Evidence(one.cassette))
        for one, other in zip(first, second, strict=True)
        if not _same(one, other)
    ]
    return cell("H3", rate(len(first) - len(wrong), len(first)), wrong)


def _same(one: CaseResult, other: CaseResult) -> bool:
    """Errors have no equality of their own: they are compared by class and words."""
    return _plain(one) == _plain(other)


def _plain(result: CaseResult) -> object:
    observations = tuple(
        replace(observation, error=None, rechunked=())
        if observation.error is None
        else (type(observation.error).__name__, str(observation.error))
        for observation in result.observations
    )
    return observations, result.findings, result.problem


def would_notice(outcomes: Sequence[Outcome], unmutated: int) -> Cell:
    """H4: altered requests that a replay refuses; of altered responses the note says how many the card shows."""
    wrong = [
        Finding("H4", "fail", f"exchange {one.number}: {one.mutator}, {one.location}: not noticed", "", _place(one))
        for one in outcomes
        if one.part == "request" and one.status == "survived"
    ]
    responses = score(outcomes, "response")
    note = f"of altered responses the card shows {responses.held} of {responses.n}" if responses.n else ""
    note += f"; {count(unmutated, 'recording')} could not be altered" if unmutated else ""
    return cell("H4", score(outcomes, "request"), wrong, note=note, threshold=NOTICED)


def _place(one: Outcome) -> Evidence:
    return Evidence(one.cassette, (one.number,))


def clean(files: int, hits: Iterable[tuple[str, str, str]]) -> Cell:
    """H5, from a search of ``files`` for secrets: file, place and kind of each hit."""
    wrong = [Finding("H5", "fail", f"{file}, {place}: {what}", evidence=Evidence(file)) for file, place, what in hits]
    bad = len({one.evidence.cassette for one in wrong if one.evidence})
    return cell("H5", rate(files - bad, files), wrong)


def evidence(card: Card) -> Cell:
    """H6: every cell that says something cites exchanges, and every cassette cited says where it is from."""
    cells = [one for one in card.cells if one.verdict != "unseen" and not one.check.startswith("H")]
    wrong = []
    for one in cells:
        strange = [cited.cassette for cited in one.evidence if cited.cassette not in card.recordings]
        refused = any(found.path == UNSENT for found in one.findings)
        if strange:
            wrong.append(Finding("H6", "fail", f"{one.check}: {strange[0]} does not say where it is from"))
        elif not one.evidence and not refused:
            wrong.append(Finding("H6", "fail", f"{one.check} {one.mode}: no exchange shows it"))
    return cell("H6", rate(len(cells) - len(wrong), len(cells)), wrong)
