"""How old a recording may be: a policy for each suite, and the age counted from the recording itself."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from collections.abc import Mapping  # noqa: TC003 - field types of a public value
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.core.chat import Json

AgeVerdict: TypeAlias = Literal["fresh", "old", "expired", "undated"]
_DAYS = re.compile(r"([0-9]{1,5})d")


@dataclass(frozen=True, slots=True)
class Expiry:
    """From how many days on a recording is ``warn``-ed of, and from how many it ``fail``-s; None for never."""

    warn: int | None = None
    fail: int | None = None

    def judge(self, days: int | None) -> AgeVerdict:
        """What an age in days amounts to; None is the age of a recording without a date."""
        if days is None:
            return "undated"
        if self.fail is not None and days >= self.fail:
            return "expired"
        return "old" if self.warn is not None and days >= self.warn else "fresh"


@dataclass(frozen=True, slots=True)
class Policy:
    """An expiry for every suite, and others for some by name (``*`` and ``?`` as in a shell; the first that fits)."""

    all: Expiry = Expiry()
    suites: Mapping[str, Expiry] = field(default_factory=dict)

    def of(self, suite: str) -> Expiry:
        return next((one for name, one in self.suites.items() if fnmatch.fnmatchcase(suite, name)), self.all)


def policy(table: Json, key: str) -> Policy:
    """The policy in ``{warn: "90d", fail: "365d", suites: {tools: {fail: "30d"}}}``. Raises ``UsageError``."""
    if not isinstance(table, dict):
        raise UsageError(f'{key} must be a table, such as {{warn = "90d", fail = "365d"}}')
    suites = table.get("suites", {})
    if not isinstance(suites, dict):
        raise UsageError(f"{key}.suites must be a table of suites")
    for_all = _expiry({name: value for name, value in table.items() if name != "suites"}, key)
    return Policy(for_all, {name: _expiry(one, f"{key}.suites.{name}") for name, one in suites.items()})


def days(recorded: str, now: dt.datetime) -> int | None:
    """The age in whole days at ``now``; None for what has no date."""
    try:
        at = dt.datetime.fromisoformat(recorded)
    except ValueError:
        return None
    return (now - (at if at.tzinfo else at.replace(tzinfo=dt.UTC))).days


def _expiry(table: Json, key: str) -> Expiry:
    if not isinstance(table, dict):
        raise UsageError(f'{key} must be a table, such as {{warn = "90d", fail = "365d"}}')
    found = {}
    for name, value in table.items():
        if name not in {"warn", "fail"}:
            raise UsageError(f"{key} has no key {name!r}; it knows warn, fail and suites")
        if not isinstance(value, str) or not (match := _DAYS.fullmatch(value)):
            raise UsageError(f'{key}.{name} must be a number of days, such as "90d", not {value!r}')
        found[name] = int(match[1])
    made = Expiry(**found)
    if made.warn is not None and made.fail is not None and made.warn > made.fail:
        raise UsageError(f"{key} warns after {made.warn} days, which is later than it fails ({made.fail})")
    return made
