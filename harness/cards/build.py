"""From observations to a behaviour card: every check on every answer, summed up a cell at a time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.checks.card import CARD_CHECKS, look
from harness.core.card import Card, Cell, rate
from harness.core.finding import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.checks.card import CardCheck, CheckContext
    from harness.core.card import Mode, Rate
    from harness.core.exchange import Provenance
    from harness.core.expectation import Expectation
    from harness.core.finding import Verdict
    from harness.core.observation import Observation
    from harness.dialects.chat_request import ChatRequest

_MOST_FINDINGS = 3
"""Of each verdict that a cell keeps; the rest are counted in its rate."""
_MOST_EXCHANGES = 8
UNSENT = "unsent"
"""The path of a finding about a question that was refused before anything was sent: no exchange can show it."""
_GRAVEST: tuple[Verdict, ...] = ("fail", "infra", "unsupported", "quirk", "pass")


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """What one check found in one observation."""

    check: CardCheck
    seen: CheckContext
    finding: Finding


@dataclass(slots=True)
class CardBuilder:
    """One model's observations, judged as they come."""

    model: str
    checks: Sequence[CardCheck] = CARD_CHECKS
    seen: list[CheckContext] = field(default_factory=list)
    judged: list[JudgedAnswer] = field(default_factory=list)

    def add(
        self, observation: Observation, expect: Expectation, *, own: bool = True, question: ChatRequest | None = None
    ) -> None:
        """Judge one answer. ``own`` says that the harness asked, ``question`` what, where that is known already."""
        seen = look(observation, expect, own=own, question=question)
        self.seen.append(seen)
        for check in self.checks:
            if check.judge is not None:
                self.judged += (JudgedAnswer(check, seen, _placed(check, seen, one)) for one in _run(check, seen))
            if check.asks is not None and seen.infra and check.asks(seen):
                told = Finding(check.id, "infra", f"no answer: {seen.observation.error}")
                self.judged.append(JudgedAnswer(check, seen, _placed(check, seen, told)))

    def card(self, recordings: Mapping[str, Provenance], *, harness: str = "", litellm: str = "") -> Card:
        """The card of all that was added. ``recordings`` says of each cassette where it is from."""
        together = [
            JudgedAnswer(check, seen, _placed(check, seen, one))
            for check in self.checks
            if check.together is not None
            for seen, one in check.together(tuple(self.seen))
        ]
        by_cell: dict[tuple[str, Mode], list[JudgedAnswer]] = defaultdict(list)
        for one in (*self.judged, *together):
            by_cell[one.check.id, _mode(one.seen)].append(one)
        cells = [
            _cell(check, mode, by_cell.get((check.id, mode), ())) for check in self.checks for mode in _modes(check)
        ]
        cited = {one.cassette for cell in cells for one in cell.evidence}
        return Card(
            model=self.model,
            provider=self.model.partition("/")[0],
            cells=tuple(cells),
            recordings={path: recordings[path] for path in sorted(cited) if path in recordings},
            measures=measures(self.seen, self.judged),
            finishes=_finishes(self.seen),
            harness=harness,
            litellm=litellm,
        )


def findings_of(
    observation: Observation, expect: Expectation, checks: Sequence[CardCheck] = CARD_CHECKS
) -> list[Finding]:
    """What every check says of one answer alone, its words part of the finding's key."""
    seen = look(observation, expect)
    found = [(check, one) for check in checks if check.judge is not None for one in _run(check, seen)]
    return [replace(one, check=check.id, path=f"{one.path}: {one.message}") for check, one in found]


def _run(check: CardCheck, seen: CheckContext) -> list[Finding]:
    """What a check finds; one that crashes has found a fault of its own."""
    assert check.judge is not None
    try:
        return list(check.judge(seen))
    except Exception as error:  # noqa: BLE001 - whatever a check does wrong must not end the card
        return [Finding("", "fail", f"the check {check.id} crashed: {type(error).__name__}: {error}", "crash")]


def _placed(check: CardCheck, seen: CheckContext, found: Finding) -> Finding:
    places = tuple(place for place, _ in seen.observation.exchanges)
    evidence = Evidence(seen.observation.cassette, places) if places else None
    path = found.path or ("" if places else UNSENT)
    return replace(found, check=check.id, path=path, evidence=found.evidence or evidence)


def _mode(seen: CheckContext) -> Mode:
    return "stream" if seen.observation.asked.get("stream") else "whole"


def _modes(check: CardCheck) -> tuple[Mode, ...]:
    if check.note:
        return ("",)
    return ("stream",) if check.topic == "streaming" and check.id != "S5" else ("whole", "stream")


def _cell(check: CardCheck, mode: Mode, judged: Sequence[JudgedAnswer]) -> Cell:
    found = [one.finding for one in judged]
    count = {verdict: sum(1 for one in found if one.verdict == verdict) for verdict in _GRAVEST}
    good = rate(count["pass"] + count["quirk"], count["pass"] + count["quirk"] + count["fail"])
    return Cell(
        check=check.id,
        mode=mode,
        verdict=_verdict(check, count, good),
        rate=good,
        infra=count["infra"],
        unsupported=count["unsupported"],
        findings=_kept(found),
        evidence=_evidence(found),
        note=check.note if not found else _claim(check, good),
    )


def _verdict(check: CardCheck, count: Mapping[Verdict, int], good: Rate) -> Verdict:
    if count["fail"] and (good.share or 0) < check.threshold:
        return "fail"
    order: tuple[Verdict, ...] = ("quirk", "pass", "unsupported", "infra")
    return next((verdict for verdict in order if count[verdict]), "quirk" if count["fail"] else "unseen")


def _claim(check: CardCheck, good: Rate) -> str:
    """What the number of answers can't show yet."""
    if check.threshold >= 1 or not good.n or good.low >= check.threshold or good.share != 1:
        return ""
    return f"to show {check.threshold:g} takes {least_n(check.threshold)} answers without a failure; here are {good.n}"


def least_n(threshold: float) -> int:
    """How many answers, none failing, put the lower end of Wilson's 95 % interval at ``threshold``."""
    n = 1
    while rate(n, n).low < threshold:
        n += 1
    return n


def _kept(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Gravest first; a few of each verdict, and of those that say the same one."""
    kept: list[Finding] = []
    for verdict in _GRAVEST:
        distinct = {one.message: one for one in reversed(found) if one.verdict == verdict}
        kept += list(reversed(distinct.values()))[: _MOST_FINDINGS if verdict != "pass" else 1]
    return tuple(kept)


def _evidence(found: Sequence[Finding]) -> tuple[Evidence, ...]:
    """The exchanges that show a cell, gravest first, by cassette."""
    ordered = sorted((one for one in found if one.evidence), key=lambda one: _GRAVEST.index(one.verdict))
    places: dict[str, dict[int, None]] = {}
    number = 0
    for one in ordered:
        assert one.evidence is not None
        for place in one.evidence.exchanges:
            if number < _MOST_EXCHANGES and place not in places.get(one.evidence.cassette, {}):
                places.setdefault(one.evidence.cassette, {})[place] = None
                number += 1
    return tuple(Evidence(cassette, tuple(inside)) for cassette, inside in places.items())


def measures(all_: Sequence[CheckContext], judged: Sequence[JudgedAnswer]) -> dict[str, Rate]:
    """Rates over the whole card: schema accuracy over calls, and where questions were repeated pass@k and pass^k."""
    made: dict[str, Rate] = {}
    calls = [one.finding.verdict == "pass" for one in judged if one.check.id == "C6"]
    if calls:
        made["schema_accuracy"] = rate(sum(calls), len(calls))
    answered = [seen for seen in all_ if not seen.infra]
    if all_:
        made["answered"] = rate(len(answered), len(all_))
    bad = {id(one.seen) for one in judged if one.finding.verdict == "fail"}
    questions: dict[tuple[str, str], dict[int, bool]] = {}
    for seen in answered:
        what = questions.setdefault((seen.observation.suite, seen.observation.case), {})
        what[seen.observation.repeat] = what.get(seen.observation.repeat, True) and id(seen) not in bad
    most = max((len(repeats) for repeats in questions.values()), default=0)
    whole = [repeats.values() for repeats in questions.values() if len(repeats) == most]
    if most > 1:
        made[f"pass@{most}"] = rate(sum(map(any, whole)), len(whole))
        made[f"pass^{most}"] = rate(sum(map(all, whole)), len(whole))
    return made


def _finishes(all_: Iterable[CheckContext]) -> dict[str, tuple[str, ...]]:
    """How each answer to each of our own questions ended, repeat by repeat: what trigger F1 compares."""
    made: dict[str, list[str]] = {}
    for seen in all_:
        if seen.own and seen.observation.turn == 0:
            reply = seen.observation.reply
            word = (reply.finish or "none") if reply else type(seen.observation.error).__name__
            made.setdefault(f"{seen.observation.suite}/{seen.observation.case}", []).append(word)
    return {name: tuple(words) for name, words in made.items()}
