"""A trial: one question asked of a backend, the bytes it was answered with, and what it made of them.

One trial feeds every law that applies to it, so that one call through litellm serves them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from harness.checks.json_equality import copied, same, snapshot
from harness.core.errors import CassetteMiss, HarnessError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import dialect_at
from harness.dialects.dialect import Mentions
from harness.dialects.registry import read_request
from harness.interception.clients import answering
from harness.laws.complaints import number_differs, reply_complaint
from harness.laws.question import conversation, first_of, next_of, offered, options, served

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from types import FrameType

    from harness.core.chat import Json, Reply
    from harness.core.exchange import Failure, HttpRequest
    from harness.dialects.chat_request import ChatRequest
    from harness.laws.question import Question
    from harness.laws.tested_backend import AComplete, Complete

BESIDE = 0.5
"""Seconds that a request waits for those asked at the same time; a backend that makes one after the other is let."""
_TOKENS = "oauth2.googleapis.com"
_TOKEN = HttpResponse(
    200,
    (("content-type", "application/json"),),
    (Chunk(b'{"access_token": "none", "expires_in": 3600, "token_type": "Bearer"}'),),
)
_HOST = "provider.test"


_T = TypeVar("_T")
Arguments: TypeAlias = "tuple[list[Json], list[Json], dict[str, Json]]"


@dataclass(frozen=True, slots=True)
class Trial:
    """A question and what came of it: one of ``reply`` and ``error`` is set, or neither where no history came.

    ``arguments`` are what the backend was handed, ``pristine`` the same as it was before, ``before`` its snapshot;
    ``untouched`` says that they did not differ while a request was made.

    ``again`` is the answer to the same question put a second time, where calls came without ids; ``beside``
    are the trials of what was asked at the same time. ``litellm`` says that litellm made the request.
    """

    question: Question
    requests: tuple[HttpRequest, ...]
    mentions: Mentions
    served: HttpResponse | None
    reply: Reply | None
    error: BaseException | None
    untouched: bool = True
    again: Reply | None = None
    beside: tuple[Trial, ...] = ()
    litellm: bool = False
    errors: tuple[type[BaseException], ...] = (HarnessError,)
    arguments: Arguments | None = field(default=None, compare=False, repr=False)
    pristine: Arguments | None = field(default=None, compare=False, repr=False)
    before: bytes | None = field(default=None, compare=False, repr=False)
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def wire(self) -> dict[str, str]:
        """Own name → wire name."""
        found: dict[str, str] = self.once(
            "wire", lambda: wire_names(self.question, self.chat_request, self.mentions.tools)
        )
        return found

    @property
    def chat_request(self) -> ChatRequest | None:
        """The first request, as the dialect's own reader reads it."""
        made: ChatRequest | None = self.once("chat_request", self._chat_request)
        return made

    def _chat_request(self) -> ChatRequest | None:
        return _read(self.requests[0], self.question) if self.requests else None

    @property
    def typed(self) -> bool:
        """Whether an error is one of those that the backend says it raises."""
        return isinstance(self.error, self.errors)

    @property
    def declined(self) -> bool:
        """Whether the question was refused before anything was sent, by the name of an option that it has."""
        if self.error is None or self.requests or not self.typed:
            return False
        words, question = str(self.error), self.question
        requested = options(question).keys() - ({"tool_choice"} if question.choice is not None else set())
        return any(name in words for name in requested)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """``make()``, called the first time that ``name`` is asked for."""
        if name not in self.memo:
            self.memo[name] = make()
        return self.memo[name]

    def changed_since(self) -> bool:
        """Whether what the backend was handed is by now not what it was."""
        return not same(self.pristine, self.arguments, self.before)


def _read(request: HttpRequest, question: Question) -> ChatRequest | None:
    return read_request(request, dialect_at(request.url) or question.dialect)


def wire_names(question: Question, request: ChatRequest | None, names: Sequence[str]) -> dict[str, str]:
    """Own name → wire name, by the tools' descriptions where each has its own, else by their places."""
    if request is not None and len(question.details) == len(question.tools) == len(request.tools):
        sent = {one["function"].get("description"): one["function"]["name"] for one in request.tools}
        expected = [description for description, _ in question.details]
        if len(sent) == len(expected) == len(set(expected)) and set(expected) == sent.keys():
            return {name: sent[one] for name, one in zip(question.tools, expected, strict=True)}
    return dict(zip(question.tools, names, strict=False))


@dataclass(slots=True)
class _UnderWay:
    """A question under way: what the backend was given, and what stood in for the provider saw and answered."""

    question: Question
    host: str = _HOST
    errors: tuple[type[BaseException], ...] = (HarnessError,)
    together: threading.Barrier | None = None
    requests: list[HttpRequest] = field(default_factory=list)
    read: dict[str, Any] = field(default_factory=dict)
    mentions: Mentions = field(default_factory=Mentions)
    response: HttpResponse | Failure | None = None
    arguments: Arguments = field(init=False)
    pristine: Arguments = field(init=False)
    before: bytes | None = field(init=False)
    untouched: bool = True
    litellm: bool = False

    def __post_init__(self) -> None:
        self.pristine = self._arguments()
        self.before = snapshot(self.pristine)
        self.arguments = copied(self.pristine, self.before)

    def _arguments(self) -> Arguments:
        fixed = dict(self.question.profile.options)
        made = {
            key: value.replace(_HOST, self.host) if isinstance(value, str) else value for key, value in fixed.items()
        }
        return conversation(self.question), offered(self.question), {**made, **options(self.question)}

    def answer(self, request: HttpRequest) -> HttpResponse | Failure:
        if urlsplit(request.url).hostname == _TOKENS:
            return _TOKEN  # Google's library asks for one, once a process
        first = not self.requests
        self.requests.append(request)
        if first:
            self.untouched = same(self.pristine, self.arguments, self.before)
            self.litellm = _litellm_asks()
            self.mentions = (dialect_at(request.url) or self.question.dialect).mentions(request)
            read = _read(request, self.question)
            self.read = {"chat_request": read, "wire": wire_names(self.question, read, self.mentions.tools)}
            self.response = served(self.question, self.read["wire"])
            if self.together is not None:
                with contextlib.suppress(threading.BrokenBarrierError):
                    self.together.wait(BESIDE)
        assert self.response is not None
        return self.response

    def put(self, complete: Callable[..., Any]) -> Any:
        messages, tools, more = self.arguments
        model = self.question.profile.model
        return complete(model, messages, tools=tools or None, stream=self.question.stream, **more)

    def trial(self, reply: Reply | None, error: BaseException | None) -> Trial:
        if error is None and (wrong := reply_complaint(reply)):
            reply, error = None, TypeError(wrong)
        return Trial(
            self.question,
            tuple(self.requests),
            self.mentions,
            self.response if isinstance(self.response, HttpResponse) else None,
            reply,
            error,
            untouched=self.untouched and same(self.pristine, self.arguments, self.before),
            litellm=self.litellm,
            errors=self.errors,
            arguments=self.arguments,
            pristine=self.pristine,
            before=self.before,
            memo=dict(self.read),
        )


_mine: ContextVar[_UnderWay | None] = ContextVar("harness_under_way", default=None)


@dataclass(slots=True)
class _Group:
    """Questions that are asked at the same time, one answerer for all: a backend may ask from threads of its own."""

    members: list[_UnderWay]

    def __call__(self, request: HttpRequest) -> HttpResponse | Failure:
        host = urlsplit(request.url).hostname
        named = [one for one in self.members if one.host == host]
        own = _mine.get()
        fresh = [one for one in self.members if not one.requests]
        return (named or ([own] if own in self.members else fresh) or self.members)[0].answer(request)


def _group(question: Question, errors: tuple[type[BaseException], ...], *, threads: bool) -> _Group:
    together = threading.Barrier(1 + len(question.beside)) if question.beside and threads else None
    together_with = (question, *question.beside)
    if len(together_with) == 1:
        return _Group([_UnderWay(question, errors=errors)])
    return _Group([_UnderWay(one, f"q{index}.{_HOST}", errors, together) for index, one in enumerate(together_with)])


def run_trial(
    question: Question, complete: Complete, errors: tuple[type[BaseException], ...] = (HarnessError,)
) -> Trial:
    """Put ``question`` to a backend; what it raises is part of the trial. ``errors`` are its own exception classes.

    The trial of a ``state`` question is that of its second request. Where the answer to its first was read wrongly it
    is that of the first, or of nothing where the backend may not know ``origin``.
    """
    return _finished(_Asker(complete, errors).ask(question))


def aask(
    question: Question,
    acomplete: AComplete,
    loop: asyncio.Runner | None = None,
    errors: tuple[type[BaseException], ...] = (HarnessError,),
) -> Trial:
    """``run_trial`` for a backend that is awaited, in ``loop`` or an event loop of its own."""
    asked = _Asker(acomplete, errors, awaited=True).ask(question)
    if question.beside and question.together:
        return _finished(asked)  # each of them has a loop of its own
    return loop.run(asked) if loop else asyncio.run(asked)


def _finished(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine returns that awaits nothing, run without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # as the coroutine is declared
    raise AssertionError("it awaits something")


@dataclass(frozen=True, slots=True)
class _Asker:
    """A backend and its own exception classes. A coroutine of one that is not ``awaited`` awaits nothing."""

    complete: Complete | AComplete
    errors: tuple[type[BaseException], ...]
    awaited: bool = False

    async def ask(self, question: Question) -> Trial:
        if question.kind != "state":
            return await self._trial(question)
        first = await self.ask(first_of(question))
        answer = _came_back(first, question)
        if answer is None:
            return _without_history(first, question)
        return replace(await self._trial(next_of(question, answer)), question=question)

    async def _trial(self, question: Question) -> Trial:
        threads = question.together == "threads" or not (question.together or self.awaited)
        group = _group(question, self.errors, threads=threads)
        with answering(group):
            trial, *others = await self._at_once(group, question.together)
        if others:
            return replace(trial, beside=tuple(others))
        if not _nameless(trial):
            return trial
        second = _group(question, self.errors, threads=False)
        with answering(second):
            return replace(trial, again=(await self._one(second.members[0])).reply)

    async def _at_once(self, group: _Group, together: str) -> list[Trial]:
        """From a pool or as tasks of one loop, each from a thread that was made for it, or one after the other."""
        asked = [self._one(one) for one in group.members]
        if len(asked) == 1:
            return [await asked[0]]
        if self.awaited and not together:
            return await asyncio.gather(*asked)
        run: Callable[[Coroutine[Any, Any, Trial]], Trial] = asyncio.run if self.awaited else _finished
        if together == "loops":
            return [run(one) for one in asked]

        def in_thread(one: Coroutine[Any, Any, Trial]) -> Trial:
            with answering(group):
                return run(one)

        if not together:
            with ThreadPoolExecutor(len(asked)) as pool:
                return list(pool.map(in_thread, asked))
        made: dict[int, Trial] = {}
        threads = [
            threading.Thread(target=lambda n=n, one=one: made.update({n: in_thread(one)}))
            for n, one in enumerate(asked)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [made[n] for n in range(len(asked))]

    async def _one(self, under_way: _UnderWay) -> Trial:
        token = _mine.set(under_way)
        try:
            reply = under_way.put(self.complete)
            return under_way.trial(await reply if self.awaited else reply, None)
        except KeyboardInterrupt:
            raise
        except CassetteMiss as error:
            return under_way.trial(None, RuntimeError(f"it asked where nobody answers: {error}"))
        except BaseException as error:  # whatever a backend under test raises is what is judged
            if self.awaited and isinstance(error, asyncio.CancelledError):
                raise
            return under_way.trial(None, error)
        finally:
            _mine.reset(token)


def _came_back(first: Trial, question: Question) -> Reply | None:
    """The reply, if text and calls are those that were drawn, each call with an id of its own."""
    reply, drawn = first.reply, question.reply
    if reply is None or reply.errors or reply.text != drawn.text or number_differs(drawn.calls, reply.calls):
        return None
    try:
        distinct = {call.id for call in reply.calls if call.id}
        return reply if len(distinct) == len(drawn.calls) and reply.message else None
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError):  # other laws say what is wrong with it
        return None


def _without_history(first: Trial, question: Question) -> Trial:
    if question.origin == question.provider:
        return first
    return replace(first, question=question, requests=(), mentions=Mentions(), reply=None, error=None, memo={})


def _nameless(trial: Trial) -> bool:
    """Whether calls came without ids, so that the backend had to make some."""
    question = trial.question
    if question.kind != "plain" or not question.reply.calls or trial.reply is None:
        return False
    idless = not question.dialect.facts.call_ids and "id" not in question.quirks
    return idless or bool(question.quirks & {"id_missing", "id_empty", "function_call"})


def _litellm_asks() -> bool:
    """Whether litellm is among the callers of this request."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the callers' modules, without a traceback's cost
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == "litellm":
            return True
        frame = frame.f_back
    return False
