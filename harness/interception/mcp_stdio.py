"""An MCP server that is a program, as exchanges: each message of the client is a request to ``stdio://…``, and the
lines that the server writes until it has answered are the response.

The official client's servers are recorded, and replayed without being started. It imports late, and others bind its
function by name, so what is patched is the one helper inside it that starts the process, when ``mcp.client.stdio`` is
loaded.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Failure, HttpRequest
from harness.dialects.mcp import STDIO, is_call, parsed
from harness.interception import context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from harness.core.chat import Json
    from harness.interception.context import Answerer, ResponseListener

_JSON = (("content-type", "application/json"),)
_LINES = (("content-type", "application/x-ndjson"),)
_OK, _ACCEPTED = 200, 202
_PYTHON = re.compile(r"(python|pypy)[0-9.]*(\.exe)?")
_MOST_EARLY = 2**20
MOST_UNREQUESTED = 64 * 2**20
"""Bytes of notifications that are recorded of one call."""
_STARTS = "_create_platform_compatible_process"
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
            listener = self._begin(_request(self._url, line))
            if not is_call(message):
                listener.head(_ACCEPTED, ())
                listener.end(None)
                return
            listener.head(_OK, _LINES)
            for early in self._early:
                listener.chunk(early)
            self._early.clear()
            self._open[_id(message)] = listener

    def server(self, line: bytes) -> None:
        """A line from the server, before the client gets it."""
        message = parsed(line)
        with self._lock:
            answered = isinstance(message, dict) and "method" not in message and _id(message) in self._open
            if answered:
                listener = self._open.pop(_id(message))
                listener.chunk(line)
                listener.end(None)
            elif self._open:
                self._unrequested(list(self._open)[-1], line)
            elif sum(map(len, self._early)) < _MOST_EARLY:  # a server may go on telling for ever
                self._early.append(line)

    def _unrequested(self, call_id: str, line: bytes) -> None:
        """Keep what the server says before it has answered; what never ends is broken off in the recording."""
        self._size[call_id] = self._size.get(call_id, 0) + len(line)
        if self._size[call_id] > MOST_UNREQUESTED:
            self._open.pop(call_id).end(
                Failure("cut", f"the server said more than {MOST_UNREQUESTED:,} bytes and no answer")
            )
        else:
            self._open[call_id].chunk(line)

    def end(self, failure: Failure | None = None) -> None:
        """Nothing more comes: what was not answered failed so, or was left by the client."""
        with self._lock:
            for listener in self._open.values():
                listener.end(failure, complete=failure is not None)
            self._open.clear()


class StdioPlayer:
    """Stands in for a server: answers its client from a recording. ``ended`` once the recorded server had ended."""

    def __init__(self, url: str, answer: Answerer, missed: Callable[[CassetteMiss], None] = lambda _: None) -> None:
        self._url, self._answer, self._missed = url, answer, missed
        self._waiting: dict[str, list[bytes]] = {}
        self.ended = False

    def client(self, line: bytes) -> list[bytes]:
        """The lines that the client gets once it has sent ``line``. A miss is a JSON-RPC error, reported to ``missed``.

        A request of the server to its client is waited for: what it wrote after it comes when the client has answered.
        """
        message = parsed(line)
        try:
            got = self._answer(_request(self._url, line))
        except CassetteMiss as miss:
            self._missed(miss)
            return [_refusal(message, str(miss))] if is_call(message) else []
        replayed = context.to_replay(got)
        if replayed is None:
            raise UsageError("a recording with an MCP server over stdio can't be resumed; record it from the start")
        response, failure = replayed
        lines = response.body.splitlines(keepends=True) if response is not None else []
        self.ended = self.ended or failure is not None
        lines += self._waiting.pop(_id(message), []) if isinstance(message, dict) and not is_call(message) else []
        return self._until_call(lines)

    def _until_call(self, lines: list[bytes]) -> list[bytes]:
        for place, line in enumerate(lines):
            message = parsed(line)
            if is_call(message):
                self._waiting[_id(message)] = lines[place + 1 :]
                return lines[: place + 1]
        return lines


def _request(url: str, line: bytes) -> HttpRequest:
    return HttpRequest("POST", url, _JSON, line.rstrip(b"\r\n"))


def _id(message: Json) -> str:
    return repr(message.get("id")) if isinstance(message, dict) else ""


def _refusal(message: Json, why: str) -> bytes:
    error = {"code": MISSED, "message": why}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode() + b"\n"


def patch(module: Any) -> None:
    """Patch the function that starts a server, for good."""
    start = getattr(module, _STARTS, None)
    if start is None:  # another version: a replay refuses the process, and a recording misses it
        return
    setattr(module, _STARTS, _starting(start))


def _starting(start: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def started(command: str, args: list[str], *more: Any, **options: Any) -> Any:
        answer = context.current()
        if answer is None:
            return await start(command, args, *more, **options)
        url = url_of([command, *args])
        if getattr(getattr(answer, "__self__", None), "replaying", True):
            return _Replayed(StdioPlayer(url, answer))
        process = await start(command, args, *more, **options)
        recorder = StdioRecorder(url, _begin(answer))
        # The process stays what it is, for its client ends it by its class and its id.
        process._stdin = process.stdin and _Reported(process.stdin, recorder.client)  # noqa: SLF001 - as anyio calls it
        process._stdout = process.stdout and _Reported(process.stdout, recorder.server, recorder.end)  # noqa: SLF001 - as above
        return process

    return started


def _begin(answer: Answerer) -> Callable[[HttpRequest], ResponseListener]:
    def begin(request: HttpRequest) -> ResponseListener:
        got = answer(request)
        if context.to_replay(got) is not None:
            raise UsageError("a recording with an MCP server over stdio can't be resumed; record it from the start")
        return context.listener(got)

    return begin


class _Lines:
    """Whole lines out of pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line + b"\n" for line in lines if line.strip()]


class _Reported:
    """One of its two streams."""

    def __init__(self, stream: Any, report: Callable[[bytes], None], end: Callable[..., None] | None = None) -> None:
        self._own, self._report, self._end, self._lines = stream, report, end, _Lines()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    async def send(self, data: bytes) -> None:
        for line in self._lines.take(data):
            self._report(line)
        await self._own.send(data)

    async def receive(self, most: int = 65_536) -> bytes:
        import anyio  # noqa: PLC0415 - who is here has loaded it

        try:
            data: bytes = await self._own.receive(most)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            if self._end is not None:
                self._end(Failure("closed", "the MCP server ended"))
            raise
        for line in self._lines.take(data):
            self._report(line)
        return data

    async def aclose(self) -> None:
        if self._end is not None:
            self._end()
        await self._own.aclose()


class _Replayed:
    """Stands for a process that is not started, and for its two streams."""

    pid = 0

    def __init__(self, player: StdioPlayer) -> None:
        import anyio  # noqa: PLC0415 - as above

        self._player, self._lines = player, _Lines()
        self._send, self._receive = anyio.create_memory_object_stream[bytes](1_000_000)
        self.returncode: int | None = None
        self._over = anyio.Event()
        self.stdin = self.stdout = self
        self.stderr = None

    async def send(self, data: bytes) -> None:
        for line in self._lines.take(data):
            for answer in self._player.client(line):
                await self._send.send(answer)
            if self._player.ended:
                self.end(1)

    async def receive(self, most: int = 65_536) -> bytes:
        del most
        return await self._receive.receive()

    def end(self, code: int = 0) -> None:
        if self.returncode is None:
            self.returncode = code
            self._over.set()
            self._send.close()

    async def wait(self) -> int:
        await self._over.wait()
        return self.returncode or 0

    def terminate(self) -> None:
        self.end()

    def kill(self) -> None:
        self.end()

    def send_signal(self, signal: int) -> None:
        del signal
        self.end()

    async def aclose(self) -> None:
        self.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object) -> None:
        self.end()
