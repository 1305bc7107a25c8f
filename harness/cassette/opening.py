"""Opening a tape: a cassette answers, or is recorded, while a ``with`` lasts; where a recording made now is from."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cassette.modes import RecordMode, record_mode
from harness.cassette.storage.store import load
from harness.cassette.tape import Rules, Tape, loaded
from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Chunk, Provenance
from harness.interception import clients
from harness.interception import context as paces
from harness.interception.network_block import blocking
from harness.interception.traffic import Traffic, hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.cassette.format.document import Cassette
    from harness.cassette.matching import Matcher
    from harness.cassette.recording import Recorder
    from harness.core.exchange import ProvenanceKind

_log = logging.getLogger("harness.cassette")


@contextlib.contextmanager
def open_tape(
    path: Path | str,
    *,
    mode: RecordMode | str = RecordMode.NONE,
    provenance: Provenance | None = None,
    secrets: Iterable[str] = (),
    miss: type[CassetteMiss] = CassetteMiss,
    matcher: Matcher | None = None,
    pace: str | float | None = None,
    rechunk: Callable[[bytes], Sequence[bytes]] | None = None,
    resume: bool = False,
    longest: int | None = None,
    drop_headers: Iterable[str] = (),
    allow: Iterable[str] = (),
    ignore_hosts: Iterable[str] = (),
    allow_subprocesses: bool = False,
    every_thread: bool = False,
    rules: Rules | None = None,
) -> Iterator[Tape]:
    """Answer every HTTP request in this context from the cassette at ``path``, or record it there.

    A file that is there must be whole, in every mode: what can't be read is never overwritten. ``provenance`` is what a
    new recording says of its source, made by ``harness.cassette.provenance(kind, source)``; by default it is live, and
    local where only this machine was asked. ``secrets`` are values that must never be written, beside those of the
    environment. ``matcher`` is what else does not count when requests are compared.
    Replayed streams come at once, or at ``pace``: ``"realtime"``, or ``"x10"`` for ten times as fast; in their recorded
    chunks, or in those that ``rechunk`` makes of the body.
    With ``resume`` a recording goes on from what an earlier one of the same source holds, the cassette itself or one
    that was broken off: what was answered then is replayed, first recorded first; only the rest is requested and added.
    ``drop_headers`` are headers of answers that are not recorded, such as ``x-team-*``, beside those that never are.
    An answer of more than ``longest`` bytes is broken off while it is recorded: a model may never stop.

    A replay reaches nothing: connections, look-ups and programs that go round the HTTP clients are refused. ``allow``
    are hosts (``localhost:5432``, ``*.test``) that are reached past the tape, and never recorded, and with
    ``allow_subprocesses`` programs may be started. Requests to ``ignore_hosts``, of known telemetry, and of threads
    that are older than the tape, unless ``every_thread`` counts, are neither recorded nor answered: they are refused
    as if nobody were there, and counted in ``Tape.traffic``. ``rules`` are how else a tape answers.
    A recording that ends by an exception is put beside the cassette as
    ``….partial.json``, and what stood there before stays. Raises the errors of ``load`` and ``save``, and
    ``CassetteWriteError`` where another process records the same cassette.
    """
    path, secrets = Path(path).absolute(), tuple(secrets)
    requested, mode = mode, record_mode(mode)
    if requested == RecordMode.RECORD and mode is RecordMode.NONE:
        _log.warning("%s: replayed, not recorded: CI is set, and a CI job never records; unset CI to record", path)
    traffic = Traffic(hosts(allow), hosts(ignore_hosts), allow_subprocesses, every_thread, miss=miss)
    old = load(path) if mode is RecordMode.NONE or os.path.lexists(path) else None
    if mode is RecordMode.RECORD or old is None:
        if old is not None:
            old.make()
        by_hosts = provenance is None
        origin: object = _made_now("live", "recorded by open_tape") if provenance is None else provenance
        if not isinstance(origin, Provenance):
            raise UsageError(f"provenance is {origin!r}; it is made by harness.cassette.provenance(kind, source)")
        from harness.cassette.recording import Recorder  # noqa: PLC0415 - a replay does without
        from harness.cassette.secrets.redaction import Redactor  # noqa: PLC0415 - as above

        redactor = Redactor(secrets, drop_headers=drop_headers)
        traffic.live = True
        tape = Tape(path, redactor, miss, traffic=traffic, rules=rules)
        recorder = Recorder(path, origin, redactor, secrets, tape.recorded, longest)
        # Another process may have recorded it between our looking and our having it to ourselves.
        old = load(path) if mode is RecordMode.ONCE and _exists_now(recorder, path) else None
        if old is None:
            tape.record(recorder)
            if resume:
                tape.resume(path, origin)
            with _recording(tape, recorder, by_hosts=by_hosts):
                yield tape
            return
    traffic.live = False
    old = old if rechunk is None else _with_chunks(old, rechunk)
    tape = loaded(old, path, secrets=secrets, miss=miss, matcher=matcher, traffic=traffic, rules=rules)
    with paces.pacing(paces.pace(pace)), inserted(tape):
        yield tape


@contextlib.contextmanager
def inserted(tape: Tape) -> Iterator[Tape]:
    """Let ``tape``, which replays, answer in this context."""
    with blocking(tape.traffic), clients.answering(tape.answer, tape.traffic):
        yield tape


def _with_chunks(cassette: Cassette, rechunk: Callable[[bytes], Sequence[bytes]]) -> Cassette:
    """``cassette`` with the chunks that ``rechunk`` makes of each body. Raises ``UsageError`` if that changes it."""
    made = []
    for exchange in cassette.exchanges:
        response = exchange.response
        if response is not None:
            pieces = tuple(rechunk(response.body))
            if b"".join(pieces) != response.body:
                raise UsageError("rechunk must give back the body, in pieces; it changed it")
            response = replace(response, chunks=tuple(Chunk(piece) for piece in pieces))
        made.append(replace(exchange, response=response))
    return replace(cassette, exchanges=tuple(made))


def _exists_now(recorder: Recorder, path: Path) -> bool:
    """Whether a cassette has come to ``path``; ``recorder`` is then of no more use."""
    exists = os.path.lexists(path)
    if exists:
        recorder.end(whole=False)
    return exists


@contextlib.contextmanager
def _recording(tape: Tape, recorder: Recorder, *, by_hosts: bool) -> Iterator[None]:
    try:
        with inserted(tape):
            yield
        if by_hosts:
            _settle_kind(recorder)
    except BaseException as broken:  # Ctrl-C too: what came by then is put aside
        try:
            if by_hosts:
                _settle_kind(recorder)
            recorder.end(whole=False)
        except Exception as error:  # noqa: BLE001 - what broke the recording off must come out; this is its note
            broken.add_note(f"of what was recorded: {error}")
        raise
    finally:
        if bypassed := tape.traffic.describe_bypassed():
            _log.warning("%s: while it was recorded, this went past the tape: %s", tape.path, bypassed)
    recorder.end(whole=True)


def _settle_kind(recorder: Recorder) -> None:
    """Call a recording local where only this machine was asked."""
    from harness.dialects.providers import is_local  # noqa: PLC0415 - a replay does without

    if recorder.exchanges and all(is_local(one.request.url) for one in recorder.exchanges):
        recorder.answered_by("local")


def provenance(kind: ProvenanceKind, source: str) -> Provenance:
    """A provenance of this moment, with the versions that are installed."""
    return Provenance(
        kind=kind,
        recorded=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        source=source,
        litellm=_version("litellm"),
        harness=_version("toolcall-harness"),
    )


_made_now = provenance  # under a name that no parameter has


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
