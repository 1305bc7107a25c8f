"""What is kept beside a cassette: recordings that were broken off, and what killed ones left."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from harness.cassette import journal as journals
from harness.cassette.store import save
from harness.errors import CassetteDamagedError

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("harness.cassette")


def partial(path: Path) -> Path:
    """Where a recording that was broken off is kept, beside the cassette that it was to become."""
    return path.with_name(f"{path.stem}.partial.json")


def free(path: Path) -> Path:
    """``path``, or one like it that is not taken: nothing that was recorded is overwritten."""
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem.removesuffix('.partial')}.{number}.partial.json")
    return free


def salvage(path: Path) -> None:
    """Put what a killed recording left beside the cassette."""
    lying = journals.journal(path)
    try:
        found, torn = journals.read(lying)
    except CassetteDamagedError as error:
        aside = free(partial(path)).with_suffix(".damaged")
        lying_data = lying.read_bytes()
        if lying_data.strip():
            aside.write_bytes(lying_data)
            _log.warning("%s; it is kept as %s", error, aside)
        return
    end = ", and its last line was torn" if torn else ""
    if found.exchanges:
        aside = free(partial(path))
        save(aside, found)
        count = len(found.exchanges)
        _log.warning("%s: %d exchanges of a recording that was killed are kept in %s%s", path, count, aside, end)
    elif torn:
        _log.warning("%s: a recording was killed within its first exchange, and nothing of it could be kept", path)
