"""Cassettes: recorded exchanges on disk, and the tapes that replay and record them."""

from harness.cassette.document import FORMAT, Cassette
from harness.cassette.matcher import Matcher
from harness.cassette.paths import cassette_path, recordings
from harness.cassette.store import load, save
from harness.cassette.tape import RecordMode, Tape, open_tape, partial, record_mode

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
