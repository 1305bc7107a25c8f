"""What a suite could expect so that a surviving mutant is noticed, in the true words of the recorded answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.core.chat import Json, Reply
    from harness.core.errors import HarnessError
    from harness.mutation.mutant import About

_LONGEST = 200


def hint(about: About, reply: Reply | None, error: HarnessError | None) -> str:
    """An expectation as a suite writes it. ``reply`` and ``error`` are what the recording decodes to."""
    if about == "request":
        return "the request is compared without this: see `ignore` and `match_function` in pyproject.toml"
    if about == "status" or reply is None:
        return _error(error)
    if about == "finish":
        return f"finish: {reply.finish}" if reply.finish else "the answer names no finish reason, which nothing expects"
    if about == "text":
        return _text(reply)
    calls = _calls(reply, parameters=about != "calls")
    return (
        calls
        if about != "all"
        else f"{_text(reply) if reply.text or not reply.calls else calls}, finish: {reply.finish}"
    )


def _error(error: HarnessError | None) -> str:
    if error is None:
        return "nothing that a suite can expect tells this"
    kind, status = type(error).__name__, getattr(error, "status", None)
    told = f"type: {kind}, status: {status}" if status else f"type: {kind}"
    return f"error: {{{told}, contains: {_short(str(error))}}}"


def _text(reply: Reply) -> str:
    return f"text: {{exact: {_short(reply.text)}}}"


def _calls(reply: Reply, *, parameters: bool) -> str:
    if not reply.calls:
        return "no_calls: true"
    made = [{"name": call.name, **({"parameters": call.parameters} if parameters else {})} for call in reply.calls]
    return f"calls: {_short(made)}"


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
