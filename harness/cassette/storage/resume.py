"""What an earlier recording of the same cassette holds that a new one need not ask for again."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.cassette.format.decoded_summary import sound
from harness.cassette.storage.store import load
from harness.core.errors import CassetteError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.cassette.format.document import Cassette
    from harness.core.exchange import Exchange, Provenance

_ASK_AGAIN = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def earlier(path: Path, provenance: Provenance) -> tuple[Cassette, Path] | None:
    """The fullest recording of ``path`` by the same source, and its file: the cassette itself, or a broken-off one.

    Raises the errors of ``load`` for a cassette that can't be read; a broken-off one that can't be is passed over.
    """
    found = [(load(path), path)] if path.exists() else []
    for file in sorted(path.parent.glob("*.partial.json")):
        if _is_of(file, path):
            with contextlib.suppress(CassetteError):
                found.append((load(file), file))
    source = provenance.kind, provenance.source
    same = [(one, file) for one, file in found if (one.provenance.kind, one.provenance.source) == source]
    return max(same, key=lambda one: len(answered(one[0])), default=None)


def answered(cassette: Cassette) -> tuple[Exchange, ...]:
    """The exchanges that hold an answer: what was refused for now, failed or was cut is to be asked again."""
    return tuple(one for one in cassette.exchanges if _holds(one))


def _holds(exchange: Exchange) -> bool:
    response = exchange.response
    if response is None or exchange.failure is not None or response.status in _ASK_AGAIN:
        return False
    return response.status < HTTPStatus.INTERNAL_SERVER_ERROR and sound(exchange)


def _is_of(file: Path, path: Path) -> bool:
    """Whether ``file`` is ``x.partial.json`` or ``x.2.partial.json`` for ``x.json``."""
    if not file.name.startswith(path.stem):
        return False
    middle = file.name.removeprefix(path.stem).removesuffix(".partial.json")
    return not middle or (middle.startswith(".") and middle[1:].isdecimal())
