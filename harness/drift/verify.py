"""Ask again what was recorded, and compare by consequence, to see whether a provider has changed.

It knows neither suites' files nor terminals: sending, keeping and spending are handed in, and what happens comes out
as events.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, TypeAlias

from harness.core.card import rate
from harness.core.chat import Reply
from harness.core.errors import UsageError
from harness.core.finding import Evidence
from harness.dialects import read_answer
from harness.dialects.registry import read_chat_request as read_request
from harness.drift.grading import between
from harness.drift.resend import wants_key
from harness.engine.budget import metered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.backend.models import Price
    from harness.cassette import Cassette
    from harness.core.card import Rate
    from harness.core.change import Change
    from harness.core.exchange import Exchange
    from harness.drift.expiry import AgeVerdict
    from harness.engine.budget import Budget

_BUSY = frozenset({408, 429, 502, 503, 504, 529})
"""Answers of what stands before a provider, or of one that is too busy: they say nothing of what it would answer."""
_PATIENCE = 3
_HALF = 0.5


class ProviderDownError(UsageError):
    """Nobody answers any more, or the key is refused; what was asked by then is kept."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A change, how many of the answers still agree with the recording, and whether it is ``steady``: one that only
    varies is reported and fails nothing.
    """

    change: Change
    agreed: Rate
    steady: bool


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """One cassette to be verified: ``digest`` is that of its file, ``unsendable`` says of each exchange why it can't
    be sent again, if so, and ``prices`` what each costs.
    """

    path: Path
    suite: str
    cassette: Cassette
    digest: str
    unsendable: tuple[str, ...]
    prices: tuple[Price, ...]
    days: int | None = None
    age: AgeVerdict = "fresh"


@dataclass(frozen=True, slots=True)
class VerifiedCassette:
    """What came of one cassette. ``changes`` are what differs, ``unjudged`` a sentence for each question whose answer
    says nothing; ``fresh`` is what it would be if recorded now, None where a question was not answered.
    """

    target: VerifyRequest
    changes: tuple[Judged, ...] = ()
    unjudged: tuple[str, ...] = ()
    fresh: tuple[Exchange, ...] | None = None
    answers: int = 0

    @property
    def steady(self) -> tuple[Change, ...]:
        return tuple(one.change for one in self.changes if one.steady)


@dataclass(frozen=True, slots=True)
class Started:
    """``total`` questions are to be asked, ``kept`` of them were answered before."""

    total: int
    kept: int


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    """One question was answered, now or before."""

    target: VerifyRequest
    index: int


Event: TypeAlias = Started | AnswerReceived | VerifiedCassette


class AnswerStore(Protocol):
    """Where answers are kept: those of an interrupted run are there already."""

    @property
    def resumed(self) -> int: ...

    def get(self, digest: str, index: int, repeat: int) -> Exchange | None: ...

    def keep(self, digest: str, index: int, repeat: int, exchange: Exchange) -> None: ...


Send: TypeAlias = "Callable[[VerifyRequest, Exchange], Exchange]"


def sampled(targets: Sequence[VerifyRequest], number: int, seed: int) -> tuple[VerifyRequest, ...]:
    """``number`` of the cassettes, by chance but the same for the same ``seed``, in their order."""
    if number >= len(targets):
        return tuple(targets)
    chosen = sorted(random.Random(seed).sample(range(len(targets)), number))  # noqa: S311 - a sample, no secret
    return tuple(targets[index] for index in chosen)


def verify(
    targets: Sequence[VerifyRequest], *, send: Send, answers: AnswerStore, allowance: Budget, repeats: int = 1
) -> Iterator[Event]:
    """Ask every question of ``targets`` again, ``repeats`` times each, and judge a cassette when it is through.

    Raises ``BudgetSpentError`` and ``ProviderDownError``; what was answered by then is kept, and the same call goes on
    from there.
    """
    total = sum(not why for target in targets for why in target.unsendable) * repeats
    yield Started(total, answers.resumed)
    sender = _Sender(send, answers, allowance)
    for target in targets:
        came: list[list[Exchange]] = []
        for index, recorded in enumerate(target.cassette.exchanges):
            came.append([])
            for repeat in range(repeats) if not target.unsendable[index] else ():
                came[-1].append(sender.ask(target, index, repeat, recorded))
                yield AnswerReceived(target, index)
        yield _verified(target, came)


@dataclass(slots=True)
class _Sender:
    send: Send
    answers: AnswerStore
    allowance: Budget
    silent: int = 0

    def ask(self, target: VerifyRequest, index: int, repeat: int, recorded: Exchange) -> Exchange:
        stored = self.answers.get(target.digest, index, repeat)
        if stored is not None:
            return stored
        price = target.prices[index]
        answer = metered(
            self.allowance,
            _at_most(price, recorded),
            lambda: self.send(target, recorded),
            lambda answer: _paid(price, answer),
        )
        self._refuse_down(target, recorded, answer)
        if not busy(recorded, answer):
            self.answers.keep(target.digest, index, repeat, answer)
        return answer

    def _refuse_down(self, target: VerifyRequest, recorded: Exchange, answer: Exchange) -> None:
        if busy(recorded, answer):
            self.silent += 1
        else:
            self.silent = 0
        where = f"{target.path}: {recorded.request.method} {recorded.request.url}"
        refused = answer.failure is not None and answer.failure.kind == "refused" and recorded.response is not None
        if refused or self.silent >= _PATIENCE:
            raise ProviderDownError(f"{where}: {_why(answer)}; what was answered is kept, run the same again to go on")
        if wants_key(recorded, answer):
            status = answer.response.status if answer.response else 0
            raise ProviderDownError(
                f"{where}: the key was refused ({status}); set the right one and run the same again"
            )


def _at_most(price: Price, recorded: Exchange) -> float:
    """Dollars that an answer will not cost more than: no fewer than the recorded one did."""
    request = read_request(recorded.request)
    longest = request.options.get("max_tokens") if request else None
    known = isinstance(longest, int) and longest > 0
    most = price.at_most(len(recorded.request.body), longest if known else None)
    return max(most, _paid(price, recorded) or 0.0)


def _paid(price: Price, answer: Exchange) -> float | None:
    """Dollars for an answer; None where nobody counted its tokens."""
    if answer.response is not None and answer.response.status >= HTTPStatus.BAD_REQUEST:
        return 0.0
    reply = read_answer(answer)
    return price.of(reply.usage) if isinstance(reply, Reply) else None


def busy(recorded: Exchange, answer: Exchange) -> bool:
    """Whether ``answer`` says nothing of what the provider would answer: no connection, or a busy one."""
    if answer.response is None:
        return recorded.response is not None
    was = recorded.response.status if recorded.response else 0
    return answer.response.status in _BUSY and answer.response.status != was


def _why(answer: Exchange) -> str:
    if answer.response is not None:
        return f"HTTP {answer.response.status} again and again"
    return f"nobody answers ({answer.failure.kind if answer.failure else 'no response'})"


def judged(recorded: Exchange, answers: Sequence[Exchange]) -> tuple[Judged, ...]:
    """What differs between ``recorded`` and its ``answers``, the gravest first.

    A change is steady where no answer agrees with the recording, or where the interval of those that agree ends below
    one half. Other calls in each answer are a model that does not say the same twice, and no change of the provider's.
    """
    found: dict[str, list[Change]] = {}
    for answer in answers:
        for change in between(recorded, answer):
            found.setdefault(change.key, []).append(change)
    return tuple(_judged(changes, len(answers)) for changes in found.values())


def _judged(changes: list[Change], n: int) -> Judged:
    agreed = rate(n - len(changes), n)
    varies = changes[0].what in ("calls", "ran") and len({json.dumps(one.after, sort_keys=True) for one in changes}) > 1
    return Judged(changes[0], agreed, steady=not varies and (agreed.held == 0 or agreed.high < _HALF))


def _verified(target: VerifyRequest, came: list[list[Exchange]]) -> VerifiedCassette:
    changes: list[Judged] = []
    unjudged: list[str] = []
    fresh: list[Exchange] = []
    for index, (recorded, found) in enumerate(zip(target.cassette.exchanges, came, strict=True)):
        good = [one for one in found if not busy(recorded, one)]
        unjudged += [f"exchange {index}: {_why(one)}" for one in found if busy(recorded, one)]
        if target.unsendable[index]:
            unjudged.append(f"exchange {index}: {target.unsendable[index]}")
        evidence = (Evidence(str(target.path), (index,)),)
        for one in judged(recorded, good):
            path = f"exchange {index}.{one.change.path}".rstrip(".")
            changes.append(replace(one, change=replace(one.change, path=path, evidence=evidence)))
        fresh += good[:1]
    whole = len(fresh) == len(came)
    return VerifiedCassette(
        target, tuple(changes), tuple(unjudged), tuple(fresh) if whole else None, sum(map(len, came))
    )
