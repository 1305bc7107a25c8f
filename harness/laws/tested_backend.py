"""The backend under test, found by its name."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from harness.core.errors import HarnessError, UsageError
from harness.engine.user_code import named

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from harness.core.chat import Json, Reply

OURS = "harness.backend.completion:complete"


class Complete(Protocol):
    """A backend under test."""

    def __call__(
        self,
        model: str,
        messages: Sequence[Json],
        *,
        tools: Sequence[Mapping[str, Json]] | None = None,
        stream: bool = False,
        **options: Json,
    ) -> Reply: ...


AComplete: TypeAlias = "Callable[..., Awaitable[Reply]]"


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend under test, and its awaited twin where it has one.

    ``errors`` are the exception classes that it raises on purpose, ``streams`` says whether it can stream at all,
    ``custom_tools`` whether it takes tools that are no functions: custom ones, and those in a namespace.
    """

    complete: Complete
    acomplete: AComplete | None = None
    errors: tuple[type[BaseException], ...] = (HarnessError,)
    streams: bool = True
    custom_tools: bool = False


def backend_at(name: str) -> Backend:
    """The backend at ``module:attribute``: a callable, awaited or not, or an object with ``complete`` and perhaps
    ``acomplete``. The twin of ``module:complete`` is ``module:acomplete``, if there is one.

    Raises ``UsageError`` where there is none.
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise UsageError(f"{name!r} is no backend; write module:attribute, such as my_adapter:complete")
    try:
        holder, found = named(name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"there is no backend at {name!r}: {error}") from error
    except (Exception, SystemExit) as error:  # whatever a user's module raises
        raise UsageError(f"there is no backend at {name!r}: its import raises {error!r}") from error
    if callable(getattr(found, "complete", None)):
        return Backend(found.complete, getattr(found, "acomplete", None), *_able(found))
    if not callable(found):
        raise UsageError(f"{name!r} can't be called; a backend is complete(model, messages, *, tools, stream, …)")
    if inspect.iscoroutinefunction(found):
        return Backend(_run(found), found, *_able(holder))
    return Backend(found, getattr(holder, f"a{attribute.rpartition('.')[2]}", None), *_able(holder))


def _errors(holder: Any) -> tuple[type[BaseException], ...]:
    """The classes that ``home`` names in ``errors``, beside ours."""
    try:
        own = getattr(holder, "errors", ())
    except ImportError as error:
        raise UsageError(
            f"{getattr(holder, '__name__', holder)} needs a package that is not installed: {error}"
        ) from error
    arguments = (own,) if isinstance(own, type) else tuple(own) if isinstance(own, (tuple, list)) else ()
    return (HarnessError, *(one for one in arguments if isinstance(one, type) and issubclass(one, BaseException)))


def _able(holder: Any) -> tuple[tuple[type[BaseException], ...], bool, bool]:
    """What ``home`` says of its errors, streams and custom tools."""
    streams, custom = getattr(holder, "streams", True), getattr(holder, "custom_tools", False)
    return _errors(holder), streams is not False, custom is True


def _run(awaited: AComplete) -> Complete:
    def complete(*arguments: Any, **options: Any) -> Reply:
        async def once() -> Reply:
            return await awaited(*arguments, **options)

        return asyncio.run(once())

    return complete
