"""Every error of ours, by type. None is recognised by its message.

``exit_code`` is what the command line ends with: 1 a check failed, 2 usage or a
cassette that can't be used, 3 a leaked secret.
"""

from __future__ import annotations

import importlib.metadata
import shlex
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import CallError, Reply, ToolCall


class _Portable:
    """An exception that goes to another process and comes out the same, whatever its ``__init__`` takes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), getattr(self, "args", ())), vars(self)


def _again(kind: type[BaseException], words: tuple[Any, ...]) -> BaseException:
    made = kind.__new__(kind)
    made.args = words
    return made


class HarnessError(_Portable, Exception):
    """The root: catch this to catch all of ours but ``CassetteMiss``."""

    exit_code: ClassVar[int] = 2


class UsageError(HarnessError):
    """The caller's arguments do not fit; the message has the remedy."""


def install_command(extra: str) -> str:
    """The pip command for the packages of ``extra``, as this project declares them: ``pip install 'ray>=2.55'``."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - only where something is missing

    try:
        declared = [*map(Requirement, importlib.metadata.requires("toolcall-harness") or ())]
    except importlib.metadata.PackageNotFoundError:  # a source tree on the path, which pip knows nothing of
        return f"pip install 'path/to/toolcall-harness[{extra}]'"
    here = [one for one in declared if one.marker and one.marker.evaluate({"extra": extra})]
    found = [one for one in here if one.marker and not one.marker.evaluate({"extra": ""})]
    return f"pip install {' '.join(shlex.quote(one.name + str(one.specifier)) for one in found)}"


class MissingExtraError(UsageError):
    """Packages of ``extra`` are not installed; the message names ``needed`` and the pip command for them."""

    def __init__(self, extra: str, needed: str) -> None:
        super().__init__(f"{needed} is not installed; run: {install_command(extra)}")


class StopAskingError(UsageError):
    """Nothing more can be requested: the budget is spent, or the key was refused."""


class SuiteError(HarnessError):
    """One or more mistakes in suite files; ``problems`` holds a sentence each, with file and line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class CassetteError(HarnessError):
    """A cassette that can't be read or written. ``path`` is the file, ``place`` a line or JSON path."""

    def __init__(self, message: str, *, path: str = "", place: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.place = place


class CassetteMissingError(CassetteError):
    """There is no cassette, and the record mode forbids making one."""


class CassetteDamagedError(CassetteError):
    """The file is not a whole cassette: empty, cut off, not JSON, of the wrong shape."""


class CassetteTooNewError(CassetteError):
    """The file's format is newer than this harness reads."""


class CassetteWriteError(CassetteError):
    """Saving failed; what stood on disk before still stands there."""


class LeakError(HarnessError):
    """A secret would have been written. Nothing was."""

    exit_code: ClassVar[int] = 3


class WorkerDiedError(HarnessError):
    """A worker process ended in the middle of its work, each time that it was tried."""


class CassetteMiss(_Portable, BaseException):
    """A request that no unused recording answers.

    Not an ``Exception``: litellm and the SDKs turn those into a retried "connection error", and
    the miss would be reported after seconds and as something else. It passes through them as it is.
    ``cassette`` is the file, ``nearest`` the index of the most alike recorded exchange (None if
    there is none), ``differences`` a sentence for each leaf that differs.
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self, message: str, *, cassette: str = "", nearest: int | None = None, differences: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.cassette = cassette
        self.nearest = nearest
        self.differences = tuple(differences)


class BackendError(HarnessError):
    """A request could not be sent, or its answer not used."""

    exit_code: ClassVar[int] = 1


class AgentError(BackendError):
    """The agent under test failed, or gave no answer."""


class DuplicateToolError(BackendError):
    """Two tools of one name were offered; nothing was sent. ``names`` are the doubled ones."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"two tools share a name: {', '.join(map(repr, names))}; give each tool its own name")
        self.names = tuple(names)


class ToolCallError(BackendError):
    """The model requested calls that can't be read.

    ``calls`` are the good ones of the same answer, ``errors`` the bad ones with their raw text,
    ``text`` the text beside them.
    """

    def __init__(self, errors: Sequence[CallError], calls: Sequence[ToolCall] = (), text: str = "") -> None:
        super().__init__("; ".join(f"call {error.index} ({error.name}): {error.detail}" for error in errors))
        self.errors = tuple(errors)
        self.calls = tuple(calls)
        self.text = text


class StreamCutError(BackendError):
    """A stream ended before its terminator. ``reply`` has what was received, half calls as errors."""

    def __init__(self, message: str, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply


class UnreadableReplyError(BackendError):
    """The provider answered, but what it sent is no answer in its dialect. ``raw`` is what it sent."""

    def __init__(self, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw


class ProviderError(BackendError):
    """The provider refused or failed.

    ``status`` is the HTTP status (None where no response came), ``retry_after`` the seconds of its
    Retry-After header (None where it sent none).
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None, provider: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.provider = provider


class BadRequestError(ProviderError):
    """400, 413, 422 and the like: the request itself was refused."""


class ContextWindowError(BadRequestError):
    """The conversation is longer than the model takes."""


class UnsupportedError(BadRequestError):
    """The provider or litellm does not offer a feature that was requested."""


class AuthenticationError(ProviderError):
    """401: no key, or a wrong one."""


class PermissionDeniedError(ProviderError):
    """403."""


class NotFoundError(ProviderError):
    """404: no such model or path."""


class ProviderTimeoutError(ProviderError):
    """408, or no answer within the time allowed."""


class ConflictError(ProviderError):
    """409."""


class RateLimitError(ProviderError):
    """429; see ``retry_after``."""


class ServerError(ProviderError):
    """5xx."""


class ConnectionFailedError(ProviderError):
    """No connection, or one that broke before a response: refused, reset, name not found."""


_BY_STATUS: dict[int, type[ProviderError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ProviderTimeoutError,
    409: ConflictError,
    429: RateLimitError,
}


def by_status(status: int | None) -> type[ProviderError]:
    """The error for an HTTP status; ``ProviderError`` where none is known."""
    if status is None:
        return ProviderError
    return _BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequestError)  # noqa: PLR2004 - HTTP's own border
