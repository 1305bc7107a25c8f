"""A transport that can hold what is written to it, so that a small answer goes out in one system call, not in three."""

from __future__ import annotations

import asyncio
from typing import Any


class Transport(asyncio.Transport):
    """Another transport, ``under`` it. Between ``hold`` and ``release`` nothing that is written goes out."""

    def __init__(self, under: asyncio.Transport) -> None:
        super().__init__()
        self._under = under
        self._held: list[bytes] | None = None
        # Called for each answer, and the same there as here.
        self.is_closing = under.is_closing  # type: ignore[method-assign]  # as above
        self.get_extra_info = under.get_extra_info  # type: ignore[method-assign]  # as above
        self.get_write_buffer_size = under.get_write_buffer_size  # type: ignore[method-assign]  # as above
        self.pause_reading = under.pause_reading  # type: ignore[method-assign]  # as above
        self.resume_reading = under.resume_reading  # type: ignore[method-assign]  # as above

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        held, self._held = self._held, None
        if held and not self._under.is_closing():
            self._under.write(b"".join(held))

    def write(self, data: Any) -> None:
        if self._held is None:
            self._under.write(data)
        else:
            self._held.append(data)

    def close(self) -> None:
        self.release()
        self._under.close()

    def abort(self) -> None:
        self._held = None
        self._under.abort()
