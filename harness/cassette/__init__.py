"""Cassettes: recorded exchanges on disk, and the tapes that replay and record them."""

from harness.cassette.format.document import FORMAT, Cassette
from harness.cassette.matching.matcher import Matcher
from harness.cassette.modes import RecordMode, record_mode
from harness.cassette.opening import open_tape
from harness.cassette.storage.partial import partial
from harness.cassette.storage.paths import cassette_path, recordings
from harness.cassette.storage.store import load, save
from harness.cassette.tape import Tape

__all__ = [
    "FORMAT",
    "Cassette",
    "Matcher",
    "RecordMode",
    "Tape",
    "cassette_path",
    "load",
    "open_tape",
    "partial",
    "record_mode",
    "recordings",
    "save",
]
