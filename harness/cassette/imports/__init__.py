"""Recordings of other tools: theirs to cassettes, and cassettes to vcrpy's."""

from harness.cassette.imports import vcr_serializer
from harness.cassette.imports.reading import Haul, read
from harness.cassette.imports.saving import bring, sources
from harness.cassette.imports.vcr_out import interactions, to_yaml

__all__ = ["Haul", "bring", "interactions", "read", "sources", "to_yaml", "vcr_serializer"]
