"""What lies in the folder of cassettes, and which of it is needed."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.app import assembly
from harness.app.cassette_files import CassetteFile, Use, inspected
from harness.app.settings import Settings
from harness.core.errors import UsageError
from harness.core.folders import below, is_there
from harness.engine.selection import ALL
from harness.suite import probes
from harness.suite.packs import pack, pack_names

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from harness.engine.selection import Selection

_SUITE_CASE_MODEL = 3


def inventory(settings: Settings, choice: Selection = ALL) -> list[CassetteFile]:
    """Every case of the suites with its cassette, in their order, then every other file in the folder of ``settings``;
    only the cases where ``choice`` leaves some out. Raises ``SuiteError`` where the suites can't be read,
    ``UsageError`` where a folder of cassettes can't be.

    A recorded probe or case of a pack is used whichever model it is of: a card may be made of any.
    """
    files = sorted(below(settings.cassettes)) if is_there(settings.cassettes) and settings.cassettes.is_dir() else []
    # Recordings of tests and programs need no suites.
    none = files and settings.suites == Settings().suites and not is_there(settings.suites[0])
    suites = () if none else assembly.load(settings)
    names = {suite.name for suite in suites}
    evaluations = {suite.name for suite in suites if suite.kind == "evaluation"}
    made = []
    for job in assembly.plan(suites, settings, choice) if suites else ():
        file = job.cassette
        found = inspected(file, "used") if job.has_cassette else CassetteFile(str(file), "missing")
        named = replace(found, suite=job.suite, case=job.case.id, model=job.model.called)
        made.append(replace(named, evaluation=job.suite in evaluations))
    if choice != ALL:
        return made
    cased = {one.path for one in made}
    shipped = list(probes(()))
    for name in pack_names():
        with contextlib.suppress(UsageError):  # the data of a pack that is not installed here
            shipped += pack(name, ())
    probing = {(suite.name, case.id) for suite in shipped for case in suite.cases}
    return made + [
        inspected(file, "used" if file.parent.parts[-2:] in probing else _unused(file, settings, names))
        for file in files
        if file.suffix == ".json" and str(file) not in cased
    ]


def _unused(file: Path, settings: Settings, suites: Collection[str]) -> Use:
    """What a file is that no case uses: an orphan only where one of the ``suites`` that were read would have put it."""
    place = file.relative_to(settings.cassettes).parts
    return "orphan" if len(place) == _SUITE_CASE_MODEL and place[0] in suites else "other"
