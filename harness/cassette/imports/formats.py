"""Every format that can be imported, in the order in which files are held against them."""

from __future__ import annotations

from harness.cassette.imports import vcrpy
from harness.cassette.imports.words import Format

FORMATS = (
    Format("parsed_body", "vcrpy with parsed bodies", vcrpy.looks_parsed, vcrpy.interactions),
    Format("vcrpy", "vcrpy", vcrpy.looks, vcrpy.interactions),
)
