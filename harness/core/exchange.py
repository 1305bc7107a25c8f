"""The values of the wire: a request, what came back, and where a recording is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Header fields in the order they came; a name may stand more than once."""

ProvenanceKind: TypeAlias = Literal["live", "local", "gateway", "synthetic", "imported"]
"""``live``: a hosted provider. ``local``: a real model on a server of one's own.
``gateway``: a real model behind a translating proxy. ``synthetic``: written by our
dialects. ``imported``: taken over from another recorder's file."""

FailureKind: TypeAlias = Literal["refused", "reset", "timeout", "cut", "protocol", "closed"]
"""``refused``: no connection. ``reset``: broken off by the other side's system. ``timeout``: nothing came in time.
``cut``: the body ended before its end. ``protocol``: what came is no HTTP. ``closed``: the server hung up
before it answered (httpx can't distinguish it from ``protocol``)."""


_T = TypeVar("_T")


def header(headers: Headers, name: str) -> str | None:
    """The first value of ``name``, whatever its case; None where there is none."""
    lowered = name.lower()
    return next((value for key, value in headers if key.lower() == lowered), None)


class _Lazy:
    """A value one field of which is made when it is first read. Nothing shows the difference."""

    __slots__ = ("_body", "_make")
    _make: Callable[[], Any]
    _body: bytes | None

    def __getattr__(self, name: str) -> Any:
        if name == "_body":
            return None
        if name not in self.__slots__ or name == "_make":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        made = self._make()
        object.__setattr__(self, name, made)
        object.__setattr__(self, "_make", lambda: made)  # what it was made from is released; another thread may be here
        return made


def lazy(kind: type[_T], make: Callable[[], Any], **fields: Any) -> _T:
    """An ``HttpRequest`` or ``HttpResponse`` of all fields but one, for which ``make`` is called when it is first read:
    to compare, copy or print the value reads it too. ``_body`` may be what a response's chunks are when joined.
    """
    made = object.__new__(kind)
    object.__setattr__(made, "_make", make)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


@dataclass(frozen=True, slots=True)
class HttpRequest(_Lazy):
    """A request as it goes out. ``url`` is whole, ``body`` the exact bytes."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a body as the transport handed it over, ``at`` seconds after the request."""

    data: bytes
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class HttpResponse(_Lazy):
    """A response as it came: recorded headers, and the body in its transfer chunks."""

    status: int
    headers: Headers = ()
    chunks: tuple[Chunk, ...] = ()

    @property
    def body(self) -> bytes:
        if self._body is not None:
            return self._body
        return self.chunks[0].data if len(self.chunks) == 1 else b"".join([chunk.data for chunk in self.chunks])


@dataclass(frozen=True, slots=True)
class Failure:
    """How a connection failed: before any response, or in the middle of one."""

    kind: FailureKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it.

    ``response`` is None when the connection failed before one came; ``failure`` is None when
    none did; both are set for a body that broke off. ``complete`` is False where
    the client stopped reading early: the rest is unknown, which is no fault of the provider.
    """

    request: HttpRequest
    response: HttpResponse | None
    failure: Failure | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a recording is from. ``recorded`` is an ISO 8601 time in UTC.

    ``source`` names who answered (a server and its version, a file imported from);
    ``litellm`` and ``harness`` are the versions that made the requests.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    kind: ProvenanceKind
    recorded: str
    source: str = ""
    litellm: str = ""
    harness: str = ""
