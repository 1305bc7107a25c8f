"""An evaluation scored: each case right or wrong, by which mistakes, and what was due to a name alone; for each
category and model its rates, each with n and interval, side by side.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.backend.models import provider_of
from harness.backend.names import name_table
from harness.backend.tool_calls import read_arguments
from harness.checks import ALL_CHECKS, judge
from harness.checks.structure import KINDS, Mistake, misfits, mistakes, wants_call
from harness.core.card import rate
from harness.core.chat import ToolCall
from harness.core.expectation import Expectation
from harness.core.finding import Evidence
from harness.dialects.json_strict import NotJson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.checks.structure import Kind
    from harness.core.card import Rate
    from harness.core.chat import CallError, Json, Reply
    from harness.core.exchange import Provenance
    from harness.core.finding import Observation
    from harness.engine.events import CaseResult, Job

PREFIX = "eval-"
"""What an evaluation's name begins with, and its category's does not."""

Outcome: TypeAlias = Literal["right", "wrong", "infra", "unsupported", "unseen"]
"""``infra``: the provider never answered. ``unsupported``: it refuses the feature cleanly. ``unseen``: no recording
shows it. These three are counted separately, and are in no rate."""

_UNJUDGED: dict[str, Outcome] = {"infra": "infra", "unsupported": "unsupported"}
ANY = Expectation()
_SEPARATORS = re.compile(r"[\s./\\:_-]+")
EVERY = ""
"""The category that stands for all of them."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer. ``wants`` says whether it should call (None: either will do), ``free`` whether that was the model's
    own choice. ``valid`` of ``calls`` can be read, were offered and fit their schema. ``renamed`` calls are of tools
    whose name had to be changed for the wire; ``respelt`` ones wrote a name with other dots, slashes or dashes than
    offered. ``mistakes`` are those of the answer as a client gets it, ``unskilled`` those that are left once the
    ``respelt`` names are repaired.
    """

    wants: bool | None
    called: bool
    free: bool
    calls: int = 0
    valid: int = 0
    renamed: int = 0
    respelt: int = 0
    mistakes: tuple[Mistake, ...] = ()
    unskilled: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """One case asked of one model. It is right when every answer in it is, to the last turn.

    ``skilled`` says that it is, or would be with names repaired. ``note`` says why it could not be judged.
    ``attempts`` has for each repeat of a task in a world whether it was right; the case is right when all are.
    """

    category: str
    case: str
    model: str
    outcome: Outcome
    skilled: bool = False
    turns: tuple[Turn, ...] = ()
    evidence: Evidence | None = None
    note: str = ""
    attempts: tuple[bool, ...] = ()

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """Those of all answers; the path begins with the turn, counted from 0."""
        return tuple(
            replace(one, path=f"turn {number}{one.path}")
            for number, turn in enumerate(self.turns)
            for one in turn.mistakes
        )


def category(suite: str) -> str:
    """The category that a suite of this name holds."""
    return suite.removeprefix(PREFIX)


def scored(job: Job, result: CaseResult) -> Score:
    """``result`` held against what its case expects. Nothing is asked or read."""
    names = (category(job.suite), job.case.id, job.model.called)
    places = tuple(place for observation in result.observations for place, _ in observation.exchanges)
    evidence = Evidence(result.cassette, places)
    if result.problem:
        return Score(*names, "unseen", note=result.problem.message)
    refused = next((one for one in result.findings if one.check == "error" and one.verdict in _UNJUDGED), None)
    if refused:
        return Score(*names, _UNJUDGED[refused.verdict], evidence=evidence, note=refused.message)
    if job.case.in_world:
        return _task(job, result, Score(*names, "unseen", evidence=evidence, note="nothing was asked"))
    expected = (job.case.expect, *(turn.expect for turn in job.case.then))
    provider = provider_of(job.model.id)
    turns = [
        _turn(observation, expect, provider) for observation, expect in zip(result.observations, expected, strict=False)
    ]
    if not turns:
        return Score(*names, "unseen", note="nothing was asked")
    if len(turns) < len(expected) and not any(turn.unskilled for turn in turns):
        short = Mistake("count", f"the conversation ended after {len(turns)} of {len(expected)} answers")
        turns[-1] = replace(turns[-1], mistakes=(*turns[-1].mistakes, short), unskilled=(short,))
    outcome: Outcome = "wrong" if any(turn.mistakes for turn in turns) else "right"
    skilled = not any(turn.unskilled for turn in turns)
    return Score(*names, outcome, skilled, tuple(turns), evidence)


def _task(job: Job, result: CaseResult, unasked: Score) -> Score:
    """A task in a world, right where nothing that its case expects failed; each repeat is an attempt."""
    provider, expect = provider_of(job.model.id), job.case.expect
    turns = [_turn(observation, ANY, provider) for observation in result.observations]
    attempts: dict[int, bool] = {}
    for place, observation in enumerate(result.observations):
        if observation.world is None and observation.error is None:
            continue  # an answer on the way
        failed = [one for one in judge(observation, expect, ALL_CHECKS) if one.verdict == "fail"]
        wrong = tuple(Mistake("task", one.message, f".{one.path or one.check}") for one in failed)
        attempts[observation.repeat] = not wrong
        if wrong:
            turns[place] = replace(turns[place], mistakes=wrong, unskilled=wrong)
    if not attempts:
        return unasked
    outcome: Outcome = "right" if all(attempts.values()) else "wrong"
    return replace(
        unasked,
        outcome=outcome,
        skilled=outcome == "right",
        turns=tuple(turns),
        note="",
        attempts=tuple(attempts.values()),
    )


def _turn(observation: Observation, expect: Expectation, provider: str) -> Turn:
    choice = observation.asked.get("tool_choice")
    wants, free = wants_call(expect), choice in (None, "auto")
    reply = observation.reply
    if reply is None:
        broken = Mistake("unreadable", f"{type(observation.error).__name__}: {observation.error}")
        return Turn(wants, called=False, free=free, mistakes=(broken,), unskilled=(broken,))
    tools = observation.asked.get("tools") or ()
    schemas = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in tools}
    wire = name_table(provider, tools).wire
    mended, respelt = respell(reply, {**{name: name for name in schemas}, **{wire[name]: name for name in schemas}})
    return Turn(
        wants,
        called=bool(reply.calls or reply.errors),
        free=free,
        calls=len(reply.calls) + len(reply.errors),
        valid=sum(not any(misfits(call.parameters, schemas.get(call.name))) for call in reply.calls),
        renamed=sum(wire.get(call.name) != call.name for call in reply.calls),
        respelt=respelt,
        mistakes=_mistakes(reply.calls, reply.errors, expect, schemas),
        unskilled=_mistakes(mended.calls, mended.errors, expect, schemas),
    )


def _mistakes(
    calls: Sequence[ToolCall], errors: Sequence[CallError], expect: Expectation, schemas: dict[str, Json]
) -> tuple[Mistake, ...]:
    """Of an answer with calls that can't be read, only those are reported: the others can't be counted without them."""
    if not errors:
        return mistakes(calls, expect, schemas)
    return tuple(
        Mistake("name" if one.fault == "unknown_tool" else "unreadable", one.detail, f"[{one.index}]") for one in errors
    )


def respell(reply: Reply, offered: dict[str, str]) -> tuple[Reply, int]:
    """``reply`` with calls of tools that were not offered put under the one offered name that differs from theirs in
    nothing but dots, slashes, dashes, underscores and spaces; and how many they are.

    ``offered`` has the tool's own name for each name that it may be called by.
    """
    alike: dict[str, set[str]] = {}
    for name, own in offered.items():
        alike.setdefault(_bare(name), set()).add(own)
    mended: dict[int, ToolCall] = {}
    for error in reply.errors:
        meant = alike.get(_bare(error.name or ""), set())
        if error.fault == "unknown_tool" and len(meant) == 1:
            try:
                mended[error.index] = ToolCall(next(iter(meant)), read_arguments(error.raw), error.id or "")
            except NotJson:
                continue
    if not mended:
        return reply, 0
    good = iter(reply.calls)
    bad = {error.index: error for error in reply.errors}
    total = len(reply.calls) + len(bad)
    calls = [mended.get(index) or next(good) for index in range(total) if index in mended or index not in bad]
    left = tuple(error for index, error in bad.items() if index not in mended)
    return replace(reply, calls=tuple(calls), errors=left), len(mended)


def _bare(name: str) -> str:
    return _SEPARATORS.sub("_", name).strip("_")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Whether a model calls when it should, over the answers where calling was its own choice and only one is right.

    ``hits`` called as they should, ``false`` called and should not have, ``missed`` should have and did not, ``quiet``
    rightly did not.
    """

    hits: int = 0
    false: int = 0
    missed: int = 0
    quiet: int = 0

    @property
    def n(self) -> int:
        """Of how many answers F1 is made: all but the quiet ones, which it does not know."""
        return self.hits + self.false + self.missed

    @property
    def f1(self) -> float | None:
        """None where no call was due and none was made."""
        return 2 * self.hits / (self.hits + self.n) if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """F1's 95 % interval. ``hits / n`` is a share, so Wilson's interval holds for it; F1 rises with it, being
        ``2 s / (1 + s)`` of it, and so do the bounds.
        """
        share = rate(self.hits, self.n)
        return 2 * share.low / (1 + share.low), 2 * share.high / (1 + share.high)

    @property
    def precision(self) -> Rate:
        return rate(self.hits, self.hits + self.false)

    @property
    def recall(self) -> Rate:
        return rate(self.hits, self.hits + self.missed)


@dataclass(frozen=True, slots=True)
class Tally:
    """One category and one model (``category`` is ``EVERY`` for all of them).

    ``right`` is the share of cases that are right as a client gets them, ``skill`` the same with names repaired; a case
    that was asked several times is right when each attempt is (pass^k), and in ``any_attempt`` when one is (pass@k).
    ``mistakes`` counts for each kind the cases that show it; a case may show several. ``schema`` is the share of calls
    that can be read, were offered and fit their schema. ``renamed`` and ``respelt`` count calls.
    """

    category: str
    model: str
    right: Rate
    skill: Rate
    any_attempt: Rate
    trigger: Trigger
    schema: Rate
    mistakes: Mapping[Kind, int]
    renamed: int = 0
    respelt: int = 0
    infra: int = 0
    unsupported: int = 0
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where the recordings of one model are from: kinds, who answered, litellm's versions, first and last date."""

    kinds: tuple[str, ...]
    sources: tuple[str, ...]
    litellm: tuple[str, ...]
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All scores, and their tallies: each category's of each model, then each model's of all. Suites' order."""

    models: tuple[str, ...]
    categories: tuple[str, ...]
    scores: tuple[Score, ...]
    tallies: tuple[Tally, ...]
    recorded: Mapping[str, Recorded] = field(default_factory=dict)

    def tally(self, category: str, model: str) -> Tally | None:
        """None where the category was not asked of the model."""
        return next((one for one in self.tallies if (one.category, one.model) == (category, model)), None)

    def total(self, model: str) -> Tally:
        """All categories of ``model`` together."""
        return next(one for one in self.tallies if (one.category, one.model) == (EVERY, model))


def evaluate(results: Iterable[tuple[Job, CaseResult]]) -> Evaluation:
    """Score every result against its case, and add up."""
    results = list(results)
    scores = tuple(scored(job, result) for job, result in results)
    models = tuple(dict.fromkeys(one.model for one in scores))
    categories = tuple(dict.fromkeys(category(job.suite) for job, _ in results))
    groups = [
        (name, model, [one for one in scores if (one.category, one.model) == (name, model)])
        for name in categories
        for model in models
    ]
    groups += [(EVERY, model, [one for one in scores if one.model == model]) for model in models]
    tallies = tuple(tally(name, model, group) for name, model, group in groups if group)
    sources: dict[str, list[Provenance]] = {}
    for job, result in results:
        if result.provenance:
            sources.setdefault(job.model.called, []).append(result.provenance)
    recorded = {model: _recorded(found) for model, found in sources.items()}
    return Evaluation(models, categories, scores, tallies, recorded)


def tally(category: str, model: str, scores: Sequence[Score]) -> Tally:
    """Add ``scores`` up; the order does not matter."""
    outcomes: Counter[Outcome] = Counter(one.outcome for one in scores)
    judged = [one for one in scores if one.outcome in {"right", "wrong"}]
    turns = [turn for one in judged for turn in one.turns]
    chosen = Counter((turn.wants, turn.called) for turn in turns if turn.free and turn.wants is not None)
    shown = Counter(kind for one in judged for kind in {mistake.kind for mistake in one.mistakes})
    return Tally(
        category,
        model,
        right=rate(outcomes["right"], len(judged)),
        skill=rate(sum(one.skilled for one in judged), len(judged)),
        any_attempt=rate(sum(any(one.attempts or (one.outcome == "right",)) for one in judged), len(judged)),
        trigger=Trigger(chosen[True, True], chosen[False, True], chosen[True, False], chosen[False, False]),
        schema=rate(sum(turn.valid for turn in turns), sum(turn.calls for turn in turns)),
        mistakes={kind: shown[kind] for kind in KINDS},
        renamed=sum(turn.renamed for turn in turns),
        respelt=sum(turn.respelt for turn in turns),
        infra=outcomes["infra"],
        unsupported=outcomes["unsupported"],
        unseen=outcomes["unseen"],
    )


def _recorded(found: Sequence[Provenance]) -> Recorded:
    dates = sorted(one.recorded for one in found)
    kinds, sources = ({one.kind for one in found}, {one.source for one in found})
    litellm = {one.litellm for one in found}
    return Recorded(tuple(sorted(kinds)), tuple(sorted(sources)), tuple(sorted(litellm)), dates[0], dates[-1])
