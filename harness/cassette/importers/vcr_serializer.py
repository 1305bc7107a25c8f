"""Our cassettes to stock vcrpy: ``my_vcr.register_serializer("harness", vcr_serializer)``.

vcrpy then reads and writes cassettes in this harness' format. Its own recorder keeps neither chunks nor failed
connections, so what it writes has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cassette.format.document import from_bytes, to_text
from harness.cassette.importers.importer import hauled
from harness.cassette.importers.vcrpy_export import interactions
from harness.cassette.secrets.leak_scan import LeakScan
from harness.core.errors import CassetteError, LeakError

if TYPE_CHECKING:
    from harness.core.chat import Json

_CALLED = "vcrpy's recording"


def deserialize(cassette_string: str) -> dict[str, Json]:
    """What vcrpy reads of a cassette. Raises ``CassetteError`` for one that it can't replay whole."""
    document, left = interactions(from_bytes(cassette_string.encode(), "the cassette"))
    if left:
        raise CassetteError(
            f"vcrpy can't replay {left[0].place} of the cassette: {left[0].reason}", place=left[0].place
        )
    return document


def serialize(cassette_dict: dict[str, Json]) -> str:
    """What vcrpy recorded as a cassette, clean of secrets. Raises ``LeakError`` or ``CassetteError``."""
    haul = hauled(cassette_dict, Path(_CALLED), "vcrpy")
    if haul.left:
        kind = LeakError if haul.left[0].secret else CassetteError
        raise kind(f"{_CALLED} can't be kept: {haul.left[0].place}: {haul.left[0].reason}; nothing was written")
    (cassette,) = haul.cassettes.values()
    text = to_text(cassette)
    LeakScan(haul.secrets).refuse_text(text, _CALLED)
    return text
