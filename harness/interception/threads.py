"""Threads and pools belong to the code that starts them or gives them work: so it is known which tape is meant."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

from harness.interception import context
from harness.interception.when_imported import when_imported

if TYPE_CHECKING:
    from types import ModuleType


def install() -> None:
    """Put the two patches in place, for good. With no tape open they do nothing."""
    start = threading.Thread.start

    @functools.wraps(start)
    def started(self: threading.Thread) -> None:
        context.mark_thread(self)
        start(self)

    threading.Thread.start = started  # type: ignore[method-assign]  # this is the patch
    when_imported("concurrent.futures.thread", _watch_pools)


def _watch_pools(module: ModuleType) -> None:
    pool: Any = module.ThreadPoolExecutor
    submit = pool.submit

    @functools.wraps(submit)
    def submitted(self: Any, fn: Any, /, *given: Any, **options: Any) -> Any:
        seat = context.own_seat()
        if seat is None:
            return submit(self, fn, *given, **options)
        return submit(self, context.called_in, seat, fn, *given, **options)

    pool.submit = submitted
