"""What a question of the card would show: it is asked of nobody, and answered as it expects to be answered.

The answer is made up in the dialect that is asked, read by the backend and judged by the card's checks. It says which
cells a question can fill, and nothing of a model.
"""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.app.card_runs import of_results
from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.cassette import cassette_path
from harness.core.chat import Reply
from harness.core.exchange import Exchange, Provenance
from harness.dialects import dialect_at
from harness.dialects.providers import NO_KEY, speaker
from harness.engine.runner import play
from harness.engine.selection import ALL, jobs
from harness.interception.clients import answering
from harness.interception.network_block import no_network
from harness.server.expected_answers import USAGE, correct
from harness.server.synthetic import Synthetic
from harness.suite import Model, probes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.card import Mode
    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest, HttpResponse
    from harness.engine.events import Job

Shown: TypeAlias = "dict[tuple[str, str], frozenset[tuple[str, Mode]]]"
"""The cells that each question shows, by its suite and case."""


@functools.cache
def shown(dialect: str) -> Shown:
    """What correct answers to all of the card's questions show in ``dialect``."""
    model = Model(name="rehearsed", backend=speaker(dialect).name)
    suites = probes((model,))
    nowhere = functools.partial(cassette_path, "rehearsed")
    return rehearse([replace(job, probing=True) for job in jobs(suites, ALL, nowhere)], dialect)


def rehearse(questions: Sequence[Job], dialect: str) -> Shown:
    """What a correct answer to each of ``questions`` shows in ``dialect``."""
    load_offline()
    made: Shown = {}
    with no_network():
        for job in questions:
            rehearsal = _Rehearsal(job, dialect)
            result = play(replace(job, repeats=1), ask=rehearsal.ask, open_tape=rehearsal.tape)
            card = of_results(job.model.called, [job], [result])
            # What was refused before it was sent has no evidence: no recording would show it.
            cells = (one for one in card.cells if one.mode and one.evidence and one.verdict not in {"unseen", "infra"})
            made[job.suite, job.case.id] = frozenset((one.check, one.mode) for one in cells)
    return made


@dataclass(slots=True)
class _Tape:
    taken: list[tuple[int, Exchange]] = field(default_factory=list)
    unused: tuple[int, ...] = ()
    miss_messages: tuple[str, ...] = ()
    provenance: Provenance | None = field(default_factory=lambda: Provenance("synthetic", ""))


class _Rehearsal:
    """One question: the backend asks it turn by turn, and each request gets what its turn expects."""

    def __init__(self, job: Job, dialect: str) -> None:
        self._expects = [job.case.expect, *(turn.expect for turn in job.case.then)]
        self._row = speaker(dialect)
        self._turn = -1
        self._words: Mapping[str, Json] = {}
        self._wrong_key = False
        self._tape = _Tape()
        self._synthetic = Synthetic(self._choose)

    def ask(self, model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        del model  # the row that stands for the dialect is asked
        self._turn, self._words, self._wrong_key = self._turn + 1, words, wrong_key
        options: dict[str, Any] = {"api_key": NO_KEY, **self._row.options, **words}
        return complete(self._row.model, options.pop("messages"), **options)

    @contextlib.contextmanager
    def tape(self, job: Job) -> Iterator[_Tape]:
        del job
        with answering(self._answer):
            yield self._tape

    def _answer(self, request: HttpRequest) -> HttpResponse:
        dialect = dialect_at(request.url)
        if self._wrong_key and dialect is not None:
            exchange = Exchange(request, dialect.error(HTTPStatus.UNAUTHORIZED, "the key is wrong"))
        else:
            exchange = self._synthetic.answer(request).exchange
        self._tape.taken.append((len(self._tape.taken), exchange))
        assert exchange.response is not None  # both ways make one
        return exchange.response

    def _choose(self, request: HttpRequest, tools: tuple[str, ...]) -> list[Reply]:
        del request
        return [correct(self._expects[self._turn], self._words, tools), Reply(text="Fine.", usage=USAGE)]
