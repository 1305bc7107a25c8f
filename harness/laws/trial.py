"""A trial: one question asked of a backend, the bytes it was answered with, and what it made of them.

One trial feeds every law that applies to it, so that one call through litellm serves them all.
"""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from harness.cassette.doors import answering
from harness.errors import CassetteMiss, UsageError
from harness.exchange import Chunk, HttpResponse
from harness.laws.asking import ASKED
from harness.strategies.faults import pieces
from harness.wire import DIALECTS
from harness.wire.dialect import Mentions
from harness.wire.profiles import profile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from harness.chat import Json, Reply
    from harness.exchange import HttpRequest
    from harness.wire.dialect import Dialect

Kind: TypeAlias = Literal["plain", "broken", "cut", "unknown", "written", "prose", "doubled"]
"""``plain``: an answer as it should be. ``broken``: with a call that can't be read. ``cut``: a stream that ends early.
``unknown``: with a call to a tool that was not offered. ``written``: the text is a call as JSON; ``prose``: it only
looks a little like one. ``doubled``: two tools of one name are offered."""


class Complete(Protocol):
    """A backend under test."""

    def __call__(
        self,
        model: str,
        messages: Sequence[Json],
        *,
        tools: Sequence[Mapping[str, Json]] | None = None,
        stream: bool = False,
        **options: Json,
    ) -> Reply: ...


AComplete: TypeAlias = "Callable[..., Awaitable[Reply]]"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the answer to be served: names are the tools' own; the wire's are read off the request.

    ``cuts`` are where the body is cut into chunks. ``cut_at`` is the share of the body after which a ``cut`` stream
    ends. ``past`` says that the conversation holds an earlier call of the first tool, and its result.
    """

    provider: str
    tools: tuple[str, ...]
    reply: Reply
    kind: Kind = "plain"
    stream: bool = False
    quirks: frozenset[str] = frozenset()
    choice: str | None = None
    past: bool = False
    cuts: tuple[int, ...] = ()
    cut_at: float = 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A question and what came of it: exactly one of ``reply`` and ``error`` is set."""

    question: Question
    requests: tuple[HttpRequest, ...]
    mentions: Mentions
    served: HttpResponse | None
    reply: Reply | None
    error: BaseException | None
    untouched: bool

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[profile(self.question.provider).dialect]

    @property
    def wire(self) -> dict[str, str]:
        """Own name → wire name, by the tools' places in the request."""
        return dict(zip(self.question.tools, self.mentions.tools, strict=False))


@dataclass(slots=True)
class _Served:
    """What stood in for the provider: the requests it saw, and what it answered."""

    question: Question
    requests: list[HttpRequest] = field(default_factory=list)
    mentions: Mentions = field(default_factory=Mentions)
    response: HttpResponse | None = None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        dialect = DIALECTS[profile(self.question.provider).dialect]
        self.requests.append(request)
        self.mentions = dialect.mentions(request)
        if self.response is None:
            self.response = served(self.question, dialect, self.mentions.tools)
        return self.response


def tool(name: str) -> dict[str, Json]:
    """A tool in OpenAI's shape that takes any object."""
    parameters = {"type": "object", "properties": {"x": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "description": "A tool.", "parameters": parameters}}


def conversation(question: Question) -> list[dict[str, Json]]:
    messages: list[dict[str, Json]] = [{"role": "user", "content": "Use the tools."}]
    if question.past and question.tools:
        called = {"name": question.tools[0], "arguments": "{}"}
        call = {"id": "call_past1", "type": "function", "function": called}
        messages += [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_past1", "name": question.tools[0], "content": "done"},
            {"role": "user", "content": "Again."},
        ]
    return messages


def served(question: Question, dialect: Dialect, wire_names: Sequence[str]) -> HttpResponse:
    """The bytes that answer: the reply under the names that the tools have on the wire."""
    wire = dict(zip(question.tools, wire_names, strict=False))
    calls = tuple(replace(call, name=wire.get(call.name, call.name)) for call in question.reply.calls)
    errors = tuple(replace(error, name=wire.get(error.name or "", error.name)) for error in question.reply.errors)
    reply = replace(question.reply, calls=calls, errors=errors)
    made = dialect.render(reply, stream=question.stream, quirks=question.quirks)
    if question.kind == "cut":
        body = made.body[: int(len(made.body) * question.cut_at)]
        return replace(made, chunks=(Chunk(body),) if body else ())
    if question.cuts:
        places = sorted({cut % len(made.body) for cut in question.cuts} - {0})
        return replace(made, chunks=tuple(Chunk(piece) for piece in pieces(made.body, places)))
    return made


def ask(question: Question, complete: Complete) -> Trial:
    """Put ``question`` to a backend; whatever it raises is part of the trial, but for a ``UsageError`` of ours."""
    return _ask(question, complete)


def aask(question: Question, acomplete: AComplete) -> Trial:
    """``ask`` for a backend that is awaited, in an event loop of its own."""
    return _ask(question, lambda *given, **options: asyncio.run(_awaited(acomplete(*given, **options))))


async def _awaited(given: Awaitable[Reply]) -> Reply:
    return await given


def _ask(question: Question, complete: Callable[..., Reply]) -> Trial:
    model, fixed = ASKED[question.provider]
    tools = [tool(name) for name in question.tools]
    if question.kind == "doubled":
        tools.append(tool(question.tools[0]))
    options = copy.deepcopy(fixed)
    if question.choice is not None:
        options["tool_choice"] = {"type": "function", "function": {"name": question.choice}}
    messages = conversation(question)
    given = (copy.deepcopy(messages), copy.deepcopy(tools), copy.deepcopy(options))
    stand_in = _Served(question)
    reply, failed = None, None
    with answering(stand_in):
        try:
            reply = complete(model, given[0], tools=given[1] or None, stream=question.stream, **given[2])
        except (KeyboardInterrupt, SystemExit, CassetteMiss):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a backend under test raises is what is judged
            failed = error
    untouched = given == (messages, tools, options)
    return Trial(question, tuple(stand_in.requests), stand_in.mentions, stand_in.response, reply, failed, untouched)


def carried(question: Question) -> bool:
    """Whether the provider's dialect has a place for this reply under these quirks."""
    dialect = DIALECTS[profile(question.provider).dialect]
    try:
        served(question, dialect, question.tools)
    except UsageError:
        return False
    return True
