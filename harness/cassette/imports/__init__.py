"""Recordings of other tools: theirs to cassettes, and cassettes to theirs."""

from harness.cassette.imports.reading import Haul, read
from harness.cassette.imports.saving import bring, sources

__all__ = ["Haul", "bring", "read", "sources"]
