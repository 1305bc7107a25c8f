"""Answers without a recording: from a script, or made up. Each is marked synthetic, for it proves nothing of a model.

A script is YAML: ``replies`` in the order to be given, then from the first again. One with ``when`` is given to every
request that holds that text instead, and takes no turn.

    replies:
      - {calls: [{name: get_weather, parameters: {city: Paris}}]}
      - {text: It is sunny in Paris.}
      - {when: goodbye, text: Goodbye!}
"""

from __future__ import annotations

import hashlib
import json
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pydantic

from harness.core.chat import Finish, Reply, ToolCall, Usage
from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Exchange, HttpRequest, Provenance, header
from harness.dialects import dialect_at
from harness.dialects.providers import client_quirks
from harness.dialects.registry import read_request
from harness.server.recording_index import RecordedExchange
from harness.server.rules import model_of
from harness.suite.validation_errors import from_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.dialects.dialect import Dialect
    from harness.dialects.wire_profile import WireProfile

_DRAWN = 12
_PLAIN = Reply(text="This answer is synthetic.", finish="stop", usage=Usage(5, 4, 9))
_KEPT = 100


class Call(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    name: str
    parameters: dict[str, Any] = {}
    id: str | None = None


class State(pydantic.BaseModel):
    """What a provider wants back, by the names of ``Reply.state``."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    thinking_blocks: list[dict[str, Any]] = []
    reasoning_content: str = ""
    reasoning_details: list[dict[str, Any]] = []
    responses_items: list[dict[str, Any]] = []
    thought_signatures: list[str] = []
    call_signatures: list[str] = []
    call_state: dict[str, dict[str, Any]] = {}
    custom_calls: list[Any] = []


class ScriptedReply(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    when: str | None = None
    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish: Finish | None = None
    state: State = State()

    @pydantic.model_validator(mode="after")
    def _not_empty(self) -> ScriptedReply:
        if not self.model_fields_set - {"when"}:
            raise ValueError(
                'this reply is empty; give `text`, `calls` or another key (`text: ""` for an empty answer)'
            )
        return self

    def reply(self) -> Reply:
        calls = tuple(
            ToolCall(one.name, one.parameters, one.id or f"call_{index}synth"[:9].ljust(9, "0"))
            for index, one in enumerate(self.calls)
        )
        finish = self.finish or ("tool_calls" if calls else "stop")
        usage = Usage(5, 4, 9)
        return Reply(
            self.text,
            calls,
            finish=finish,
            reasoning=self.reasoning,
            usage=usage,
            state=self.state.model_dump(exclude_unset=True),
        )


class Script(pydantic.BaseModel):
    """Replies to give in turn."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    replies: tuple[ScriptedReply, ...]

    @pydantic.field_validator("replies")
    @classmethod
    def _some(cls, replies: tuple[ScriptedReply, ...]) -> tuple[ScriptedReply, ...]:
        if not replies:
            raise ValueError("a script holds one reply at least")
        return replies


def script(path: Path | str) -> Script:
    """The script in a file. Raises ``UsageError``, all mistakes at once, each with file and line."""
    return from_file(pydantic.TypeAdapter(Script), path)


class Synthetic:
    """Answers from ``choose``, written in the dialect that is asked."""

    def __init__(
        self,
        choose: Callable[[HttpRequest, tuple[str, ...]], list[Reply]],
        quirks: Callable[[HttpRequest, Dialect, Reply], frozenset[str]] | None = None,
    ) -> None:
        self._choose, self._quirks = choose, quirks or (lambda request, dialect, _: _quirks(request, dialect))
        self.recorded: tuple[RecordedExchange, ...] = ()
        self.used: list[int] = []

    def answer(self, request: HttpRequest) -> RecordedExchange:
        dialect = dialect_at(request.url)
        if dialect is None or request.method != "POST":
            raise CassetteMiss(f"nothing is made up for {request.method} {urlsplit(request.url).path}")
        if not _is_object(request.body):
            raise CassetteMiss("nothing is made up for a body that is no JSON object")
        for reply in self._choose(request, dialect.mentions(request).tools):
            try:
                response = dialect.render(
                    reply,
                    stream=_streams(request, dialect),
                    quirks=self._quirks(request, dialect, reply),
                    model=model_of(request) or "model",
                )
            except UsageError:
                continue  # this dialect has no place for such a reply
            return RecordedExchange(Exchange(request, response), "synthetic", 0, Provenance("synthetic", ""))
        raise CassetteMiss(f"the reply that is due can't be written in {dialect.name}")


def scripted(source: Script) -> Synthetic:
    """Answers from a script."""
    turns = [one.reply() for one in source.replies if one.when is None]
    special = [(one.when, one.reply()) for one in source.replies if one.when is not None]
    taken = iter(range(2**62))

    def choose(request: HttpRequest, tools: tuple[str, ...]) -> list[Reply]:
        del tools
        text = _text(request.body)
        for word, reply in special:
            if word in text:
                return [reply]
        return [turns[next(taken) % len(turns)]] if turns else []

    return Synthetic(choose)


def made_up() -> Synthetic:
    """Answers as strange as the strategies draw them, the same for the same request."""
    from harness.strategies.chat import replies  # noqa: PLC0415 - Hypothesis is loaded only for this
    from harness.strategies.sample import sample  # noqa: PLC0415 - as above

    known: dict[tuple[str, ...], list[Reply]] = {}

    def choose(request: HttpRequest, tools: tuple[str, ...]) -> list[Reply]:
        if tools not in known:
            if len(known) >= _KEPT:
                known.clear()
            found = sample(replies(list(tools) or ["tool"]), _DRAWN, len(tools))
            known[tools] = [one for one in found if tools or not one.calls]
        number = int.from_bytes(hashlib.sha256(request.body).digest()[:4], "big")
        drawn_here = known[tools]
        start = number % len(drawn_here) if drawn_here else 0
        return [*drawn_here[start:], *drawn_here[:start], _PLAIN]

    return Synthetic(choose)


def made_like(profiles: Sequence[WireProfile]) -> Synthetic:
    """Answers as the provider of ``profiles`` writes them, each in its dialect, the same for the same request."""
    from harness.strategies.chat import reply_like  # noqa: PLC0415 - Hypothesis is loaded only for this

    known = {one.dialect: one for one in profiles}

    def seeded(request: HttpRequest) -> Random:
        return Random(request.body)  # noqa: S311 - to be repeated

    def choose(request: HttpRequest, tools: tuple[str, ...]) -> list[Reply]:
        dialect = dialect_at(request.url)
        assert dialect is not None  # nothing is chosen for a request of none
        if dialect.name not in known:
            raise CassetteMiss(
                f"no answers like these in the dialect {dialect.name}: the profile is of {', '.join(known)}"
            )
        streams = _streams(request, dialect)
        drawn = reply_like(known[dialect.name], seeded(request), tools, stream=streams)
        return [drawn, _PLAIN]

    def quirks(request: HttpRequest, dialect: Dialect, reply: Reply) -> frozenset[str]:
        return known[dialect.name].quirks_for(seeded(request), reply, stream=_streams(request, dialect))

    return Synthetic(choose, quirks)


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _text(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _streams(request: HttpRequest, dialect: Dialect) -> bool:
    question = read_request(request, dialect)
    return question is not None and question.stream


def _quirks(request: HttpRequest, dialect: Dialect) -> frozenset[str]:
    """What this client's provider does otherwise: Cohere sends lines of JSON to who accepts only JSON, Mistral whole
    calls, which its package relies on.
    """
    if relied := client_quirks(header(request.headers, "user-agent") or ""):
        return relied & dialect.quirks.keys()
    plain = "ndjson" in dialect.quirks and (header(request.headers, "accept") or "") == "application/json"
    return frozenset({"ndjson"}) if plain and _streams(request, dialect) else frozenset()
