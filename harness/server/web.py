"""Start the web server: in a thread of this process, or as the process itself. uvicorn runs it, on httptools."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from harness.core.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import uvicorn

MOST_CONNECTIONS = 1000
PORT = 8788


class ServerHandle:
    """A server that listens. ``url`` is where, without a slash at the end."""

    def __init__(self, sock: socket.socket) -> None:
        host, port = sock.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def serving(app: Any) -> Iterator[ServerHandle]:
    """Serve ``app`` from a thread until the end of the ``with``, at any free port: no two tests meet."""
    with serving_at(app, [bound("127.0.0.1", 0)]) as (handle,):
        yield handle


@contextlib.contextmanager
def serving_at(app: Any, socks: Sequence[socket.socket]) -> Iterator[list[ServerHandle]]:
    """Serve ``app`` from a thread at several addresses until the end of the ``with``."""
    handles = [ServerHandle(sock) for sock in socks]
    server = _server(app, socks, loop="asyncio")
    thread = threading.Thread(target=server.run, kwargs={"sockets": list(socks)}, name="harness-serve", daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.002)
        yield handles
    finally:
        server.end()
        thread.join(10)


def serve(app: Any, *, host: str = "127.0.0.1", port: int = PORT, ready: Callable[[ServerHandle], None]) -> None:
    """Serve ``app`` in this process until it is interrupted or told to end. ``ready`` is called once it answers."""
    sock = bound(host, port)
    server = _server(app, [sock], loop="auto")
    server.ready = functools.partial(ready, ServerHandle(sock))
    # uvicorn ends in good order on both signals and then raises them once more: so that SIGTERM is no sudden end.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[sock])
    finally:
        signal.signal(signal.SIGTERM, before)


def bound(host: str, port: int) -> socket.socket:
    """A socket at that address. Raises ``UsageError`` if it is taken or is none of ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"can't serve at {host}, port {port}: {why}; choose another with --port or --host") from error
    return sock


def _server(app: Any, socks: Sequence[socket.socket], *, loop: str) -> Any:
    try:
        import uvicorn  # noqa: PLC0415 - only who serves pays for it

        from harness.server.connection import Connection  # noqa: PLC0415 - it needs uvicorn
    except ImportError as error:
        raise MissingExtraError("serve", "the server") from error
    config = uvicorn.Config(
        app,
        http=Connection,
        loop=loop,
        ws="none",
        lifespan="off",
        log_level="critical",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=2048,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return _shuttable(uvicorn)(config, socks)


class _EndedAtOnce:
    """Beside uvicorn's server, which looks every 0.1 s whether it is to end: each test with a server would wait."""

    should_exit: bool
    _ended: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def main_loop(self) -> None:
        self._ended = asyncio.get_running_loop(), asyncio.Event()
        theirs: Any = super()
        tasks = [asyncio.ensure_future(one) for one in (theirs.main_loop(), self._ended[1].wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    def end(self) -> None:
        """Shut down, from another thread."""
        self.should_exit = True
        if self._ended is not None:
            loop, ended = self._ended
            with contextlib.suppress(RuntimeError):  # closed: it has ended already
                loop.call_soon_threadsafe(ended.set)


@functools.cache
def _shuttable(library: Any) -> type[Any]:
    """Uvicorn's server, which can stop listening for a while."""

    class Server(_EndedAtOnce, library.Server):  # type: ignore[misc]  # the library is loaded by now, but not to mypy's eye
        ready: Callable[[], None] | None = None

        def __init__(self, config: uvicorn.Config, socks: Sequence[socket.socket]) -> None:
            super().__init__(config)
            self._addresses = [sock.getsockname() for sock in socks]
            self._opening: asyncio.TimerHandle | None = None

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            self.lifespan.state["shut"] = self._shut
            await super().startup(sockets)
            if self.ready:
                self.ready()

        def _shut(self, seconds: float) -> None:
            for server in self.servers:
                server.close()
            for connection in list(self.server_state.connections):
                connection.shutdown()
            loop = asyncio.get_running_loop()
            if self._opening is not None:
                self._opening.cancel()
            self._opening = loop.call_later(seconds, lambda: loop.create_task(self._open()))

        async def _open(self) -> None:
            made = functools.partial(
                self.config.http_protocol_class,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )
            loop = asyncio.get_running_loop()
            socks = [bound(*address[:2]) for address in self._addresses]
            self.servers = [await loop.create_server(made, sock=sock, backlog=2048) for sock in socks]

    return Server
