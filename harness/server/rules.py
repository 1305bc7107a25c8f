"""Rules that break answers: read from a YAML file or from a request's header, and told apart by ``fault``.

    faults:
      - {fault: status, status: 429, retry_after: 1}        the first request; the next gets the recording
      - {fault: cut, call: 1, path: "*/chat/completions"}

A rule applies to ``times`` requests (null: to all) that fit ``path`` and ``model``, after ``skip`` of them were let
through. The first rule that applies is the only one. The header ``x-harness-fault`` holds one rule for its own request:
``reset``, or ``{fault: cut, after: 120}``.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

import pydantic

from harness.core.exchange import HttpRequest, header
from harness.server import fault_injection
from harness.server.outgoing import PlannedResponse
from harness.suite import validation_errors
from harness.suite.loader import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.dialects.dialect import Dialect

_MODEL_IN_PATH = re.compile(r"/models?/([^/:]+)")
Count: TypeAlias = Annotated[int, pydantic.Field(ge=0)]
Seconds: TypeAlias = Annotated[float, pydantic.Field(ge=0, le=600)]
HEADER = "x-harness-fault"


class _Rule(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    instead: ClassVar[bool] = False
    """Whether it answers in the recording's place, which is then still there for the next request."""

    times: Annotated[int, pydantic.Field(ge=1)] | None = 1
    skip: Count = 0
    path: str = "*"
    model: str = "*"

    def on(self, plan: PlannedResponse, dialect: Dialect, /) -> PlannedResponse:
        raise NotImplementedError

    def fits(self, request: HttpRequest) -> bool:
        path = unquote(urlsplit(request.url).path)
        return fnmatch.fnmatchcase(path, self.path) and (
            self.model == "*" or fnmatch.fnmatchcase(model_of(request), self.model)
        )


class Status(_Rule):
    """An error of the provider's, in its own shape."""

    instead = True
    fault: Literal["status"]
    status: Annotated[int, pydantic.Field(ge=400, le=599)] = 500
    retry_after: Seconds | None = None
    message: str = "refused on purpose"

    def on(self, _plan: PlannedResponse, dialect: Dialect, /) -> PlannedResponse:
        return PlannedResponse(dialect.error(self.status, self.message, retry_after=self.retry_after))


class Refused(_Rule):
    """The request is reset, and for ``seconds`` every new connection is refused."""

    instead = True
    fault: Literal["refused"]
    seconds: Seconds = 1.0

    def on(self, _plan: PlannedResponse, _dialect: Dialect, /) -> PlannedResponse:
        return PlannedResponse(None, "refused")


class Reset(_Rule):
    """A TCP reset: before any answer, or after some bytes of the recording's body."""

    fault: Literal["reset"]
    after: Count | None = None

    def on(self, plan: PlannedResponse, _dialect: Dialect, /) -> PlannedResponse:
        return PlannedResponse(None, "reset") if self.after is None else fault_injection.reset(plan, self.after)


class Stall(_Rule):
    """Silence: before any answer, or after some bytes; the connection is dropped after ``seconds``."""

    fault: Literal["stall"]
    after: Count | None = None
    seconds: Seconds = 30.0

    def on(self, plan: PlannedResponse, _dialect: Dialect, /) -> PlannedResponse:
        if self.after is None:
            return PlannedResponse(None, "timeout", seconds=self.seconds)
        return fault_injection.stall(plan, self.after, self.seconds)


class Drip(_Rule):
    """The body, ``size`` bytes every ``seconds``."""

    fault: Literal["drip"]
    size: Annotated[int, pydantic.Field(ge=1)] = 1
    seconds: Seconds = 0.01

    def on(self, plan: PlannedResponse, _dialect: Dialect, /) -> PlannedResponse:
        return fault_injection.drip(plan, self.size, self.seconds)


class Cut(_Rule):
    """The connection closes after ``after`` bytes of the body, or inside the arguments of call number ``call``."""

    fault: Literal["cut"]
    after: Count | None = None
    call: Count | None = None

    @pydantic.model_validator(mode="after")
    def _one_place(self) -> Cut:
        if (self.after is None) == (self.call is None):
            raise ValueError("say where to cut: after (bytes) or call (a number, counted from 0)")
        return self

    def on(self, plan: PlannedResponse, dialect: Dialect, /) -> PlannedResponse:
        if self.after is not None:
            return fault_injection.cut(plan, self.after)
        return fault_injection.cut_in_call(plan, dialect, self.call or 0)


class NoEnd(_Rule):
    """A stream without its last event, such as ``[DONE]``."""

    fault: Literal["no_end"]

    def on(self, plan: PlannedResponse, _dialect: Dialect, /) -> PlannedResponse:
        return fault_injection.without_end(plan)


class Doubled(_Rule):
    """One chunk comes twice."""

    fault: Literal["doubled"]
    chunk: int = 0

    def on(self, plan: PlannedResponse, _dialect: Dialect, /) -> PlannedResponse:
        return fault_injection.doubled(plan, self.chunk)


class Split(_Rule):
    """Other chunk boundaries."""

    fault: Literal["split"]
    size: Annotated[int, pydantic.Field(ge=1)] = 1

    def on(self, plan: PlannedResponse, _dialect: Dialect, /) -> PlannedResponse:
        return fault_injection.split(plan, self.size)


class Malformed(_Rule):
    """A call whose arguments can't be read."""

    fault: Literal["malformed_arguments"]
    call: Count = 0
    raw: str | None = None

    def on(self, plan: PlannedResponse, dialect: Dialect, /) -> PlannedResponse:
        return fault_injection.malformed(plan, dialect, self.call, self.raw)


class UnknownTool(_Rule):
    """A call of a tool that nobody offered."""

    fault: Literal["unknown_tool"]
    call: Count = 0
    name: str = "no_such_tool"

    def on(self, plan: PlannedResponse, dialect: Dialect, /) -> PlannedResponse:
        return fault_injection.renamed(plan, dialect, self.call, self.name)


Rule: TypeAlias = Status | Refused | Reset | Stall | Drip | Cut | NoEnd | Doubled | Split | Malformed | UnknownTool
_RULE: pydantic.TypeAdapter[Rule] = pydantic.TypeAdapter(Annotated[Rule, pydantic.Field(discriminator="fault")])


def model_of(request: HttpRequest) -> str:
    """The model that is asked: from the path, or from the body; ``""`` where neither names one."""
    found = _MODEL_IN_PATH.search(urlsplit(request.url).path)
    if found:
        return unquote(found[1])
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return ""
    return str(body.get("model", "")) if isinstance(body, dict) else ""


class _File(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    faults: tuple[Annotated[Rule, pydantic.Field(discriminator="fault")], ...]


def from_file(path: Path | str) -> tuple[Rule, ...]:
    """The rules in a YAML (or JSON) file. Raises ``UsageError``, all mistakes at once, each with file and line."""
    return validation_errors.from_file(pydantic.TypeAdapter(_File), path).faults


def from_text(text: str) -> Rule:
    """The rule in a header: a name, or a mapping. Raises ``UsageError``."""
    document = read(text.encode("utf-8", "replace"))
    value: Any = document.value
    if isinstance(value, str):
        value = {"fault": value}
    elif isinstance(value, int):
        value = {"fault": "status", "status": value}
    return validation_errors.sound(_RULE, replace(document, value=value), lambda _: f"{HEADER}: ")


class Rules:
    """Rules at work: which of them has been used how often."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._matched = [0] * len(self._rules)

    def rule(self, request: HttpRequest) -> Rule | None:
        """The rule for this request, which then counts as used. Raises ``UsageError`` for a header that is none."""
        own = header(request.headers, HEADER)
        if own is not None:
            return from_text(own)
        for index, rule in enumerate(self._rules):
            if rule.fits(request):
                self._matched[index] += 1
                if self._matched[index] > rule.skip and (
                    rule.times is None or self._matched[index] <= rule.skip + rule.times
                ):
                    return rule
        return None
