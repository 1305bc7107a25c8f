"""Behaviour cards put together: probes asked or replayed, recordings of others read again, and the harness judged."""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
import linecache
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.app import assembly, self_checks
from harness.app.runner_factory import at_most, price_of
from harness.backend.completion import complete
from harness.backend.library import load_offline, without_token_counts
from harness.backend.models import FREE
from harness.backend.recorded_answers import parsed
from harness.cards.build import CardBuilder, findings_of
from harness.cards.reread import rechunked_replies, reread, whose
from harness.cassette import cassette_path, load, recordings
from harness.cassette.secrets.leak_scan import Audit
from harness.checks.card import CARD_CHECKS, CardCheck
from harness.core.card import SYNTHETIC
from harness.core.errors import CassetteError, UsageError
from harness.core.expectation import Expectation
from harness.core.folders import is_there
from harness.dialects.registry import read_chat_request as on_the_wire
from harness.engine.conversation import opening, request_of
from harness.engine.events import CaseFinished, Selection, jobs
from harness.engine.user_code import named
from harness.interception.network_block import no_network
from harness.laws.tested_backend import backend_at
from harness.mutation.mutate import MutantJudged, Unmutated
from harness.report.cards.summary import BACKEND
from harness.suite import probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from harness.app.settings import Settings
    from harness.core.card import Card, Cell
    from harness.core.exchange import Exchange, Provenance
    from harness.core.finding import Finding, Observation
    from harness.dialects.chat_request import ChatRequest
    from harness.engine.events import CaseResult, Job
    from harness.mutation.mutant import Outcome, Part
    from harness.suite import Model

ALTERED = {"requests": 400, "responses": 60, "cases": 12}
"""How many altered requests and responses a card is tried with (H4), and of how many cases the responses are: a sample
that is the same each time."""
_REQUESTS: tuple[Part, ...] = ("request",)
_RESPONSES: tuple[Part, ...] = ("response",)
_NOTHING = Expectation()
_SOURCES = 24
"""Files whose source is held for tracebacks: litellm formats one for each error, of files that are large."""
RECUTS = 3
"""Streams of a card that are read again in other pieces (S2)."""


def plan(models: Sequence[Model], settings: Settings, *, repeats: int = 0, only: Sequence[str] = ()) -> tuple[Job, ...]:
    """A job for each probe and model; ``only`` are patterns of probes. ``repeats`` 0: as often as was recorded."""
    place = functools.partial(cassette_path, settings.cassettes)
    chosen = jobs(probes(models), Selection(cases=tuple(only)), place)
    return tuple(replace(job, repeats=repeats, probing=True) for job in chosen)


def recorded(job: Job) -> bool:
    """Whether the cassette of ``job`` holds all of its repeats. Raises ``CassetteError`` where it can't be read."""
    return job.has_cassette and len(load(job.cassette).exchanges) >= _questions(job)


def _questions(job: Job) -> int:
    return job.repeats * (job.case.in_world.steps if job.case.in_world else 1 + len(job.case.then))


def estimate(chosen: Sequence[Job]) -> tuple[int, float, tuple[str, ...]]:
    """What asking ``chosen`` takes: questions, the dollars it won't exceed, and the models of unknown price."""
    load_offline()
    dollars = sum(at_most(job.model, request_of(job.case, None, opening(job.case))) * _questions(job) for job in chosen)
    models = dict.fromkeys(job.model for job in chosen)
    return sum(map(_questions, chosen)), dollars, tuple(model.called for model in models if price_of(model) is None)


def paid(result: CaseResult, model: Model) -> float:
    """Dollars for the answers of ``result``, by their token counts."""
    known = price_of(model) or FREE
    return sum(known.of(observation.reply.usage) or 0.0 for observation in result.observations if observation.reply)


def catalogue(settings: Settings, ids: Sequence[str] = ()) -> tuple[CardCheck, ...]:
    """The checks of these ids, or all, and the user's own. Raises ``UsageError``."""
    own = tuple(map(_own, settings.checks))
    known = {check.id: check for check in (*CARD_CHECKS, *own)}
    unknown = [one for one in ids if one not in known]
    if unknown:
        raise UsageError(f"no check {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(known[one] for one in ids) or tuple(known.values())


def _own(name: str) -> CardCheck:
    try:
        _, found = named(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"[tool.harness] checks: {name!r} is not there ({error}); write module:function") from error
    if not callable(found):
        raise UsageError(f"[tool.harness] checks: {name!r} can't be called")
    law = (found.__doc__ or name).strip().splitlines()[0]
    check: Callable[..., Iterable[Finding]] = found
    return CardCheck(
        found.__name__,
        found.__name__,
        law,
        "own",
        lambda observation: check(observation.observation, observation.expect),
        aspect="model",
        blame="model",
        needs="an answer",
    )


def replayed(chosen: Sequence[Job], settings: Settings) -> Iterator[CaseResult]:
    """Each probe, replayed from its cassette."""
    for event in assembly.replay(chosen, settings):
        if isinstance(event, CaseFinished):
            yield event.result


def of_results(
    model: str,
    chosen: Sequence[Job],
    results: Sequence[CaseResult],
    checks: Sequence[CardCheck] = CARD_CHECKS,
    *,
    backend: str = "",
) -> Card:
    """The card of ``model`` from what its probes came to, asked through ``backend`` (``module:attribute``) or ours."""
    read = backend_at(backend).complete if backend else complete
    provider = chosen[0].model.backend if chosen else ""
    builder = CardBuilder(model, checks, None if backend else whose, provider)
    cited: dict[str, Provenance] = {}
    cut = _to_recut(observation for result in results for observation in result.observations)
    for job, result in zip(chosen, results, strict=True):
        expects = (job.case.expect, *(turn.expect for turn in job.case.then))
        for observation in result.observations:
            known = (
                replace(observation, rechunked=rechunked_replies(observation, read))
                if any(observation is one for one in cut)
                else observation
            )
            builder.add(known, expects[observation.turn])
        if result.provenance:
            cited[result.cassette] = result.provenance
    made = versions()
    return builder.card(cited, **(made | {"litellm": ""} if backend else made))


def _to_recut(all_: Iterable[Observation]) -> list[Observation]:
    """The shortest streams of different questions, those with calls before those without."""
    found: dict[str, tuple[bool, int, Observation]] = {}
    for observation in all_:
        response = observation.exchanges[-1][1].response if observation.exchanges else None
        if observation.reply is not None and observation.asked.get("stream") and response is not None:
            found.setdefault(observation.case, (not observation.reply.calls, len(response.body), observation))
    return [observation for _, _, observation in sorted(found.values(), key=lambda one: one[:2])[:RECUTS]]


def versions() -> dict[str, str]:
    return {"harness": importlib.metadata.version("toolcall-harness"), "litellm": importlib.metadata.version("litellm")}


def self_judged(chosen: Sequence[Job], results: Sequence[CaseResult], settings: Settings, card: Card) -> Card:
    """``card`` with H1 to H6. Replays a second time, and a sample of altered recordings."""
    again = list(replayed(chosen, settings))
    files = sorted({job.cassette for job in chosen if job.has_cassette})
    cells = (
        self_checks.no_network(results),
        self_checks.all_used(results),
        self_checks.twice_the_same(results, again),
        _altered(chosen, results, settings),
        self_checks.clean(len(files), Audit().paths(files)),
        self_checks.evidence(card),
    )
    return replace(card, cells=(*card.cells, *cells))


def _altered(chosen: Sequence[Job], results: Sequence[CaseResult], settings: Settings) -> Cell:
    """H4, from a sample of altered requests, and of altered answers to a few of the questions."""
    there = [replace(job, repeats=1) for job in chosen if job.has_cassette]
    known = {one.cassette: one for one in results}
    few = there[:: max(1, len(there) // ALTERED["cases"])]
    requests = assembly.mutate(there, settings, parts=_REQUESTS, sample=ALTERED["requests"], replayed=known)
    responses = assembly.mutate(few, settings, parts=_RESPONSES, sample=ALTERED["responses"], judging=_judging)
    outcomes: list[Outcome] = []
    unmutated: set[str] = set()
    for event in itertools.chain(requests, responses):
        if isinstance(event, MutantJudged):
            outcomes.append(event.outcome)
        elif isinstance(event, Unmutated):
            unmutated.add(str(event.subject.path))
    return self_checks.would_notice(outcomes, len(unmutated))


def _judging(job: Job, result: CaseResult) -> CaseResult:
    """``result`` with what the card's checks say in place of what the suite's do."""
    expects = (job.case.expect, *(turn.expect for turn in job.case.then))
    findings = [
        one for observation in result.observations for one in findings_of(observation, expects[observation.turn])
    ]
    return replace(result, findings=tuple(findings))


def cassettes(paths: Iterable[Path]) -> list[Path]:
    """Every cassette at or below ``paths``. Raises ``UsageError`` where there is none."""
    found: dict[Path, None] = {}
    for path in paths:
        if not is_there(path):
            raise UsageError(f"{path}: no such file or folder")
        found |= dict.fromkeys(recordings(path))
    if not found:
        raise UsageError("no cassettes there; `harness cassettes import` takes over other tools' recordings")
    return list(found)


def from_recordings(
    files: Sequence[Path],
    *,
    by: str = "provider",
    checks: Sequence[CardCheck] = CARD_CHECKS,
    in_full: bool = False,
    done: Callable[[Path, str], object] = lambda _file, _problem: None,
    watch: Callable[[Exchange, ChatRequest, str, str], object] | None = None,
) -> tuple[Card, ...]:
    """A card for each provider (or ``by`` each model) whose chat exchanges are in ``files``, from the reading checks.
    What is synthetic was answered by no model: it has a card of its own, which says so.

    litellm's parsers read them, and its whole call only what they can't; with ``in_full`` its whole call reads all.
    ``done`` receives each file, and why one can't be used; ``watch`` each chat exchange, what it asked,
    where it stands and where it is from.
    """
    builders: dict[str, CardBuilder] = {}
    cited: dict[str, Provenance] = {}
    alone = None if in_full else parsed
    load_offline()
    with no_network(), without_token_counts():
        for file in files:
            problem, path = "", str(file)
            try:
                cassette = load(file)
            except CassetteError as error:
                problem = str(error)
            else:
                cited[path] = cassette.provenance
                for place, exchange in enumerate(cassette.exchanges):
                    try:
                        question = on_the_wire(exchange.request)
                        if question is None:
                            continue
                        if watch is not None:
                            watch(exchange, question, f"{path}#{place}", cassette.provenance.source)
                        observation = reread(exchange, place, question, cassette=path, complete=complete, parsed=alone)
                        name = observation.model.partition("/")[0] if by == "provider" else observation.model
                        name += SYNTHETIC if cassette.provenance.kind == "synthetic" else ""
                        builder = builders.setdefault(name, CardBuilder(name, checks, whose))
                        builder.add(observation, _NOTHING, own=False, question=question)
                    except Exception as error:  # noqa: BLE001 - a recording may hold anything, and must not end the cards
                        problem = f"{file}: exchange {place} can't be judged: {type(error).__name__}: {error}"
            done(file, problem)
            if len(linecache.cache) > _SOURCES:
                linecache.clearcache()
    return tuple(builders[name].card(cited, **versions()) for name in sorted(builders))


def laws(checks: Sequence[CardCheck]) -> dict[str, tuple[str, str, str]]:
    """Name, topic and law of each check, by id: the model's, the wire's, the backend's, the harness' own last."""
    topics = {"wire": "the provider's wire", "backend": BACKEND}
    made = {check.id: (check.name, topics.get(check.aspect, check.topic), check.law) for check in checks}
    return made | {check.id: (check.name, check.topic, check.law) for check in self_checks.H_CHECKS}
