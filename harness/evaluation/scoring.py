"""One case of an evaluation, scored: right or wrong, by which mistakes, and what was due to a name alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.backend.config import provider_of
from harness.backend.names import name_table
from harness.backend.tool_calls import read_arguments
from harness.checks import ALL_CHECKS, judge
from harness.checks.suite.structure import Mistake, misfits, mistakes, wants_call
from harness.core.chat import ToolCall
from harness.core.expectation import Expectation
from harness.core.finding import Evidence
from harness.dialects.json_strict import NotJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import CallError, Json, Reply
    from harness.core.observation import Observation
    from harness.engine.events import CaseResult, Job

PREFIX = "eval-"
"""What an evaluation's name begins with, and its category's does not."""

Outcome: TypeAlias = Literal["right", "wrong", "infra", "unsupported", "unseen"]
"""``infra``: the provider never answered. ``unsupported``: it refuses the feature cleanly. ``unseen``: no recording
shows it. These three are counted apart, and are in no rate."""

_APART: dict[str, Outcome] = {"infra": "infra", "unsupported": "unsupported"}
ANY = Expectation()
_SEPARATORS = re.compile(r"[\s./\\:_-]+")


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
    places = tuple(place for seen in result.observations for place, _ in seen.exchanges)
    evidence = Evidence(result.cassette, places)
    if result.problem:
        return Score(*names, "unseen", note=result.problem.message)
    refused = next((one for one in result.findings if one.check == "error" and one.verdict in _APART), None)
    if refused:
        return Score(*names, _APART[refused.verdict], evidence=evidence, note=refused.message)
    if job.case.in_world:
        return _task(job, result, Score(*names, "unseen", evidence=evidence, note="nothing was asked"))
    expected = (job.case.expect, *(turn.expect for turn in job.case.then))
    provider = provider_of(job.model.id)
    turns = [_turn(seen, expect, provider) for seen, expect in zip(result.observations, expected, strict=False)]
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
    turns = [_turn(seen, ANY, provider) for seen in result.observations]
    attempts: dict[int, bool] = {}
    for place, seen in enumerate(result.observations):
        if seen.world is None and seen.error is None:
            continue  # an answer on the way
        failed = [one for one in judge(seen, expect, ALL_CHECKS) if one.verdict == "fail"]
        wrong = tuple(Mistake("task", one.message, f".{one.path or one.check}") for one in failed)
        attempts[seen.repeat] = not wrong
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


def _turn(seen: Observation, expect: Expectation, provider: str) -> Turn:
    choice = seen.asked.get("tool_choice")
    wants, free = wants_call(expect), choice in (None, "auto")
    reply = seen.reply
    if reply is None:
        broken = Mistake("unreadable", f"{type(seen.error).__name__}: {seen.error}")
        return Turn(wants, called=False, free=free, mistakes=(broken,), unskilled=(broken,))
    tools = seen.asked.get("tools") or ()
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
    """Of an answer with calls that can't be read, only those are told: the others can't be counted without them."""
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
