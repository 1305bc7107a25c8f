"""Which cells of behaviour cards have a real recording, and which questions of the card would fill the others.

What a question would show is found by a rehearsal: nothing is sent, and the answer is what its case expects. It
is made up in the dialect of the request, read by the backend and judged by the card's checks.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from harness.app import assembly, card_runs
from harness.app.runner_factory import price_of
from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.backend.models import provider_of
from harness.cassette import cassette_path, load
from harness.core.chat import Reply
from harness.core.errors import CassetteError, UsageError
from harness.core.exchange import Exchange, Provenance
from harness.dialects import dialect_at
from harness.dialects.providers import NO_KEY, PROFILES, profile, provider_at, speaker
from harness.engine.events import ALL, jobs
from harness.engine.runner import play
from harness.interception.clients import answering
from harness.interception.network_block import no_network
from harness.server.expected_answers import USAGE, correct
from harness.server.synthetic import Synthetic
from harness.suite import Model, probes, shared_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.app.settings import Settings
    from harness.core.card import Card, Mode
    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest, HttpResponse, ProvenanceKind
    from harness.core.finding import Verdict
    from harness.engine.events import CaseResult, Job

REAL: frozenset[ProvenanceKind] = frozenset({"live", "local"})
OUTSIDE: ProvenanceKind = "imported"
"""A kind that counts where the exchange was with a provider whose address is known."""
NOT_SHOWN: frozenset[Verdict] = frozenset({"unseen", "infra"})
NO_MODEL = "no model is known that could be asked"
NO_QUESTION = "no question of the card is sure to show it"
TRIED = "its question is recorded, and no answer showed it"
NO_PRICE = "the price is unknown"
OVER = "over --max-dollars"
_DAY = len("2026-01-31")
_PARTS = len(("suite", "case", "model.json"))
Shown: TypeAlias = "dict[tuple[str, str], frozenset[tuple[str, Mode]]]"
"""The cells that each question shows, by its suite and case."""


@dataclass(slots=True)
class CoveredCell:
    """One check in one mode at one provider. ``recorded`` counts the judged answers that count as real, by the kind of
    their provenance, ``uncounted`` those that don't; ``newest`` is the date of the newest real recording.
    """

    provider: str
    check: str
    mode: Mode
    recorded: Counter[str] = field(default_factory=Counter)
    uncounted: Counter[str] = field(default_factory=Counter)
    newest: str = ""


@dataclass(slots=True)
class Coverage:
    """All cells by provider, check and mode, and for each provider how many answers each of its models gave.
    ``asked`` are the card's own questions that are recorded: provider, suite and case.
    """

    cells: dict[tuple[str, str, Mode], CoveredCell] = field(default_factory=dict)
    models: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def of(self, provider: str) -> list[CoveredCell]:
        return [cell for cell in self.cells.values() if cell.provider == provider]

    @property
    def providers(self) -> list[str]:
        return sorted({cell.provider for cell in self.cells.values()})


@dataclass(frozen=True, slots=True)
class PlannedQuestion:
    """A question of the card to be asked of ``model``, the cells that it fills, and the dollars it won't exceed; None
    where the price is unknown.
    """

    provider: str
    model: str
    suite: str
    case: str
    fills: tuple[tuple[str, Mode], ...]
    dollars: float | None


@dataclass(slots=True)
class Plan:
    """``questions`` as greedily chosen. ``unfilled`` counts for each provider, and each reason, the empty cells that
    they leave; ``unpriced`` are the models of unknown price.
    """

    questions: list[PlannedQuestion] = field(default_factory=list)
    unfilled: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unpriced: list[str] = field(default_factory=list)

    @property
    def dollars(self) -> float:
        return sum(one.dollars or 0.0 for one in self.questions)


def covered(paths: Sequence[Path], settings: Settings, done: Callable[[Path], object] = lambda _file: None) -> Coverage:
    """What the cassettes at or below ``paths`` show. Raises ``UsageError`` where there is none, or no chat in them."""
    made = Coverage()
    files = card_runs.cassettes(paths)
    asked = _own_questions(made, files, settings, done)
    groups: dict[tuple[ProvenanceKind, str], list[Path]] = defaultdict(list)
    for file in files:
        if file in asked:
            continue
        try:
            known = load(file).provenance
        except CassetteError as error:
            made.problems.append(str(error))
            continue
        groups[known.kind, known.recorded[:_DAY]].append(file)

    def each(file: Path, problem: str) -> None:
        done(file)
        if problem:
            made.problems.append(problem)

    for (kind, day), some in sorted(groups.items()):
        for card in card_runs.from_recordings(some, by="model", done=each):
            _add(made, card, card.provider, kind, day)
    if not made.cells:
        raise UsageError("no chat exchange of a dialect that is read here stands in these recordings")
    return made


def _own_questions(
    made: Coverage, files: Sequence[Path], settings: Settings, done: Callable[[Path], object]
) -> set[Path]:
    """Add what the card's own questions show, where models of models.yaml were asked them; the cassettes of these. One
    that can't be replayed is read as any other recording.
    """
    read: set[Path] = set()
    places = {file.parts[-_PARTS:]: file for file in files}
    for model in shared_models(settings.suites):
        known = [(job, places.get(job.cassette.parts[-_PARTS:])) for job in card_runs.plan([model], settings)]
        jobs = [replace(job, cassette=file) for job, file in known if file is not None]
        groups: dict[tuple[ProvenanceKind, str], list[tuple[Job, CaseResult]]] = defaultdict(list)
        for job, result in zip(jobs, card_runs.replayed(jobs, settings) if jobs else (), strict=True):
            if result.provenance is not None and not result.problem:
                groups[result.provenance.kind, result.provenance.recorded[:_DAY]].append((job, result))
                read.add(job.cassette)
                made.asked.add((_place(model), job.suite, job.case.id))
                done(job.cassette)
        for (kind, day), pairs in sorted(groups.items()):
            card = card_runs.of_results(model.id, [job for job, _ in pairs], [result for _, result in pairs])
            _add(made, card, _place(model), kind, day)
    return read


def _place(model: Model) -> str:
    """The provider that ``model`` is asked at, as recordings of it are called."""
    return provider_at(urlsplit(model.hostname).hostname or "") if model.hostname else provider_of(model.id)


def _add(made: Coverage, card: Card, provider: str, kind: ProvenanceKind, day: str) -> None:
    real = kind in REAL or (kind == OUTSIDE and provider in PROFILES)
    for cell in card.cells:
        if not cell.mode:
            continue  # proven by `harness prove`, and by no recording
        key = provider, cell.check, cell.mode
        found = made.cells.setdefault(key, CoveredCell(*key))
        number = cell.rate.n + cell.unsupported
        if cell.verdict in NOT_SHOWN or not number:
            continue
        (found.recorded if real else found.uncounted)[kind] += number
        if real:
            found.newest = max(found.newest, day)
            made.models[provider][card.model.partition("/")[2]] += number


def askable(coverage: Coverage, settings: Settings, named: Sequence[str] = ()) -> dict[str, Model]:
    """The model to ask at each provider: one that is ``named``, one of models.yaml, else the one with the most recorded
    answers of which the price is known, else the one with the most. Raises ``UsageError`` for a name that is no model.
    """
    made: dict[str, Model] = {}
    for model in (*(assembly.choose_models(named, settings) if named else ()), *shared_models(settings.suites)):
        made.setdefault(_place(model), model)
    for provider, counted in coverage.models.items():
        here = provider == provider_at("localhost")  # on this machine, at an unknown port
        if provider in made or here or provider not in PROFILES or not profile(provider).litellm:
            continue
        models = [Model(name=name, backend=provider) for name, _ in counted.most_common() if name]
        if models:
            made[provider] = next((one for one in models if price_of(one) is not None), models[0])
    return made


def plan(
    coverage: Coverage,
    models: Mapping[str, Model],
    settings: Settings,
    *,
    repeats: int = 1,
    max_dollars: float | None = None,
    done: Callable[[str], object] = lambda _provider: None,
) -> Plan:
    """The questions that fill the empty cells, chosen greedily: each next one fills the most cells that are still
    empty, of equal ones the cheapest. One that no longer fits into ``max_dollars`` is passed over, and so is each
    question of a model without a price; one that is recorded already is not chosen. ``done`` receives each provider
    whose questions are known.
    """
    made = Plan()
    empty = {(cell.provider, cell.check, cell.mode) for cell in coverage.cells.values() if not cell.recorded}
    providers = sorted({provider for provider, _, _ in empty})
    offers: list[PlannedQuestion] = []
    tried: set[tuple[str, str, Mode]] = set()
    for provider in providers:
        done(provider)
        model = models.get(provider)
        if model is None:
            continue
        jobs = card_runs.plan([model], settings, repeats=repeats)
        known = shown(profile(model.backend).dialect)
        priced = price_of(model) is not None
        if not priced:
            made.unpriced.append(model.id)
        for job in jobs:
            dollars = card_runs.estimate([job])[1] if priced else None
            fills = tuple(sorted(one for one in known[job.suite, job.case.id] if (provider, *one) in empty))
            if (provider, job.suite, job.case.id) in coverage.asked:
                tried |= {(provider, *one) for one in fills}
                continue
            offers.append(PlannedQuestion(provider, model.called, job.suite, job.case.id, fills, dollars))
    left = _choose(made, offers, set(empty), max_dollars)
    for provider, check, mode in sorted(left):
        here = [one for one in offers if one.provider == provider and (check, mode) in one.fills]
        made.unfilled[provider][_why(here, provider in models, (provider, check, mode) in tried)] += 1
    return made


def _why(offers: Sequence[PlannedQuestion], known: bool, tried: bool) -> str:
    """Why a cell stays empty: ``offers`` are the questions that would fill it."""
    if not known:
        return NO_MODEL
    if offers:
        return NO_PRICE if offers[0].dollars is None else OVER
    return TRIED if tried else NO_QUESTION


def _choose(
    made: Plan, offers: Sequence[PlannedQuestion], empty: set[tuple[str, str, Mode]], max_dollars: float | None
) -> set[tuple[str, str, Mode]]:
    """Choose of ``offers`` into ``made``, and give the cells that stay empty."""
    pending = [one for one in offers if max_dollars is None or one.dollars is not None]
    while pending:
        fresh = [
            replace(one, fills=tuple(cell for cell in one.fills if (one.provider, *cell) in empty)) for one in pending
        ]
        budget = float("inf") if max_dollars is None else max_dollars - made.dollars
        pending = [one for one in fresh if one.fills and (one.dollars or 0.0) <= budget]
        if not pending:
            break
        best = min(pending, key=lambda one: (-len(one.fills), one.dollars or 0.0))
        made.questions.append(best)
        empty -= {(best.provider, *cell) for cell in best.fills}
    return empty


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
            card = card_runs.of_results(job.model.called, [job], [result])
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
