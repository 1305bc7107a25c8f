"""How an answer ended: its finish reason, or the error that came in its place."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.checks.json_equality import shown
from harness.core import errors
from harness.core.expectation import ErrorExpectation
from harness.core.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.expectation import Expectation
    from harness.core.finding import Verdict
    from harness.core.observation import Observation


def finish(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.finish``."""
    reply = observation.reply
    if expect.finish is None or reply is None:
        return
    wanted = (expect.finish,) if isinstance(expect.finish, str) else expect.finish
    said = f"the answer ended with {reply.finish or 'no reason'}"
    if reply.finish in wanted:
        yield Finding("finish", "pass", said)
    else:
        own = f" (the provider's word: {reply.raw_finish!r})" if reply.raw_finish else ""
        yield Finding("finish", "fail", f"{said}{own}, not with {' or '.join(wanted)}")


def error(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.error``; and where none is expected, that none came."""
    got = observation.error
    if expect.error is None:
        if got is not None:
            yield Finding("error", _verdict(got), f"{_described(got)}; no error was expected")
        return
    wanted = ErrorExpectation(type=expect.error) if isinstance(expect.error, str) else expect.error
    name = wanted.type if wanted.status is None else f"{wanted.type} with status {wanted.status}"
    if got is None:
        yield Finding("error", "fail", f"the model answered, {name} was expected")
        return
    kind = getattr(errors, wanted.type)
    fits = isinstance(got, kind) and wanted.status in {None, getattr(got, "status", None)}
    yield Finding("error", "pass" if fits else "fail", f"{_described(got)}; {name} was expected")
    pieces = (wanted.contains,) if isinstance(wanted.contains, str) else wanted.contains
    for piece in pieces:
        if piece not in str(got):
            yield Finding("error", "fail", f"{shown(piece)} is not in {_described(got)}", "contains")


def _described(got: errors.HarnessError) -> str:
    status = getattr(got, "status", None)
    return f"{type(got).__name__}{f' {status}' if status else ''}: {got}"


def _verdict(got: errors.HarnessError) -> Verdict:
    """What an error that nobody expected says of the model: nothing, where it never got to answer."""
    if isinstance(got, errors.UnsupportedError):
        return "unsupported"
    if isinstance(got, errors.ProviderError):
        status = got.status
        if status is None or status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return "infra"
    return "fail"
