"""What a dialect is: one provider API's way to write a reply, as four functions and a name.

The readers here are the independent reference that laws compare backends with: they
share no code with litellm or with ``harness.backend``.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - field types of a public value
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from harness.dialects.detection import Detector  # noqa: TC001 - as below
from harness.dialects.facts import Facts  # noqa: TC001 - the type of a public value's field

if TYPE_CHECKING:
    from harness.core.chat import Json, Reply
    from harness.core.exchange import HttpRequest, HttpResponse
    from harness.dialects.chat_request import ChatRequest


class Render(Protocol):
    """Write ``reply`` in the provider's own bytes; a stream has one chunk for each event or line.

    ``reply.errors`` are written too, each with its ``raw`` text as arguments, at its ``index``.
    ``quirks`` are names from the dialect's table; an unknown one raises ``UsageError``.
    """

    def __call__(
        self, reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
    ) -> HttpResponse: ...


class Read(Protocol):
    """Read a response of status 200 back into a ``Reply``, names as they are on the wire.

    Raises ``StreamCutError`` for a stream that ends early, ``UnreadableReplyError`` for bytes that are
    no answer in this dialect, ``ProviderError`` for an error event inside a 200 stream.
    """

    def __call__(self, response: HttpResponse) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Mentions:
    """Every tool name and call id that a request carries, by where it stands, in order."""

    tools: tuple[str, ...] = ()
    choice: str | None = None
    calls: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    call_ids: tuple[str, ...] = ()
    result_ids: tuple[str, ...] = ()


class ReadRequest(Protocol):
    """Find the tool names and ids in a request body; empty ``Mentions`` where there are none."""

    def __call__(self, request: HttpRequest) -> Mentions: ...


class ReadChat(Protocol):
    """Read a request off its decoded body and its URL's path; ``provider`` is left empty.

    Never raises: what is missing or of another shape is left out.
    """

    def __call__(self, body: dict[str, Json], path: str, /) -> ChatRequest: ...


class RenderError(Protocol):
    """Write an error answer in the provider's own shape."""

    def __call__(self, status: int, message: str, *, retry_after: float | None = None) -> HttpResponse: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider API. ``quirks`` maps each quirk's name to a sentence that says what it does and
    where it was found; ``paths`` are regular expressions of the URL paths it is served at, ``facts`` what is known of
    its finish words and errors.

    ``failures`` are switches of the same kind, after which the bytes no longer hold the reply but report, under status
    200, that the provider failed: reading them raises ``ProviderError``. ``request`` reads a request; None
    where nobody has written such a reader. ``detectors`` find quirks in the bytes of an answer, by their names: such as
    the provider decides on, not the request.
    """

    name: str
    render: Render
    read: Read
    mentions: ReadRequest
    error: RenderError
    paths: tuple[str, ...]
    facts: Facts
    quirks: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    request: ReadChat | None = None
    detectors: Mapping[str, Detector] = field(default_factory=dict)
