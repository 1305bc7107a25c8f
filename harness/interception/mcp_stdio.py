"""An MCP server that is a program, as exchanges: each message of the client is a request to ``stdio://…``, and the
lines that the server writes until it has answered are the response.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Failure, HttpRequest
from harness.dialects.mcp.messages import STDIO, is_call, parsed
from harness.interception import context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.chat import Json
    from harness.interception.context import Answerer, ResponseListener

_JSON = (("content-type", "application/json"),)
_LINES = (("content-type", "application/x-ndjson"),)
_OK, _ACCEPTED = 200, 202
_PYTHON = re.compile(r"(python|pypy)[0-9.]*(\.exe)?")
_MOST_EARLY = 2**20
MOST_BESIDE = 64 * 2**20
"""Bytes of notifications that are recorded of one call."""
MISSED = -32001
"""The code of the JSON-RPC error that tells a client of a miss."""


def url_of(words: Sequence[str]) -> str:
    """The address of a server started by ``words``: the same on another machine, whose folders have other names."""
    first, *rest = [_own(word) for word in words] or [""]
    if python := _PYTHON.fullmatch(first.lower()):
        first = python[1]
    return f"{STDIO}://{quote(first.lower(), safe='')}/{quote(' '.join(rest), safe=':=@+,')}"


def _own(word: str) -> str:
    """A word of a command without the folders of this machine."""
    return word if "://" in word else re.split(r"[/\\]", word.rstrip("/\\"))[-1]


class StdioRecorder:
    """Keeps what passes between a client and a server. ``begin`` gives what receives an exchange."""

    def __init__(self, url: str, begin: Callable[[HttpRequest], ResponseListener]) -> None:
        self._url, self._begin = url, begin
        self._lock = threading.Lock()
        self._open: dict[str, ResponseListener] = {}
        self._early: list[bytes] = []
        self._size: dict[str, int] = {}

    def client(self, line: bytes) -> None:
        """A line from the client, before the server gets it."""
        message = parsed(line)
        with self._lock:
            witness = self._begin(_request(self._url, line))
            if not is_call(message):
                witness.head(_ACCEPTED, ())
                witness.end(None)
                return
            witness.head(_OK, _LINES)
            for early in self._early:
                witness.chunk(early)
            self._early.clear()
            self._open[_id(message)] = witness

    def server(self, line: bytes) -> None:
        """A line from the server, before the client gets it."""
        message = parsed(line)
        with self._lock:
            answered = isinstance(message, dict) and "method" not in message and _id(message) in self._open
            if answered:
                witness = self._open.pop(_id(message))
                witness.chunk(line)
                witness.end(None)
            elif self._open:
                self._beside(list(self._open)[-1], line)
            elif sum(map(len, self._early)) < _MOST_EARLY:  # a server may go on telling for ever
                self._early.append(line)

    def _beside(self, asked: str, line: bytes) -> None:
        """Keep what the server says before it has answered; what never ends is broken off in the recording."""
        self._size[asked] = self._size.get(asked, 0) + len(line)
        if self._size[asked] > MOST_BESIDE:
            self._open.pop(asked).end(Failure("cut", f"the server said more than {MOST_BESIDE:,} bytes and no answer"))
        else:
            self._open[asked].chunk(line)

    def end(self, failure: Failure | None = None) -> None:
        """Nothing more comes: what was not answered failed so, or was left by the client."""
        with self._lock:
            for witness in self._open.values():
                witness.end(failure, complete=failure is not None)
            self._open.clear()


class StdioPlayer:
    """Stands in for a server: answers its client from a recording. ``ended`` once the recorded server had ended."""

    def __init__(self, url: str, answer: Answerer, missed: Callable[[CassetteMiss], None] = lambda _: None) -> None:
        self._url, self._answer, self._missed = url, answer, missed
        self._held: dict[str, list[bytes]] = {}
        self.ended = False

    def client(self, line: bytes) -> list[bytes]:
        """The lines that the client gets once it has sent ``line``. A miss is a JSON-RPC error, and ``missed`` is told.

        What the server asked of its client is waited for: what it wrote behind it comes when the client has answered.
        """
        message = parsed(line)
        try:
            got = self._answer(_request(self._url, line))
        except CassetteMiss as miss:
            self._missed(miss)
            return [_refusal(message, str(miss))] if is_call(message) else []
        played = context.played(got)
        if played is None:
            raise UsageError("a recording with an MCP server over stdio can't be resumed; record it from the start")
        response, failure = played
        lines = response.body.splitlines(keepends=True) if response is not None else []
        self.ended = self.ended or failure is not None
        lines += self._held.pop(_id(message), []) if isinstance(message, dict) and not is_call(message) else []
        return self._until_asked(lines)

    def _until_asked(self, lines: list[bytes]) -> list[bytes]:
        for place, line in enumerate(lines):
            message = parsed(line)
            if is_call(message):
                self._held[_id(message)] = lines[place + 1 :]
                return lines[: place + 1]
        return lines


def _request(url: str, line: bytes) -> HttpRequest:
    return HttpRequest("POST", url, _JSON, line.rstrip(b"\r\n"))


def _id(message: Json) -> str:
    return repr(message.get("id")) if isinstance(message, dict) else ""


def _refusal(message: Json, why: str) -> bytes:
    error = {"code": MISSED, "message": why}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode() + b"\n"
