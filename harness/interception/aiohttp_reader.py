"""A body for aiohttp that is fetched chunk by chunk: a real ``StreamReader`` that asks for more when it runs dry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class _NoConnection:
    """Stands where a StreamReader expects its connection: there is none to pause."""

    _reading_paused = False
    connected = False

    def pause_reading(self) -> None: ...

    def resume_reading(self, resume_parser: bool = True) -> None: ...


class Reader(aiohttp.StreamReader):
    """A body that fetches its next chunk when it runs dry. ``fetch`` gives b"" at the end, or raises."""

    __slots__ = ("_fetch",)

    def __init__(self, fetch: Callable[[], Awaitable[bytes]]) -> None:
        super().__init__(_NoConnection(), 2**26, loop=asyncio.get_running_loop())  # type: ignore[arg-type]  # there is none
        self._fetch = fetch

    async def _wait(self, func_name: str) -> None:
        del func_name
        try:
            data = await self._fetch()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.set_exception(error)
            raise
        if data:
            self.feed_data(data)
        else:
            self.feed_eof()
