"""What an evaluation amounts to: for each category and model its rates, each with n and interval, side by side.

Values, and the arithmetic that makes them. Nothing here asks, reads or writes: the same results give the same
evaluation, and when the scoring changes, the same recordings are scored again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.checks.suite.structure import KINDS
from harness.core.card import rate
from harness.evaluation.scoring import category, scored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.checks.suite.structure import Kind
    from harness.core.card import Rate
    from harness.core.exchange import Provenance
    from harness.engine.events import CaseResult, Job
    from harness.evaluation.scoring import Outcome, Score

EVERY = ""
"""The category that stands for all of them."""


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
