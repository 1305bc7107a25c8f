"""From observations to a behaviour card: every check on every answer, summed up a cell at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.checks.card import CARD_CHECKS, look
from harness.checks.card.blame import DISAGREED
from harness.core.card import Card, Cell, listed, rate
from harness.core.finding import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.checks.card import CardCheck, CheckContext
    from harness.core.card import Mode, Rate
    from harness.core.exchange import Provenance
    from harness.core.expectation import Expectation
    from harness.core.finding import Blame, Observation, Verdict
    from harness.dialects.chat_request import ChatRequest

_MOST_EXCHANGES = 8
"""That a cell cites, gravest findings first."""
UNSENT = "unsent"
"""The path of a finding about a question that was refused before anything was sent: no exchange can show it."""
_GRAVEST: tuple[Verdict, ...] = ("fail", "infra", "unsupported", "quirk", "unseen", "pass")
ACCUSED: frozenset[Blame] = frozenset({"model", "provider"})
"""Whose failures make a cell fail: the card is of this model through this provider."""
_ON_THE_WAY: frozenset[Blame] = frozenset({"litellm", "backend"})
_OUTSIDE: frozenset[Blame] = frozenset({"caller", "recording"})
_ROOTS = ("D11", "R3", "D3", "C6", "A1", "C4", "C3", "C2", "J1", "T1", "C7", "J2", "D1")
"""Of checks that find one and the same cause, the first of these counts it; a cause is one of its own answer."""
_SEPARATE = frozenset({"ability"})
"""Topics that look at an answer in their own way: what they find is in no other check's rate."""


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """What one check found in one observation."""

    check: CardCheck
    context: CheckContext
    finding: Finding


@dataclass(slots=True)
class CardBuilder:
    """One model's observations, judged as they come. ``whose`` says who lost what the wire has and a reply lacks;
    ``provider`` is the model's, where its name is a label.
    """

    model: str
    checks: Sequence[CardCheck] = CARD_CHECKS
    whose: Callable[[CheckContext], Blame] | None = None
    provider: str = ""
    contexts: list[CheckContext] = field(default_factory=list)
    judged: list[JudgedAnswer] = field(default_factory=list)
    passes: Counter[tuple[str, Mode]] = field(default_factory=Counter)

    def add(
        self, observation: Observation, expect: Expectation, *, own: bool = True, question: ChatRequest | None = None
    ) -> None:
        """Judge one answer. ``own`` says that the harness asked, ``question`` what, where that is known already."""
        context = look(observation, expect, own=own, question=question)
        found: list[tuple[CardCheck, Finding]] = []
        for check in self.checks:
            if check.judge is not None:
                found += ((check, _placed(check, context, one)) for one in _run(check, context))
            if check.asks is not None and context.infra and check.asks(context):
                came = Finding(check.id, "infra", f"no answer: {context.observation.error}")
                found.append((check, _placed(check, context, came)))
        if self.whose is not None and any(_is_loss(one) for _, one in found) and (guilty := self.whose(context)):
            found = [(check, replace(one, blame=guilty) if _is_loss(one) else one) for check, one in found]
        slim = context if own else context.slim()
        self.contexts.append(slim)
        for check, one in once(found):
            self._keep(JudgedAnswer(check, slim, one))

    def _keep(self, one: JudgedAnswer) -> None:
        """Hold on to all but passes; of those, to as many as a cell cites, and to their number."""
        if one.finding.verdict == "pass":
            place = one.check.id, _mode(one.context)
            self.passes[place] += 1
            if self.passes[place] > _MOST_EXCHANGES:
                return
        self.judged.append(one)

    def card(self, recordings: Mapping[str, Provenance], *, harness: str = "", litellm: str = "") -> Card:
        """The card of all that was added. ``recordings`` says of each cassette where it is from."""
        for check in self.checks:
            if check.together is not None:
                for context, one in check.together(tuple(self.contexts)):
                    self._keep(JudgedAnswer(check, context, _placed(check, context, one)))
        by_cell: dict[tuple[str, Mode], list[Finding]] = defaultdict(list)
        for judged in self.judged:
            by_cell[judged.check.id, _mode(judged.context)].append(judged.finding)
        places = [(check, mode) for check in self.checks for mode in _modes(check)]
        cells = [_cell(check, mode, by_cell[check.id, mode], self.passes[check.id, mode]) for check, mode in places]
        cited = {one.cassette for cell in cells for one in cell.evidence}
        return Card(
            model=self.model,
            provider=self.provider or self.model.partition("/")[0],
            cells=tuple(cells),
            recordings={path: recordings[path] for path in sorted(cited) if path in recordings},
            measures=measures(self.contexts, self.judged, cells),
            finishes=_finishes(self.contexts),
            harness=harness,
            litellm=litellm,
        )


def _is_loss(one: Finding) -> bool:
    """Whether a finding is about the way from the wire to the reply."""
    return one.blame in _ON_THE_WAY and (one.verdict == "fail" or one.cause == DISAGREED)


def once(found: Sequence[tuple[CardCheck, Finding]]) -> list[tuple[CardCheck, Finding]]:
    """What was found in one answer, each cause counted by one check: the others say which."""
    roots: dict[str, str] = {}
    for check, one in found:
        if one.verdict == "fail" and one.cause and check.topic not in _SEPARATE:
            known = roots.get(one.cause)
            if known is None or _rank(check.id) < _rank(known):
                roots[one.cause] = check.id
    made = []
    for check, one in found:
        root = roots.get(one.cause, check.id) if one.verdict == "fail" and check.topic not in _SEPARATE else check.id
        if root != check.id:
            reason = f"counted in {root}"
            one = replace(one, verdict="unseen", message=f"{reason}: {one.message}", cause=reason)  # noqa: PLW2901 - the same finding
        made.append((check, one))
    return made


def _rank(check: str) -> int:
    return _ROOTS.index(check) if check in _ROOTS else len(_ROOTS)


def findings_of(
    observation: Observation, expect: Expectation, checks: Sequence[CardCheck] = CARD_CHECKS
) -> list[Finding]:
    """What every check says of one answer alone, its words part of the finding's key."""
    context = look(observation, expect)
    found = [(check, one) for check in checks if check.judge is not None for one in _run(check, context)]
    return [replace(one, check=check.id, path=f"{one.path}: {one.message}") for check, one in found]


def _run(check: CardCheck, context: CheckContext) -> list[Finding]:
    """What a check finds; one that crashes has found a fault of its own."""
    assert check.judge is not None
    try:
        return list(check.judge(context))
    except Exception as error:  # noqa: BLE001 - whatever a check does wrong must not end the card
        message = f"the check {check.id} crashed: {type(error).__name__}: {error}"
        return [Finding("", "fail", message, "crash", blame="backend")]


def _placed(check: CardCheck, context: CheckContext, found: Finding) -> Finding:
    places = context.places
    evidence = Evidence(context.observation.cassette, places) if places else None
    path = found.path or ("" if places else UNSENT)
    blame = found.blame or (check.blame if found.verdict == "fail" else "")
    return replace(found, check=check.id, path=path, evidence=found.evidence or evidence, blame=blame)


def _mode(context: CheckContext) -> Mode:
    return "stream" if context.observation.asked.get("stream") else "whole"


def _modes(check: CardCheck) -> tuple[Mode, ...]:
    if check.note:
        return ("",)
    return ("stream",) if check.streamed else ("whole", "stream")


def _cell(check: CardCheck, mode: Mode, found: Sequence[Finding], passes: int) -> Cell:
    """``passes`` is how many there were: of them ``found`` has a few."""
    counted = Counter(one.verdict for one in found if not _excluded(one))
    counted["pass"] = passes
    good = rate(counted["pass"] + counted["quirk"], counted["pass"] + counted["quirk"] + counted["fail"])
    excluded = Counter(_excluded(one) for one in found if _excluded(one))
    verdict = _verdict(check, counted, good)
    return Cell(
        check=check.id,
        mode=mode,
        verdict=verdict,
        rate=good,
        infra=counted["infra"],
        unsupported=counted["unsupported"],
        findings=_explaining(found),
        evidence=_evidence(found),
        note=_unseen(check, excluded) if verdict == "unseen" else _claim(check, good),
        excluded=dict(excluded.most_common()),
    )


def _excluded(one: Finding) -> str:
    """Why a finding counts for nothing in its cell's rate; ``""`` where it counts."""
    if one.verdict == "unseen":
        return one.cause or one.message
    if one.verdict == "fail" and one.blame not in ACCUSED:
        return f"{one.blame or 'backend'}: not the model's doing"
    return ""


def _verdict(check: CardCheck, count: Mapping[Verdict, int], good: Rate) -> Verdict:
    if count["fail"] and (good.share or 0) < check.threshold:
        return "fail"
    order: tuple[Verdict, ...] = ("quirk", "pass", "unsupported", "infra")
    return next((verdict for verdict in order if count[verdict]), "quirk" if count["fail"] else "unseen")


def _unseen(check: CardCheck, excluded: Mapping[str, int]) -> str:
    """Why nothing was judged."""
    if check.note:
        return check.note
    if excluded:
        return f"not judged: {listed(excluded)}"
    return f"no recording shows {check.needs or 'it'}"


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


def _explaining(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """All that is not a pass, gravest first, and the first pass; the other passes are in the rate."""
    passes = [one for one in found if one.verdict == "pass"][:1]
    others = [one for one in found if one.verdict != "pass"]
    return (*sorted(others, key=lambda one: _GRAVEST.index(one.verdict)), *passes)


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


def measures(all_: Sequence[CheckContext], judged: Sequence[JudgedAnswer], cells: Sequence[Cell]) -> dict[str, Rate]:
    """Rates over the whole card: schema accuracy over calls, and where questions were repeated pass@k and pass^k."""
    made: dict[str, Rate] = {}
    accurate = [cell.rate for cell in cells if cell.check == "C6"]
    if number := sum(one.n for one in accurate):
        made["schema_accuracy"] = rate(sum(one.held for one in accurate), number)
    answered = [context for context in all_ if not context.infra]
    if all_:
        made["answered"] = rate(len(answered), len(all_))
    bad = {id(one.context) for one in judged if one.finding.verdict == "fail" and one.finding.blame not in _OUTSIDE}
    questions: dict[tuple[str, str], dict[int, bool]] = {}
    for context in answered:
        what = questions.setdefault((context.observation.suite, context.observation.case), {})
        what[context.observation.repeat] = what.get(context.observation.repeat, True) and id(context) not in bad
    most = max((len(repeats) for repeats in questions.values()), default=0)
    whole = [repeats.values() for repeats in questions.values() if len(repeats) == most]
    if most > 1:
        made[f"pass@{most}"] = rate(sum(map(any, whole)), len(whole))
        made[f"pass^{most}"] = rate(sum(map(all, whole)), len(whole))
    return made


def _finishes(all_: Iterable[CheckContext]) -> dict[str, tuple[str, ...]]:
    """How each answer to each of our own questions ended, repeat by repeat: what trigger F1 compares."""
    made: dict[str, list[str]] = {}
    for context in all_:
        if context.own and context.observation.turn == 0:
            reply = context.observation.reply
            word = (reply.finish or "none") if reply else type(context.observation.error).__name__
            made.setdefault(f"{context.observation.suite}/{context.observation.case}", []).append(word)
    return {name: tuple(words) for name, words in made.items()}
