"""Cassettes: recorded exchanges on disk, and the tapes that replay and record them.

Each name is loaded when it is first used: a test that replays needs nothing of what writes, moves or imports.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.cassette.format.document import FORMAT as FORMAT
    from harness.cassette.format.document import Cassette as Cassette
    from harness.cassette.matching import Matcher as Matcher
    from harness.cassette.modes import RecordMode as RecordMode
    from harness.cassette.modes import record_mode as record_mode
    from harness.cassette.opening import open_tape as open_tape
    from harness.cassette.opening import provenance as provenance
    from harness.cassette.storage.paths import cassette_path as cassette_path
    from harness.cassette.storage.paths import partial as partial
    from harness.cassette.storage.paths import recordings as recordings
    from harness.cassette.storage.store import load as load
    from harness.cassette.storage.store import save as save
    from harness.cassette.tape import Tape as Tape

_MODULES = {
    "FORMAT": "format.document",
    "Cassette": "format.document",
    "Matcher": "matching",
    "RecordMode": "modes",
    "Tape": "tape",
    "cassette_path": "storage.paths",
    "load": "storage.store",
    "open_tape": "opening",
    "partial": "storage.paths",
    "provenance": "opening",
    "record_mode": "modes",
    "recordings": "storage.paths",
    "save": "storage.store",
}
__all__ = [*_MODULES]  # noqa: PLE0604 - the names are written above, once


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'harness.cassette' has no attribute {name!r}")
    return getattr(import_module(f"harness.cassette.{_MODULES[name]}"), name)
