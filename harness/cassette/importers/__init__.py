"""Recordings of other tools: theirs to cassettes, and cassettes to vcrpy's."""

from harness.cassette.importers import vcr_serializer
from harness.cassette.importers.importer import ImportResult, bring, read, sources
from harness.cassette.importers.vcr_serializer import interactions, to_yaml

__all__ = ["ImportResult", "bring", "interactions", "read", "sources", "to_yaml", "vcr_serializer"]
