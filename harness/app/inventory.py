"""What lies in the folder of cassettes, and which of it is needed. To look at one file loads no backend."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.app.settings import Settings
from harness.cassette import load
from harness.core.errors import CassetteError, UsageError
from harness.core.folders import below, is_there
from harness.engine.events import ALL
from harness.suite import probes
from harness.suite.packs import pack, pack_names

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from harness.engine.events import Selection

Use: TypeAlias = Literal["used", "missing", "unsent", "orphan", "other", "left over", "unreadable"]
EXPENDABLE = frozenset({"orphan", "left over"})
_SUITE_CASE_MODEL = 3
_MOST_TRIED = 50


@dataclass(frozen=True, slots=True)
class CassetteFile:
    """One file: ``exchanges`` in it, where it is from (``kind``), its age in ``days``, its ``size`` in bytes.

    ``used`` by a case of the suites or a probe of a card, ``missing`` where a case has none yet, ``unsent`` where it
    needs none, for its request is refused before it is sent, an ``orphan`` that
    neither uses, ``other`` of a program, a test or an import, ``left over`` from a recording that was broken off, or
    ``unreadable``, and then ``problem`` says why.
    ``evaluation`` says that the suite is one, ``note`` what else is to know.
    """

    path: str
    use: Use
    suite: str = ""
    case: str = ""
    model: str = ""
    evaluation: bool = False
    exchanges: int = 0
    kind: str = ""
    days: int | None = None
    litellm: str = ""
    size: int = 0
    problem: str = ""
    note: str = ""


def usual_paths(settings: Settings) -> list[Path]:
    """The suites and the folder of cassettes that are there: what is looked at where no path is given."""
    return [path for path in (*settings.suites, settings.cassettes) if is_there(path)]


def inspected(file: Path, use: Use = "orphan") -> CassetteFile:
    """What is in ``file``, and ``use`` of it where nothing in it says otherwise: no suite made an import."""
    try:
        cassette = load(file)
    except CassetteError as error:
        size = file.stat().st_size if file.is_file() else 0
        return CassetteFile(str(file), "unreadable", size=size, problem=str(error))
    left = cassette.partial or file.name.endswith(".partial.json")
    return CassetteFile(
        str(file),
        "left over" if left else "other" if (use, cassette.provenance.kind) == ("orphan", "imported") else use,
        exchanges=len(cassette.exchanges),
        kind=cassette.provenance.kind,
        days=_days(cassette.provenance.recorded),
        litellm=cassette.provenance.litellm or "",
        size=file.stat().st_size,
    )


def remove(file: Path, folder: Path) -> None:
    """Remove ``file``, and the folders under ``folder`` that it leaves empty."""
    try:
        file.unlink()
        for place in file.parents:
            if place == folder or any(place.iterdir()):
                return
            place.rmdir()
    except OSError as error:
        raise UsageError(f"{file}: can't be removed: {error.strerror}") from error


def _days(recorded: str) -> int | None:
    try:
        at = dt.datetime.fromisoformat(recorded)
    except ValueError:
        return None
    return (dt.datetime.now(dt.UTC) - (at if at.tzinfo else at.replace(tzinfo=dt.UTC))).days


def inventory(settings: Settings, choice: Selection = ALL, *, tried: bool = False) -> list[CassetteFile]:
    """Every case of the suites with its cassette, in their order, then every other file in the folder of ``settings``;
    only the cases where ``choice`` leaves some out. Raises ``SuiteError`` where the suites can't be read,
    ``UsageError`` where a folder of cassettes can't be.

    A recorded probe or case of a pack is used whichever model it is of: a card may be made of any. With ``tried`` a
    case without a cassette is played, to find whether it needs one; of many none is, for they must be recorded first.
    """
    from harness.app import assembly  # noqa: PLC0415 - heavy, and a single file is looked at without

    files = sorted(below(settings.cassettes)) if is_there(settings.cassettes) and settings.cassettes.is_dir() else []
    # Recordings of tests and programs need no suites.
    none = files and settings.suites == Settings().suites and not is_there(settings.suites[0])
    suites = () if none else assembly.load(settings)
    names = {suite.name for suite in suites}
    evaluations = {suite.name for suite in suites if suite.kind == "evaluation"}
    made = []
    jobs = assembly.plan(suites, settings, choice) if suites else ()
    missing = [job for job in jobs if not job.has_cassette]
    unsent = assembly.unsent(missing, settings) if tried and len(missing) <= _MOST_TRIED else ()
    for job in jobs:
        file = job.cassette
        absent: Use = "unsent" if str(file) in unsent else "missing"
        found = inspected(file, "used") if job.has_cassette else CassetteFile(str(file), absent)
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
        inspected(file, "used") if file.parent.parts[-2:] in probing else _unused(file, settings, names)
        for file in files
        if file.suffix == ".json" and str(file) not in cased
    ]


def _unused(file: Path, settings: Settings, suites: Collection[str]) -> CassetteFile:
    """A file that no case uses: an orphan only where one of the ``suites`` that were read would have put it."""
    place = file.relative_to(settings.cassettes).parts
    of_a_case = len(place) == _SUITE_CASE_MODEL
    found = inspected(file, "orphan" if of_a_case and place[0] in suites else "other")
    if found.use == "other" and of_a_case and found.kind != "imported":
        return replace(found, note=f'no suite "{place[0]}" here')
    return found
