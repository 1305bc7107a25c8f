"""Where a recording made now is from."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from typing import TYPE_CHECKING

from harness.core.exchange import Provenance

if TYPE_CHECKING:
    from harness.core.exchange import ProvenanceKind


def provenance(kind: ProvenanceKind, source: str) -> Provenance:
    """A provenance of this moment, with the versions that are installed."""
    return Provenance(
        kind=kind,
        recorded=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        source=source,
        litellm=_version("litellm"),
        harness=_version("toolcall-harness"),
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
