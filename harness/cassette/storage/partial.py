"""What is kept beside a cassette: recordings that were broken off, what killed ones left, and what a new recording of
the same need not ask for again.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.cassette.format import document, parts
from harness.cassette.format.document import Cassette
from harness.cassette.format.parts import sound
from harness.cassette.secrets.leak_scan import LeakScan, put_aside
from harness.cassette.storage import journal as journals
from harness.cassette.storage.store import load, save
from harness.core.errors import CassetteDamagedError, CassetteError, CassetteWriteError, LeakError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.core.exchange import Exchange, Provenance

_log = logging.getLogger("harness.cassette")
_ASK_AGAIN = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def partial(path: Path) -> Path:
    """Where a recording that was broken off is kept, beside the cassette that it was to become."""
    return path.with_name(f"{path.stem}.partial.json")


def free(path: Path) -> Path:
    """``path``, or one like it that is not taken: nothing that was recorded is overwritten."""
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem.removesuffix('.partial')}.{number}.partial.json")
    return free


def sifted(cassette: Cassette, path: Path, secrets: Iterable[str] = ()) -> tuple[Cassette, LeakError | None]:
    """``cassette`` without the exchanges that a save would refuse, and the first refusal: it says where they are."""
    gate, clean, first = LeakScan(secrets), [], None
    for exchange in cassette.exchanges:
        try:
            gate.refuse_exchange(exchange, str(path))
            # A secret that a stream spells out over many events stands whole only in what it reads as.
            gate.refuse_text(document.to_text(Cassette(cassette.provenance, (exchange,))), str(path))
            clean.append(exchange)
        except LeakError as leak:
            told = LeakError(f"{leak}; {caught(exchange, path)}")
            first = first or told
    return replace(cassette, exchanges=tuple(clean)), first


def caught(exchange: Exchange, path: Path) -> str:
    """Put an exchange that holds a secret where only its owner can read it; a sentence that says where."""
    try:
        place = put_aside(document.to_line(parts.from_exchange(exchange, plain=True)), path.stem)
    except OSError as error:
        return f"what was caught is lost, for it could not be put aside: {error}"
    return f"what was caught is in {place}, for your eyes only"


def save_or_rescue(path: Path, cassette: Cassette, secrets: Iterable[str], journal: Path) -> Path:
    """Save; ``path``. Where the disk is full it is kept in its owner's home, or stays in the ``journal`` as far as that
    could be written, and ``CassetteWriteError`` tells where.
    """
    try:
        save(path, cassette, secrets=secrets)
    except CassetteWriteError as error:
        try:
            place = put_aside(document.to_text(cassette), path.stem)
            told = f"what was recorded is in {place}"
        except OSError as lost:
            told = f"{in_journal(journal, len(cassette.exchanges))}; it could not be put aside either: {lost}"
        raise CassetteWriteError(f"{error}; {told}", path=str(path)) from error
    return path


def in_journal(path: Path, of: int) -> str:
    """How much of ``of`` exchanges the journal at ``path`` holds."""
    try:
        held = len(journals.read(path)[0].exchanges)
    except (CassetteDamagedError, OSError):
        held = 0
    if not held:
        return "what was recorded is lost"
    return f"{held} of {of} recorded exchanges are in {path}, and the next recording takes them from there"


def salvage(path: Path) -> None:
    """Put what a killed recording left beside the cassette."""
    lying = journals.journal(path)
    try:
        found, torn = journals.read(lying)
    except CassetteDamagedError as error:
        aside = free(partial(path)).with_suffix(".damaged")
        lying_data = lying.read_bytes()
        if lying_data.strip():
            try:
                aside.write_bytes(lying_data)
            except OSError as full:
                raise CassetteWriteError(
                    f"{aside}: could not be written: {full.strerror} (errno {full.errno}); it stays in {lying}",
                    path=str(path),
                ) from full
            _log.warning("%s; it is kept as %s", error, aside)
        return
    end = ", and its last line was torn" if torn else ""
    found, _ = sifted(found, path)
    if found.exchanges:
        aside = free(partial(path))
        save(aside, found)
        count = len(found.exchanges)
        _log.warning("%s: %d exchanges of a recording that was killed are kept in %s%s", path, count, aside, end)
    elif torn:
        _log.warning("%s: a recording was killed within its first exchange, and nothing of it could be kept", path)


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
