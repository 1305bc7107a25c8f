"""The laws of failures: each raises the right class, keeps how long to wait, and is not asked again unbidden."""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from harness.checks.json_equality import same
from harness.core import errors
from harness.core.errors import HarnessError, ProviderError
from harness.laws.complaints import shown
from harness.laws.law import Law

if TYPE_CHECKING:
    from harness.laws.trial import Trial

_CLASSES: dict[int, type[ProviderError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    408: errors.ProviderTimeoutError,
    409: errors.ConflictError,
    413: errors.BadRequestError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
}
_PLAIN = frozenset({400, 401, 403, 404, 408, 429, 500, 502, 503, 504})
_RETRIED = frozenset({408, 429})
_SERVERS, _CLIENTS = 500, 400


def expected_class(status: int) -> type[ProviderError]:
    """Ours for an HTTP status."""
    return _CLASSES.get(status) or (errors.ServerError if status >= _SERVERS else errors.BadRequestError)


def classes(trial: Trial) -> str | None:
    question = trial.question
    if question.kind == "unreachable":
        return _raised(trial, errors.ConnectionFailedError, "a refused connection")
    if question.kind != "refused" or question.status not in _PLAIN:
        return None
    return _raised(trial, expected_class(question.status), f"status {question.status}")


def every_status(trial: Trial) -> str | None:
    question = trial.question
    if question.kind not in {"refused", "failed"}:
        return None
    if question.kind == "refused" and question.status not in _PLAIN:
        complaint = _raised(trial, expected_class(question.status), f"status {question.status}")
        if complaint:
            return complaint
    if not question.retry_after or not isinstance(trial.error, ProviderError):
        return ""
    found = trial.error.retry_after
    if question.retry_after[0].isdigit():
        alike = type(found) in (int, float) and found == float(question.retry_after)
        return "" if alike else f"wait {question.retry_after} s, kept is {found!r}"
    expected = (parsedate_to_datetime(question.retry_after) - dt.datetime.now(dt.UTC)).total_seconds()
    close = found is not None and abs(found - expected) < _HOUR
    return "" if close else f"wait until {question.retry_after} ({expected:.0f} s), kept is {found!r}"


_HOUR = 3600


def _raised(trial: Trial, kind: type[ProviderError], what: str) -> str:
    if trial.error is None:
        return f"{what} came back as {shown(trial.reply)}, and nothing was raised"
    if not trial.typed:
        return f"{what} is a crash: {shown(repr(trial.error))}"
    if isinstance(trial.error, HarnessError):
        if not isinstance(trial.error, kind):
            return f"{what} raised {type(trial.error).__name__}, not {kind.__name__}"
        if trial.question.kind == "refused" and isinstance(trial.error, ProviderError):
            status = trial.error.status
            return "" if same(trial.question.status, status) else f"{what} is kept as {status!r}"
    return ""


def may_retry(status: int) -> bool:
    """Whether a request that got ``status`` may be made again without asking."""
    return status >= _SERVERS or status in _RETRIED


def blind(trial: Trial) -> str | None:
    status = trial.question.status
    if trial.question.kind != "refused" or may_retry(status):
        return None
    number = len(trial.requests)
    return f"status {status} was asked {number} times" if number > 1 else ""


def in_answer(trial: Trial) -> str | None:
    if trial.question.kind != "failed":
        return None
    if trial.error is None:
        return f"the provider failed in its answer; {shown(trial.reply)} came back, and nothing was raised"
    if not trial.typed:
        return f"the provider failed in its answer: crashed with {shown(repr(trial.error))}"
    if isinstance(trial.error, HarnessError) and not isinstance(trial.error, ProviderError):
        return f"the provider failed in its answer: raised {type(trial.error).__name__}, no ProviderError"
    if isinstance(trial.error, ProviderError) and trial.served is not None:
        return _same_failure(trial, trial.error)
    return ""


def _same_failure(trial: Trial, error: ProviderError) -> str:
    """Class, status and words are those that the dialect's own reader finds in the answer."""
    assert trial.served is not None
    try:
        trial.question.dialect.read(trial.served)
    except ProviderError as right:
        if right.status is not None and error.status != right.status:
            return f"the error in the answer means status {right.status}, kept is {error.status!r}"
        if not isinstance(error, type(right)):
            return f"the error in the answer is a {type(right).__name__}, raised was {type(error).__name__}"
        if str(right) not in str(error):
            return f"the provider said {str(right)!r}, the error says {shown(str(error))}"
        if "Traceback" in str(error):
            return f"the error holds a traceback: {shown(str(error))}"
    except HarnessError:
        return ""
    return ""


LAWS = (
    Law("E1", "classes: each refusal raises its own class", classes, grade="contract"),
    Law("E2", "no blind retry: a 4xx other than 408 and 429 is asked once", blind, grade="contract"),
    Law("E3", "in the answer: an error under status 200 raises the provider's own class", in_answer),
    Law("E4", "every status, and how long to wait, in seconds or as a date", every_status, grade="contract"),
)
