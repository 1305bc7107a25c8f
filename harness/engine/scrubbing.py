"""Results without secrets: what is reported of a live answer is scrubbed like what is recorded of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from harness.core.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.engine.events import CaseResult


def scrubbed(result: CaseResult, scrub: Callable[[str], str]) -> CaseResult:
    """``result`` with every text in it given to ``scrub``. Exchanges are as they are: the tape has redacted them."""
    made: CaseResult = _scrubbed(result, scrub)
    return made


def _scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Exchange):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(_scrubbed(one, scrub) for one in value)
    if isinstance(value, dict):
        return {_scrubbed(key, scrub): _scrubbed(one, scrub) for key, one in value.items()}
    if isinstance(value, BaseException):
        made = type(value).__new__(type(value))  # not through its own words, which may be other than its message
        made.args = _scrubbed(value.args, scrub)
        vars(made).update({name: _scrubbed(one, scrub) for name, one in vars(value).items()})
        return made
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        return dataclasses.replace(value, **{name: _scrubbed(getattr(value, name), scrub) for name in fields})
    return value
