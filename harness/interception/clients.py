"""The ways out of the process: every HTTP client's request is shown to the interceptor that answers in this context.

One lasting patch for each client, put in place when somebody first answers. Who answers is found by a context variable,
so threads and tasks with tapes of their own never cross; threads and pools belong to the code that starts them or gives
them work. ``docs/decisions/interception.md`` says why these are patches of our own, and what is left to vcrpy's.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
from typing import TYPE_CHECKING

from harness.interception import context, httpx_client, vcrpy_patches
from harness.interception.context import Answer, current, intercepting
from harness.interception.when_imported import when_imported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from harness.interception.context import Answerer
    from harness.interception.traffic import Traffic

__all__ = ["Answer", "answering", "current"]

_LOADED_LATER = {"http.client": "http_client", "aiohttp": "aiohttp_client", "mcp.client.stdio": "mcp_stdio"}
_lock = threading.Lock()
_installed: list[str] = []


@contextlib.contextmanager
def answering(answer: Answerer, traffic: Traffic | None = None) -> Iterator[None]:
    """Give every HTTP request made in this context to ``answer`` while this is open.

    A thread belongs to the ``answer`` in whose context it was started, and work for a pool to the one in which it was
    given. What belongs to none uses the one ``answer`` open in the process, and is refused if there are several, for
    it can't be known which is meant; with ``traffic`` older threads are side traffic, which gets a refused connection.
    Refused too is a task that was started in here and asks after this is closed. A refusal is a ``CassetteMiss``:
    nothing goes out.
    """
    _install()
    with intercepting(answer, traffic):
        yield


def _install() -> None:
    if _installed:
        return
    with _lock:
        if _installed:
            return
        context.watch_threads()
        httpx_client.install()
        vcrpy_patches.install()
        for library, client in _LOADED_LATER.items():
            when_imported(library, functools.partial(_install_for, client))
        _installed.append("clients")


def _install_for(client: str, module: ModuleType) -> None:
    """The patches of the file ``client``, which needs the library ``module`` and is loaded with it."""
    importlib.import_module(f"harness.interception.{client}").patch(module)
