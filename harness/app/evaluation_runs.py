"""Which evaluations are asked of which models: the project's own, and the packs that come with the package."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from harness.app import assembly
from harness.core.errors import UsageError
from harness.engine.selection import Selection
from harness.evaluation import category
from harness.suite import named_models, shared_models
from harness.suite.packs import THINKING, TOOLS, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.app.settings import Settings
    from harness.engine.events import Job
    from harness.suite import Model, Suite


def planned(
    settings: Settings,
    *,
    given: bool = False,
    models: Sequence[str] = (),
    packs: Sequence[str] = (),
    categories: Sequence[str] = (),
    cases: Sequence[str] = (),
    repeats: int = 0,
) -> tuple[Job, ...]:
    """Every chosen case for every chosen model: of the project's own evaluations, and of ``packs``; of the pack
    ``tools`` where there is neither. ``given`` says that the suites were named;
    ``repeats`` is how often a task in a world is tried, 0 for as often as was recorded. Raises ``UsageError``,
    ``SuiteError``.
    """
    own = _own(settings) if given or any(path.exists() for path in settings.suites) else ()
    if given and not own and not packs:
        raise UsageError("there is no evaluation here; one is a suite that says `kind: evaluation`")
    suites = list(own)
    for name in packs or (() if own else (TOOLS,)):
        suites += pack(name, _models(models, settings))
    chosen = _of(suites, categories)
    jobs = assembly.plan(chosen, settings, Selection(cases=tuple(cases), models=tuple(models)))
    return tuple(_with_room(replace(job, repeats=repeats) if job.case.in_world else job) for job in jobs)


def _own(settings: Settings) -> tuple[Suite, ...]:
    """The evaluations of the project."""
    return tuple(suite for suite in assembly.load(settings) if suite.kind == "evaluation")


def _models(names: Sequence[str], settings: Settings) -> tuple[Model, ...]:
    """The models that ``names`` are of: patterns and labels of models.yaml, or provider/model."""
    shared = shared_models(path for path in settings.suites if path.exists())
    if not names:
        if not shared:
            raise UsageError("name a model, as provider/model; there is no models.yaml beside the suites either")
        return tuple(one for one in shared if not one.named_only)
    found: list[Model] = []
    for name in names:
        # A pattern names nobody: a model that is asked only where it is named is not meant.
        some = [one for one in shared if one.called == name or (not one.named_only and fnmatchcase(one.called, name))]
        some = some or [
            one if one in shared else one.model_copy(update={"thinking_tokens": THINKING})
            for one in named_models(name, shared)
        ]
        if not some:
            raise UsageError(f"no model is called {name!r}; write it as provider/model, such as openai/{name}")
        found += some
    return tuple(dict.fromkeys(found))


def _of(suites: Sequence[Suite], categories: Sequence[str]) -> tuple[Suite, ...]:
    """The suites of the ``categories`` asked for, or all."""
    found = {category(suite.name): suite for suite in suites}
    unknown = [name for name in categories if name not in found]
    if unknown:
        raise UsageError(f"there is no category {unknown[0]!r}; there are {', '.join(found)}")
    return tuple(suite for name, suite in found.items() if not categories or name in categories)


def _with_room(job: Job) -> Job:
    """``job`` with the tokens that its model may think with beyond the case's limit."""
    limit, room = job.case.max_tokens, job.model.thinking_tokens
    if not room or limit is None:
        return job
    return replace(job, case=job.case.model_copy(update={"max_tokens": limit + room}))
