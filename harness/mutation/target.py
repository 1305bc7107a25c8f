"""A recording on the bench: what is said of it as it is, and whether anybody notices that it is another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.cassette.tape import loaded
from harness.core.chat import Reply
from harness.core.errors import CassetteMiss
from harness.mutation import reply_mutators, request_mutators
from harness.mutation.hints import hint
from harness.mutation.mutant import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.cassette import Cassette, Matcher
    from harness.core.errors import HarnessError
    from harness.core.exchange import Exchange
    from harness.engine.events import CaseResult
    from harness.mutation.mutant import Fate, Mutant, Part


@dataclass(frozen=True, slots=True)
class RecordedTarget:
    """A recording to be mutated. ``judge`` says what is found of a cassette put in the place of the one at ``path``:
    findings, and observations with what was decoded; ``replayed`` what came of the one there, where that is known.
    """

    suite: str
    case: str
    model: str
    path: Path
    judge: Callable[[Cassette], CaseResult]
    replayed: CaseResult | None = None


@dataclass(slots=True)
class MutationTarget:
    """One recording on which mutants are tried, and what is said of it as it is."""

    subject: RecordedTarget
    cassette: Cassette
    said: CaseResult
    matcher: Matcher | None
    sound: dict[tuple[Part, int], bool] = field(default_factory=dict)

    def outcome(self, number: int, mutant: Mutant) -> Outcome:
        fate, why = self._fate(number, mutant)
        one, mutator = self.subject, mutant.mutator
        return Outcome(
            one.suite, one.case, one.model, str(one.path), number, mutator.part, mutator.name, mutant.place, fate, why
        )

    def _fate(self, number: int, mutant: Mutant) -> tuple[Fate, str]:
        if mutant.mutator.rewritten and not self._sound(number, mutant.mutator.part):
            return "skipped", "written again as it is, the exchange is judged otherwise already"
        if mutant.mutator.part == "request":
            return self._asked(mutant.exchange)
        return self._answered(number, mutant)

    def _sound(self, number: int, part: Part) -> bool:
        """Whether an exchange that is written again without any change is judged as the recorded one."""
        if (part, number) not in self.sound:
            exchange = self.cassette.exchanges[number]
            if part == "request":
                plain = request_mutators.unchanged(exchange)
                self.sound[part, number] = plain is not None and self._asked(plain)[0] == "survived"
            else:
                same = reply_mutators.unchanged(exchange)
                made = None if same is None else self.subject.judge(self._with(number, same))
                self.sound[part, number] = made is None or (_said(made), _read(made)) == (
                    _said(self.said),
                    _read(self.said),
                )
        return self.sound[part, number]

    def _asked(self, exchange: Exchange) -> tuple[Fate, str]:
        """Whether a replay still answers the request. Its own answer need not be the one it gets."""
        tape = loaded(self.cassette, self.subject.path, matcher=self.matcher)
        try:
            tape.answer(exchange.request)
        except CassetteMiss as miss:
            return "noticed", "; ".join(miss.differences) or str(miss)
        return "survived", hint("request", None, None)

    def _answered(self, number: int, mutant: Mutant) -> tuple[Fate, str]:
        made = self.subject.judge(self._with(number, mutant.exchange))
        told = _said(made) - _said(self.said)
        if told or _said(self.said) - _said(made):
            return "noticed", ", ".join(sorted(told.elements())) or "a finding is gone"
        recorded = self.cassette.exchanges[number]
        if _read(made) != _read(self.said):
            return "survived", hint(mutant.mutator.about, *self._decoded(number))
        if _same(recorded, mutant.exchange):
            return "equivalent", "the reference reader and the backend read it as they read the recording"
        return "survived", "the backend reads it as it reads the recording, and only the reference reader does not"

    def _with(self, number: int, exchange: Exchange) -> Cassette:
        exchanges = list(self.cassette.exchanges)
        exchanges[number] = exchange
        return replace(self.cassette, exchanges=tuple(exchanges))

    def _decoded(self, number: int) -> tuple[Reply | None, HarnessError | None]:
        """What the backend made of a recorded exchange."""
        for seen in self.said.observations:
            if number in {place for place, _ in seen.exchanges}:
                return seen.reply, seen.error
        return None, None


def _said(result: CaseResult) -> Counter[str]:
    """What is said of a case: the keys of its findings, and the kind of its problem."""
    found = Counter(finding.key for finding in result.findings)
    if result.problem:
        found[result.problem.kind] += 1
    return found


def _read(result: CaseResult) -> list[Reply | tuple[str, str, Reply | None]]:
    """What the backend read: replies, and errors by class and words."""
    return [_plain(seen.reply or seen.error) for seen in result.observations]


def _same(one: Exchange, other: Exchange) -> bool:
    """Whether the reference reader makes the same of both; a refusal, which it does not read, must be the same."""
    left, right = reply_mutators.decode(one), reply_mutators.decode(other)
    if left is None or right is None:
        return one.response == other.response
    return _plain(left) == _plain(right)


def _plain(found: Reply | HarnessError | None) -> Reply | tuple[str, str, Reply | None]:
    """A reply as it is; an error as its class, its words, and what had come before it."""
    return found if isinstance(found, Reply) else (type(found).__name__, str(found), getattr(found, "reply", None))
