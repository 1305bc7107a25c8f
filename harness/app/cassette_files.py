"""A file among cassettes: what is in it, and where such files are looked for. Loads no more than cassettes need."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.cassette import load
from harness.core.errors import CassetteError, UsageError
from harness.core.folders import is_there

if TYPE_CHECKING:
    from pathlib import Path

    from harness.app.settings import Settings

Use: TypeAlias = Literal["used", "missing", "orphan", "other", "left over", "unreadable"]
EXPENDABLE = frozenset({"orphan", "left over"})


@dataclass(frozen=True, slots=True)
class CassetteFile:
    """One file: ``exchanges`` in it, where it is from (``kind``), its age in ``days``, its ``size`` in bytes.

    ``used`` by a case of the suites or a probe of a card, ``missing`` where a case has none yet, an ``orphan`` that
    neither uses, ``other`` of a program, a test or an import, ``left over`` from a recording that was broken off, or
    ``unreadable``, and then ``problem`` says why.
    ``evaluation`` says that the suite is one.
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
