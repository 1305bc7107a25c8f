"""What lies in the folder of cassettes, and which of it is needed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.app import assembly
from harness.cassette import load
from harness.core.errors import CassetteError, UsageError
from harness.suite import probes

if TYPE_CHECKING:
    from pathlib import Path

    from harness.app.settings import Settings

Use: TypeAlias = Literal["used", "orphan", "left over", "unreadable"]


@dataclass(frozen=True, slots=True)
class CassetteFile:
    """One file: ``exchanges`` in it, where it is from (``kind``), its age in ``days``, its ``size`` in bytes.

    ``used`` by a case of the suites or a probe of a card, an ``orphan`` that neither uses, ``left over`` from a
    recording that was broken off, or ``unreadable``, and then ``problem`` says why.
    """

    path: str
    use: Use
    exchanges: int = 0
    kind: str = ""
    days: int | None = None
    litellm: str = ""
    size: int = 0
    problem: str = ""


def inventory(settings: Settings) -> list[CassetteFile]:
    """Every cassette in the folder of ``settings``, by path. Raises ``SuiteError`` where the suites can't be read.

    A recorded probe is used whichever model it is of: a card may be made of any.
    """
    used = {job.cassette for job in assembly.plan(assembly.load(settings), settings)}
    probing = {settings.cassettes / suite.name / case.id for suite in probes(()) for case in suite.cases}
    files = sorted(settings.cassettes.rglob("*.json")) if settings.cassettes.is_dir() else []
    return [_held(file, file in used or file.parent in probing) for file in files]


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


def _held(file: Path, used: bool) -> CassetteFile:
    try:
        cassette = load(file)
    except CassetteError as error:
        return CassetteFile(str(file), "unreadable", size=file.stat().st_size, problem=str(error))
    left = cassette.partial or file.name.endswith(".partial.json")
    return CassetteFile(
        str(file),
        "left over" if left else "used" if used else "orphan",
        len(cassette.exchanges),
        cassette.provenance.kind,
        _days(cassette.provenance.recorded),
        cassette.provenance.litellm or "",
        file.stat().st_size,
    )


def _days(recorded: str) -> int | None:
    try:
        at = dt.datetime.fromisoformat(recorded)
    except ValueError:
        return None
    return (dt.datetime.now(dt.UTC) - (at if at.tzinfo else at.replace(tzinfo=dt.UTC))).days
