"""A trial: one question asked of a backend, the bytes it was answered with, and what it made of them.

One trial feeds every law that applies to it, so that one call through litellm serves them all.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from urllib.parse import urlsplit

from harness.core.chat import Reply
from harness.core.errors import CassetteMiss
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects.dialect import Mentions
from harness.interception.clients import answering
from harness.laws.provider_options import ASKED
from harness.laws.question import conversation, offered, options, served

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest
    from harness.laws.question import Question

BESIDE = 1.0
"""Seconds that a request waits for the one asked at the same time; a backend that makes one after the other is let."""
_TOKENS = "oauth2.googleapis.com"
_TOKEN = HttpResponse(
    200,
    (("content-type", "application/json"),),
    (Chunk(b'{"access_token": "none", "expires_in": 3600, "token_type": "Bearer"}'),),
)
IDLESS = {"gemini", "ollama", "ollama_generate"}
"""Dialects that give calls no ids, but under the quirk ``id``."""


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
class Trial:
    """A question and what came of it: exactly one of ``reply`` and ``error`` is set.

    ``again`` is the answer to the same question put a second time, where calls came without ids; ``beside`` the trial
    of the question that was asked at the same time.
    """

    question: Question
    requests: tuple[HttpRequest, ...]
    mentions: Mentions
    served: HttpResponse | None
    reply: Reply | None
    error: BaseException | None
    untouched: bool
    again: Reply | None = None
    beside: Trial | None = None

    @property
    def wire(self) -> dict[str, str]:
        """Own name → wire name, by the tools' places in the request."""
        return dict(zip(self.question.tools, self.mentions.tools, strict=False))


@dataclass(slots=True)
class _Recorder:
    """A question under way: what the backend was given, and what stood in for the provider saw and answered."""

    question: Question
    together: threading.Barrier | None = None
    requests: list[HttpRequest] = field(default_factory=list)
    mentions: Mentions = field(default_factory=Mentions)
    response: HttpResponse | None = None
    given: tuple[list[Json], list[Json], dict[str, Json]] = field(init=False)

    def __post_init__(self) -> None:
        self.given = self._asked()

    def _asked(self) -> tuple[list[Json], list[Json], dict[str, Json]]:
        fixed = ASKED[self.question.provider][1]
        return (
            conversation(self.question),
            offered(self.question),
            copy.deepcopy({**fixed, **options(self.question)}),
        )

    def answer(self, request: HttpRequest) -> HttpResponse:
        if urlsplit(request.url).hostname == _TOKENS:
            return _TOKEN  # Google's library asks for one, once a process
        first = not self.requests
        self.requests.append(request)
        self.mentions = self.question.dialect.mentions(request)
        if self.response is None:
            self.response = served(self.question, self.mentions.tools)
        if first and self.together is not None:
            self._wait()
        return self.response

    def _wait(self) -> None:
        assert self.together is not None
        try:
            self.together.wait(BESIDE)
        except threading.BrokenBarrierError:
            return

    def put(self, complete: Callable[..., Any]) -> Any:
        messages, tools, more = self.given
        model = ASKED[self.question.provider][0]
        return complete(model, messages, tools=tools or None, stream=self.question.stream, **more)

    def trial(self, reply: Reply | None, error: BaseException | None) -> Trial:
        if error is None and not isinstance(reply, Reply):
            reply, error = None, TypeError(f"a backend returns a Reply, not {reply!r}")
        untouched = self.given == self._asked()
        return Trial(
            self.question, tuple(self.requests), self.mentions, self.response, reply, error, untouched=untouched
        )


def run_trial(question: Question, complete: Complete) -> Trial:
    """Put ``question`` to a backend; whatever it raises is part of the trial."""
    if question.beside is None:
        return _again(_one(question, complete), lambda: _one(question, complete))
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        here = pool.submit(_one, question, complete, barrier)
        there = pool.submit(_one, question.beside, complete, barrier)
        return replace(here.result(), beside=there.result())


def aask(question: Question, acomplete: AComplete, loop: asyncio.Runner | None = None) -> Trial:
    """``ask`` for a backend that is awaited, in ``loop`` or an event loop of its own."""
    return loop.run(_aask(question, acomplete)) if loop else asyncio.run(_aask(question, acomplete))


async def _aask(question: Question, acomplete: AComplete) -> Trial:
    if question.beside is not None:
        here, there = await asyncio.gather(_aone(question, acomplete), _aone(question.beside, acomplete))
        return replace(here, beside=there)
    trial = await _aone(question, acomplete)
    second = await _aone(question, acomplete) if _nameless(trial) else None
    return replace(trial, again=second.reply) if second else trial


def _again(trial: Trial, once_more: Callable[[], Trial]) -> Trial:
    return replace(trial, again=once_more().reply) if _nameless(trial) else trial


def _nameless(trial: Trial) -> bool:
    """Whether calls came without ids, so that the backend had to make some."""
    question = trial.question
    if question.kind != "plain" or not question.reply.calls or trial.reply is None:
        return False
    idless = question.dialect.name in IDLESS and "id" not in question.quirks
    return idless or bool(question.quirks & {"id_missing", "id_empty", "function_call"})


def _one(question: Question, complete: Complete, together: threading.Barrier | None = None) -> Trial:
    sitting = _Recorder(question, together)
    with answering(sitting.answer):
        try:
            return sitting.trial(sitting.put(complete), None)
        except (KeyboardInterrupt, SystemExit, CassetteMiss):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a backend under test raises is what is judged
            return sitting.trial(None, error)


async def _aone(question: Question, acomplete: AComplete) -> Trial:
    sitting = _Recorder(question)
    with answering(sitting.answer):
        try:
            return sitting.trial(await sitting.put(acomplete), None)
        except (KeyboardInterrupt, SystemExit, CassetteMiss, asyncio.CancelledError):
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            return sitting.trial(None, error)
