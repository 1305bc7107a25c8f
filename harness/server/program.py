"""Run a program of any language beside a server that stands for every provider: record it once, then answer it.

Each provider has a port of this machine; behind them is one recording that grows or that answers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.backend.models import placeholder_keys
from harness.cassette.recording import Recorder
from harness.cassette.secrets.redaction import Redactor
from harness.cassette.storage.store import load
from harness.cassette.tape import loaded
from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Exchange, Failure, HttpRequest
from harness.dialects.mcp import STDIO
from harness.interception.context import Unrecorded, to_replay
from harness.server import outgoing
from harness.server.app import App
from harness.server.elsewhere import Elsewhere
from harness.server.outgoing import perform
from harness.server.proxy import Proxy
from harness.server.recording_index import RecordedExchange
from harness.server.replay import Replay, refusal
from harness.server.standin import Recorded, Replayed, sessions
from harness.server.upstreams import upstreams, written
from harness.server.web import bound, serving_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.cassette import Tape
    from harness.cassette.matching import Matcher
    from harness.core.chat import Json
    from harness.core.exchange import Provenance
    from harness.interception.context import Answerer
    from harness.server.app import RequestLog, Source
    from harness.server.outgoing import Outgoing
    from harness.server.rules import Rules
    from harness.server.upstreams import Upstream

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_HERE = "127.0.0.1,localhost,::1"
_GRACE = 5.0
"""Seconds that a program has to end after it was asked to."""


class Recording:
    """A source for the application that passes each request on to the provider whose port it came to."""

    def __init__(self, origins: Mapping[int, str], recorder: Recorder, *, say: Callable[[str], None]) -> None:
        self._recorder = recorder
        self._proxies = {port: Proxy(where, recorder, say=say) for port, where in origins.items()}

    def loaded(self) -> list[dict[str, Json]]:
        return [row for proxy in self._proxies.values() for row in proxy.loaded()]

    async def serve(
        self, request: HttpRequest, out: Outgoing, ledger: RequestLog, shut: Callable[[float], None]
    ) -> None:
        await self._proxies[_port(request)].serve(request, out, ledger, shut)


class TapeAnswers:
    """What a ``Replay`` answers from: an open tape, asked with the URLs that the requests stand for."""

    def __init__(self, tape: Tape, provenance: Provenance, origins: Mapping[int, str]) -> None:
        self._tape, self._provenance, self._origins = tape, provenance, origins
        self.recorded = tuple(
            RecordedExchange(one, str(tape.path), number, provenance) for number, one in enumerate(tape.exchanges)
        )
        self.used = [0] * len(self.recorded)
        self._lock = threading.Lock()

    def answer(self, request: HttpRequest) -> RecordedExchange:
        """Raises ``CassetteMiss``."""
        forwarded = _forwarded(request, self._origins)
        exchange = self._tape.answer(forwarded)
        if isinstance(exchange, Failure):  # side traffic: refused, and no miss
            return RecordedExchange(Exchange(forwarded, None, exchange), "side traffic", 0, self._provenance)
        number = self._tape.taken[-1][0]
        self.used[number] += 1
        assert isinstance(exchange, Exchange)  # a tape that replays has no listener
        return RecordedExchange(exchange, str(self._tape.path), number, self._provenance)


def _port(request: HttpRequest) -> int:
    return urlsplit(request.url).port or 80


def _forwarded(request: HttpRequest, origins: Mapping[int, str]) -> HttpRequest:
    """``request`` with the URL that it stands for: at the provider whose port it came to."""
    url = urlsplit(request.url)
    target = origins[_port(request)] + url.path + (f"?{url.query}" if url.query else "")
    return replace(request, url=target)


@dataclass(frozen=True, slots=True)
class Program:
    """``command`` is what is run, ``base_urls`` are ``VARIABLE=URL``, ``untouched`` variables that are not to be set,
    ``seconds`` how long it may run.
    """

    command: tuple[str, ...]
    base_urls: tuple[str, ...] = ()
    untouched: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a program. ``code`` is its exit code, negative for a signal, None where it ran out of time;
    ``missed`` are the sentences of what no recording answered, ``unused`` the recordings that it did not ask for,
    ``elsewhere`` counts connections to other hosts, of which ``providers`` are models' providers.
    """

    code: int | None
    exchanges: tuple[Exchange, ...]
    missed: tuple[str, ...] = ()
    unused: tuple[int, ...] = ()
    elsewhere: tuple[tuple[str, int], ...] = ()
    providers: tuple[str, ...] = ()
    watched: bool = True


def record(
    program: Program, path: Path, provenance: Provenance, *, expected_code: int = 0, say: Callable[[str], None]
) -> Ended:
    """Run ``program`` and record into ``path`` all that it asks the providers.

    The cassette is replaced only where the program ends with ``expected_code``; else what was recorded is put beside
    it. Raises ``UsageError`` where it can't be started, and the errors of recording.
    """
    chosen = upstreams(os.environ, base_urls=program.base_urls, untouched=program.untouched)
    made = replace(provenance, source=f"{provenance.source}{written(chosen)}")
    recorder = Recorder(path, made, Redactor(), (), lambda *_: None)
    whole = False
    try:
        # A proxy of the user's own is needed to get out, and then nothing of ours stands before it.
        watched = not any(os.environ.get(name) for name in (*_PROXIES, "ALL_PROXY", "all_proxy"))
        elsewhere = Elsewhere(let=True, say=say)

        def source(origins: Mapping[int, str]) -> Source:
            return Recording(origins, recorder, say=say)

        with (
            _served(chosen, source, say) as (_, ours),
            sessions("record", lambda url: Recorded(url, recorder.begin)) as tools,
        ):
            with elsewhere.listening() if watched else contextlib.nullcontext("") as proxy:
                code = _run(program, {**_environment(ours, proxy), **tools})
            exchanges = recorder.exchanges
        if exchanges and all(_is_here(one.request.url) for one in exchanges):
            recorder.answered_by("local")
        whole = code == expected_code
    finally:
        recorder.end(whole=whole)
    hosts = tuple(elsewhere.hosts.items())
    return Ended(code, exchanges, elsewhere=hosts, providers=elsewhere.providers, watched=watched)


def replay(
    program: Program,
    path: Path,
    *,
    matcher: Matcher | None = None,
    rules: Rules | None = None,
    pace: float | None = None,
    say: Callable[[str], None],
) -> Ended:
    """Run ``program`` and answer from the cassette at ``path`` all that it asks. No key is needed, and nothing that
    can be seen goes out. Raises the errors of ``load``, and ``UsageError``.
    """
    cassette = load(path)
    tape = loaded(cassette, path, matcher=matcher)
    chosen = upstreams(
        os.environ, base_urls=program.base_urls, untouched=program.untouched, source=cassette.provenance.source
    )
    elsewhere = Elsewhere(let=False, say=say)

    def source(origins: Mapping[int, str]) -> Source:
        answers = TapeAnswers(tape, cassette.provenance, origins)
        return Replay(answers, rules=rules, pace=pace, lists=False, say=say)

    with _served(chosen, source, say) as (app, ours), elsewhere.listening() as proxy:

        def missed(miss: CassetteMiss) -> None:
            app.ledger.miss(str(miss))
            say(str(miss))

        with sessions("replay", lambda url: Replayed(url, tape.answer, missed)) as tools:
            code = _run(program, {**pretended(), **_environment(ours, proxy), **tools})
    return Ended(
        code,
        tape.exchanges,
        missed=tuple(why for _, why in app.ledger.misses),
        unused=tape.unused,
        elsewhere=tuple(elsewhere.hosts.items()),
        providers=elsewhere.providers,
    )


def _is_here(url: str) -> bool:
    parts = urlsplit(url)
    return parts.hostname in _LOOPBACK or parts.scheme == STDIO


@contextlib.contextmanager
def _served(
    chosen: Sequence[Upstream], source: Callable[[Mapping[int, str]], Source], say: Callable[[str], None]
) -> Iterator[tuple[App, dict[str, str]]]:
    """A server for all that ``chosen`` stand for, and what each variable is to hold."""
    origins = list(dict.fromkeys(one.origin for one in chosen))
    socks = [bound("127.0.0.1", 0) for _ in origins]
    ports = [sock.getsockname()[1] for sock in socks]
    app = App(source(dict(zip(ports, origins, strict=True))), say=say, shows_page=False)
    with serving_at(app, socks) as handles:
        ours = {where: handle.url for where, handle in zip(origins, handles, strict=True)}
        yield app, {one.variable: one.at(ours[one.origin]) for one in chosen}


def _environment(ours: Mapping[str, str], proxy: str) -> dict[str, str]:
    """What the program finds in its environment beside what is there."""
    known = [name for name in ("NO_PROXY", "no_proxy") if os.environ.get(name)]
    here = {name: f"{os.environ[name]},{_HERE}" for name in known} or dict.fromkeys(("NO_PROXY", "no_proxy"), _HERE)
    # Node takes the proxies from its environment only where it is told to, from version 22.21 on.
    through = {**dict.fromkeys(_PROXIES, proxy), "NODE_USE_ENV_PROXY": "1"} if proxy else {}
    return {**ours, **here, **through}


def served_for(
    chosen: Sequence[Upstream], source: Callable[[Mapping[int, str]], Source]
) -> contextlib.AbstractContextManager[dict[str, str]]:
    """A server for all that ``chosen`` stand for; gives what a program is to find in its environment."""

    @contextlib.contextmanager
    def served() -> Iterator[dict[str, str]]:
        with _served(chosen, source, lambda _: None) as (_, ours):
            yield _environment(ours, "")

    return served()


def pretended() -> dict[str, str]:
    """Keys for SDKs that refuse to start without one, where none is set."""
    return placeholder_keys(None, os.environ)


def _run(program: Program, more: Mapping[str, str]) -> int | None:
    """The exit code of the program; None where it ran out of time and was ended."""
    try:
        running = subprocess.Popen(program.command, env={**os.environ, **more})  # noqa: S603 - to run it is what was asked
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{program.command[0]}: the program can't be started: {why}") from error
    with _passing_on(running):
        try:
            return running.wait(program.seconds)
        except subprocess.TimeoutExpired:
            _end(running)
            return None
        except BaseException:  # Ctrl-C: the terminal has told the program too
            _end(running)
            raise


@contextlib.contextmanager
def _passing_on(running: subprocess.Popen[bytes]) -> Iterator[None]:
    """SIGTERM for us is for the program: what it answers with is its exit code."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: running.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(running: subprocess.Popen[bytes]) -> None:
    running.terminate()
    try:
        running.wait(_GRACE)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


@contextlib.contextmanager
def agent_environment(answer: Answerer, *, replaying: bool) -> Iterator[dict[str, str]]:
    """The variables for a program whose requests ``answer`` answers or records."""
    chosen = upstreams(os.environ)
    with served_for(chosen, lambda origins: _Tape(answer if replaying else None, origins)) as ours:
        yield {**(pretended() if replaying else {}), **ours}


class _Tape:
    """A source for the application: the open tape, asked with the URLs that the requests stand for.

    Without ``answer`` a request goes on to its provider, by a client of this process, where the tape records it.
    """

    def __init__(self, answer: Answerer | None, origins: Mapping[int, str]) -> None:
        self._answer, self._origins = answer, origins

    def loaded(self) -> list[dict[str, Json]]:
        return []

    async def serve(
        self, request: HttpRequest, out: Outgoing, ledger: RequestLog, shut: Callable[[float], None]
    ) -> None:
        if self._answer is None:
            await Proxy(self._origins[_port(request)], _NoRecorder()).serve(request, out, ledger, shut)
            return
        forwarded = _forwarded(request, self._origins)
        try:
            got = self._answer(forwarded)
        except CassetteMiss as miss:  # the tape has counted it
            ledger.miss(str(miss))
            await out.whole(refusal(404, str(miss), urlsplit(request.url).path), (("x-should-retry", "false"),))
            return
        response, failure = to_replay(got) or (None, None)
        complete = got.complete if isinstance(got, Exchange) else True
        exchange = Exchange(forwarded, response, failure, complete=complete)
        await perform(outgoing.planned(exchange), out)


class _NoRecorder(Unrecorded):
    """Stands for a recorder where the tape is one already."""

    exchanges: tuple[Exchange, ...] = ()

    def begin(self, request: HttpRequest) -> _NoRecorder:
        del request
        return self
