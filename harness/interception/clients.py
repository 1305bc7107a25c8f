"""The ways out of the process: every HTTP client's request is shown to whoever answers in this context.

One lasting patch for each client, put in place when somebody first answers. Who answers is found by a context
variable, so threads and tasks with tapes of their own never cross. ``docs/decisions/doors.md`` says why these are
patches of our own, and what is left to vcrpy's.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from harness.interception.context import Answer, current, seated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.interception.context import Answerer

__all__ = ["Answer", "answering", "current"]

_lock = threading.Lock()
_installed: list[str] = []


@contextlib.contextmanager
def answering(answer: Answerer) -> Iterator[None]:
    """Give every HTTP request made in this context to ``answer`` while this is open.

    A plain worker thread has no context of its own: it uses the one ``answer`` open in the process, and is
    refused if there are several, for it can't be known which is meant. So is a thread or task that was started
    in here and asks after this is closed. A refusal is a ``CassetteMiss``: nothing goes out.
    """
    _install()
    with seated(answer):
        yield


def _install() -> None:
    if _installed:
        return
    with _lock:
        if _installed:
            return
        # The clients load with them, which nobody pays for who opens no tape.
        from harness.interception import aiohttp_client, http_client, httpx_client, vcrpy_patches  # noqa: PLC0415 - they are heavy

        httpx_client.install()
        aiohttp_client.install()
        http_client.install()
        vcrpy_patches.install()
        _installed.append("doors")
