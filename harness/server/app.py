"""The application: a plain ASGI callable that checks who asks and how much, and hands models' requests to a source.

The page at ``/`` is one file, with no resource from elsewhere and a policy that lets nothing else run.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
import logging
import re
import time
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from harness.core.exchange import Chunk, HttpRequest, HttpResponse
from harness.interception.traffic import WEBSOCKET
from harness.server.outgoing import ClientGoneError, Outgoing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    from harness.core.chat import Json
    from harness.core.exchange import Headers

    Message = MutableMapping[str, Any]

KEPT = 200
_log = logging.getLogger("harness.server")
LARGEST = 64 * 2**20
"""Bytes of a request's body that are taken."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]*\]|[^:\[\]/@]+)(?::[0-9]{1,5})?")
STATE = "/harness/state.json"
_ICON = "/favicon.ico"  # which browsers ask for unbidden: no miss
_JSON = (("content-type", "application/json"), ("cache-control", "no-store"))


class LogLine(NamedTuple):
    """One request and its outcome. ``at`` is in seconds since 1970; ``by`` names the recording that answered."""

    at: float
    method: str
    path: str
    outcome: str
    status: int = 0
    by: str = ""
    fault: str = ""


class RequestLog:
    """The last ``KEPT`` requests, the last ``KEPT`` misses with their reasons, and how many there were of each."""

    def __init__(self) -> None:
        self.lines: deque[LogLine] = deque(maxlen=KEPT)
        self.misses: deque[tuple[float, str]] = deque(maxlen=KEPT)
        self.counts: dict[str, int] = {}

    def note(self, method: str, path: str, outcome: str, *, status: int = 0, by: str = "", fault: str = "") -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.lines.append(LogLine(time.time(), method, path[:300], outcome, status, by, fault))

    def miss(self, why: str) -> None:
        self.misses.append((time.time(), why[:4000]))

    def state(self) -> dict[str, Json]:
        return {
            "counts": dict(self.counts),
            "asked": [line._asdict() for line in reversed(self.lines)],
            "missed": [{"at": at, "why": why} for at, why in reversed(self.misses)],
        }


class Head(NamedTuple):
    """What the headers of a request say; ``refusal`` is the answer to one that is not let in."""

    headers: Headers
    host: str
    length: str
    refusal: HttpResponse | None


class Source(Protocol):
    """Where answers come from."""

    def loaded(self) -> list[dict[str, Json]]: ...

    async def serve(
        self, request: HttpRequest, out: Outgoing, ledger: RequestLog, shut: Callable[[float], None]
    ) -> None: ...


class App:
    """``say`` receives what is asked and can't be served. ``hosts`` are the names that a Host header may hold, beside
    the loopback's: a page of another site that was led here by its name's address gets nothing.
    """

    def __init__(
        self,
        source: Source,
        *,
        hosts: Iterable[str] = (),
        say: Callable[[str], None] = _log.warning,
        shows_page: bool = True,
    ) -> None:
        self._source, self._say = source, say
        self._own_paths = {"/", STATE, _ICON} if shows_page else set()
        self._hosts = LOOPBACK | {_bare(name.lower()) for name in hosts}
        self.ledger = RequestLog()
        # A client sends the same headers again and again.
        self._heads = functools.lru_cache(128)(self._head)

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        out = Outgoing(send, scope["state"]["transport"], scope["method"])
        try:
            await self._answer(scope, receive, out)
        except ClientGoneError:
            return
        except Exception:  # the client sees a 500, and the web server says nothing
            _log.exception("a bug in the server")
            raise

    async def _answer(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Message]], out: Outgoing
    ) -> None:
        head = self._heads(tuple(scope["headers"]))
        if head.refusal is not None:
            if head.refusal.status == HTTPStatus.NOT_IMPLEMENTED:
                why = f"{scope['path']}: it asks for {WEBSOCKET}"
                self.ledger.miss(why)
                self._say(why)
            await out.whole(head.refusal)
            return
        body = await _body(receive, head.length)
        if body is None:
            await out.whole(_plain(413, f"a request may have {LARGEST:,} bytes"), (("connection", "close"),))
            return
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        if scope["method"] in {"GET", "HEAD"} and path in self._own_paths:
            await out.whole(_page() if path == "/" else self._state() if path == STATE else HttpResponse(204))
            return
        url = f"http://{head.host}{path}" + (f"?{query}" if query else "")
        request = HttpRequest(scope["method"], url, head.headers, body)
        await self._source.serve(request, out, self.ledger, scope["state"]["shut"])

    def _head(self, raw_headers: tuple[tuple[bytes, bytes], ...]) -> Head:
        headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw_headers])
        known = dict(headers)
        host = known.get("host", "")
        refusal = self._refused(host, known.get("origin"))
        if known.get("upgrade", "").lower() == "websocket":
            refusal = refusal or _plain(HTTPStatus.NOT_IMPLEMENTED, f"this asks for {WEBSOCKET}")
        return Head(headers, host, known.get("content-length", "0"), refusal)

    def _refused(self, host: str, origin: str | None) -> HttpResponse | None:
        if _bare(host.lower()) not in self._hosts:
            return _plain(403, f"this server does not answer to the name {host!r:.100}; start it with --allow-host")
        if origin is not None and _bare(origin.lower().partition("://")[2]) not in self._hosts:
            return _plain(403, "this server does not answer to pages of other sites; start it with --allow-host")
        return None

    def _state(self) -> HttpResponse:
        state = {"loaded": self._source.loaded(), **self.ledger.state()}
        return HttpResponse(200, _JSON, (Chunk(json.dumps(state).encode()),))


async def _body(receive: Callable[[], Awaitable[Message]], length: str) -> bytes | None:
    """The whole body; None if it is over the limit."""
    if not (length.isascii() and length.isdigit()) or int(length[:12]) > LARGEST:
        return None
    parts = bytearray()
    while len(parts) <= LARGEST:  # a body in chunks names no length, and may come whole
        message = await receive()
        _gone(message)
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(parts) if len(parts) <= LARGEST else None
    return None


def _gone(message: Message) -> None:
    if message["type"] == "http.disconnect":
        raise ClientGoneError


def _bare(host: str) -> str:
    """A host without its port; ``""`` for what is no host."""
    found = _HOST.fullmatch(host)
    return found[1] if found else ""


def _plain(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, (("content-type", "text/plain; charset=utf-8"),), (Chunk(text.encode()),))


@functools.cache
def _page() -> HttpResponse:
    text = importlib.resources.files("harness.server").joinpath("page.html").read_text(encoding="utf-8")
    script, style = (_digest(text, tag) for tag in ("script", "style"))
    policy = (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    )
    return HttpResponse(200, headers, (Chunk(text.encode()),))


def _digest(text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    assert found is not None
    return "sha256-" + base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
