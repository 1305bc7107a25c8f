"""go-vcr's files, of its formats 1 and 2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.cassette.importers import values

if TYPE_CHECKING:
    from harness.cassette.importers.values import ImportedExchanges, Interactions
    from harness.core.chat import Json

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9.]+)(ms|us|µs|μs|ns|h|m|s)")


def looks(document: Json) -> bool:
    first = values.first(document, "interactions")
    return "url" in values.inner(first, "request") and "code" in values.inner(first, "response")


def interactions(document: Json) -> Interactions:
    yield from values.each(document.get("interactions"), "interactions", _taken)


def _taken(value: Json) -> ImportedExchanges:
    asked, came = values.obj(value, "request"), values.obj(value, "response")
    answer = values.response(
        came.get("code"),
        values.headers(came.get("headers")),
        values.raw(came.get("body"), "response body"),
        seconds(came.get("duration")),
    )
    return values.taken(asked, "url", values.raw(asked.get("body"), "request body"), answer)


def seconds(duration: Json) -> float:
    """What Go calls ``1m2.5s`` or ``299.2ms``; 0 for anything else."""
    try:
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(str(duration)))
    except ValueError:
        return 0
