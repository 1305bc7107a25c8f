"""Where files of the user's own are: what can be fetched or made again, what was caught and can't, what lies there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def cache_folder(*names: str) -> Path:
    """``toolcall-harness`` in the user's cache (``$XDG_CACHE_HOME``), and the folder ``names`` in it."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - recording and replay do without it, beside any pins

    return user_cache_path("toolcall-harness").joinpath(*names)


def state_folder() -> Path:
    """``harness`` in the user's state (``$XDG_STATE_HOME``)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "harness"


def is_there(path: Path) -> bool:
    """Whether a file or folder is there. Raises ``UsageError`` where its folder does not let anybody look."""
    try:
        return path.exists()
    except OSError as error:
        raise _unreadable(error, path) from error


def listed(folder: Path) -> list[Path]:
    """What lies in ``folder``, by path. Raises ``UsageError`` where it can't be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(error, folder) from error


def below(folder: Path, skipped: Collection[str] = ()) -> Iterator[Path]:
    """Every file below ``folder``, but for those in a folder called as one of ``skipped``; symbolic links to folders
    are not followed. Raises ``UsageError`` for a folder that can't be read: what is in it can't be passed over unsaid.
    """

    def refuse(error: OSError) -> None:
        raise _unreadable(error, folder) from error

    for place, inner, files in os.walk(folder, onerror=refuse):
        inner[:] = sorted(set(inner).difference(skipped))
        yield from (Path(place) / file for file in sorted(files))


def _unreadable(error: OSError, folder: Path) -> UsageError:
    return UsageError(f"{error.filename or folder}: can't be read: {error.strerror or error}")
