"""The official MCP client's stdio transport: servers that it starts are recorded, and replayed without being started.

The client imports late, and others bind its function by name, so what is patched is the one helper inside it that
starts the process, when ``mcp.client.stdio`` is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from harness.core.errors import UsageError
from harness.core.exchange import Failure
from harness.interception import context
from harness.interception.mcp_stdio import StdioPlayer, StdioRecorder, url_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from harness.core.exchange import HttpRequest
    from harness.interception.context import Answerer, ResponseListener

_STARTS = "_create_platform_compatible_process"


def patch(module: Any) -> None:
    """Put our door before the function that starts a server, for good."""
    start = getattr(module, _STARTS, None)
    if start is None:  # another version: a replay refuses the process, and a recording misses it
        return
    setattr(module, _STARTS, _starting(start))


def _starting(start: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def started(command: str, args: list[str], *given: Any, **options: Any) -> Any:
        answer = context.current()
        if answer is None:
            return await start(command, args, *given, **options)
        url = url_of([command, *args])
        if getattr(getattr(answer, "__self__", None), "replaying", True):
            return _Replayed(StdioPlayer(url, answer))
        process = await start(command, args, *given, **options)
        recorder = StdioRecorder(url, _begin(answer))
        # The process stays what it is, for its client ends it by its class and its id.
        process._stdin = process.stdin and _Watched(process.stdin, recorder.client)  # noqa: SLF001 - as anyio calls it
        process._stdout = process.stdout and _Watched(process.stdout, recorder.server, recorder.end)  # noqa: SLF001 - as above
        return process

    return started


def _begin(answer: Answerer) -> Callable[[HttpRequest], ResponseListener]:
    def begin(request: HttpRequest) -> ResponseListener:
        got = answer(request)
        if context.played(got) is not None:
            raise UsageError("a recording with an MCP server over stdio can't be resumed; record it from the start")
        return context.witness(got)

    return begin


class _Lines:
    """Whole lines out of pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line + b"\n" for line in lines if line.strip()]


class _Watched:
    """One of its two streams."""

    def __init__(self, stream: Any, tell: Callable[[bytes], None], end: Callable[..., None] | None = None) -> None:
        self._own, self._tell, self._end, self._lines = stream, tell, end, _Lines()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    async def send(self, data: bytes) -> None:
        for line in self._lines.take(data):
            self._tell(line)
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
            self._tell(line)
        return data

    async def aclose(self) -> None:
        if self._end is not None:
            self._end()
        await self._own.aclose()


class _Replayed:
    """Stands for a process that is not started."""

    pid = 0

    def __init__(self, player: StdioPlayer) -> None:
        import anyio  # noqa: PLC0415 - as above

        self._player, self._lines = player, _Lines()
        self._send, self._receive = anyio.create_memory_object_stream[bytes](1_000_000)
        self.returncode: int | None = None
        self._over = anyio.Event()
        self.stdin, self.stdout = _Input(self), _Output(self)
        self.stderr = None

    async def sent(self, data: bytes) -> None:
        for line in self._lines.take(data):
            for answer in self._player.client(line):
                await self._send.send(answer)
            if self._player.ended:
                self.end(1)

    async def received(self) -> bytes:
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

    async def __aexit__(self, *given: object) -> None:
        self.end()


class _Input:
    def __init__(self, process: _Replayed) -> None:
        self._process = process

    async def send(self, data: bytes) -> None:
        await self._process.sent(data)

    async def aclose(self) -> None:
        self._process.end()


class _Output:
    def __init__(self, process: _Replayed) -> None:
        self._process = process

    async def receive(self, most: int = 65_536) -> bytes:
        del most
        return await self._process.received()

    async def aclose(self) -> None:
        self._process.end()
