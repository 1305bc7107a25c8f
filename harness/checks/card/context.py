"""What a conformance check looks at: an observation, and the same exchange as the wire has it.

The reference reader of the provider's dialect reads the recorded bytes once; every check compares with that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.chat import Reply
from harness.core.errors import BackendError, HarnessError, ProviderError, StreamCutError, UnreadableReplyError
from harness.core.finding import Finding
from harness.dialects import DIALECTS
from harness.dialects.chat_request import Limits, limits
from harness.dialects.providers import profile
from harness.dialects.registry import read_chat_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harness.core.chat import Json, ToolCall
    from harness.core.exchange import Exchange
    from harness.core.expectation import Expectation
    from harness.core.finding import Blame, Observation
    from harness.dialects.chat_request import ChatRequest
    from harness.dialects.dialect import Mentions
    from harness.dialects.providers import Profile


@dataclass(frozen=True, slots=True)
class CheckContext:
    """``exchange`` is the last chat exchange of the observation, ``place`` its number in the cassette, ``request`` what
    it requests, ``reading`` what the reference reader makes of the answer: a reply, the error that it raises, or None
    where there is no answer to read. ``own`` says that the harness asked, so that the caller's own words are known.
    ``tools`` are the schemas of the offered tools' parameters by the caller's own names, ``wire`` the own name of each
    name on the wire, ``mentions`` every name and id in the request, ``limits`` what the caller set that ends or shapes
    an answer.
    """

    observation: Observation
    expect: Expectation
    profile: Profile
    exchange: Exchange | None = None
    place: int = 0
    request: ChatRequest | None = None
    reading: Reply | HarnessError | None = None
    own: bool = True
    tools: Mapping[str, Json] = field(default_factory=dict)
    wire: Mapping[str, str] = field(default_factory=dict)
    mentions: Mentions | None = None
    limits: Limits = field(default_factory=Limits)
    digest: str = ""
    cited: tuple[int, ...] = ()

    @property
    def both(self) -> tuple[Reply, Reply] | None:
        """The reference reading and the backend's reply, where both read an answer."""
        reply = self.observation.reply
        return (self.reading, reply) if isinstance(self.reading, Reply) and reply is not None else None

    @property
    def infra(self) -> bool:
        """Whether the infrastructure, and not the model, prevented an answer: no status, 429, 5xx."""
        return broke_down(self.observation.error)

    @property
    def request_key(self) -> str:
        """The same for requests of the same bytes to the same URL; ``""`` where nothing was sent."""
        if self.exchange is None:
            return self.digest
        request = self.exchange.request
        return hashlib.sha256(request.url.encode() + b"\n" + request.body).hexdigest()

    @property
    def places(self) -> tuple[int, ...]:
        """Which exchanges of the cassette the observation is of."""
        return self.cited or tuple(place for place, _ in self.observation.exchanges)

    def slim(self) -> CheckContext:
        """All that checks look at once more when every answer is there, without the bytes and the texts."""
        reading = self.reading if isinstance(self.reading, Reply) else None
        observation = self.observation
        if (error := observation.error) is not None:  # its frames hold the answer and all that litellm made of it
            error.__traceback__ = error.__cause__ = error.__context__ = None
        slim = replace(
            observation,
            exchanges=(),
            asked=_STREAMED if observation.asked.get("stream") else _WHOLE,
            reply=None if observation.reply is None else _ANSWER,
            rechunked=(),
        )
        counts = None if reading is None else Reply(usage=reading.usage) if reading.usage else _ANSWER
        return CheckContext(
            slim,
            self.expect,
            self.profile,
            reading=counts,
            own=self.own,
            tools=_NONE,
            wire=_NONE,
            limits=_UNLIMITED,
            digest=self.request_key,
            cited=self.places,
        )

    def own_calls(self, reading: Reply) -> tuple[ToolCall, ...]:
        """The calls of ``reading`` to tools that were offered."""
        return tuple(call for call in reading.calls if call.name in self.wire) if self.wire else reading.calls


# One of each for all answers that are held on to: there may be many thousands.
_ANSWER, _UNLIMITED = Reply(), Limits()
_STREAMED: Mapping[str, Json] = {"stream": True}
_WHOLE: Mapping[str, Json] = {"stream": False}
_NONE: Mapping[str, Json] = {}


def broke_down(error: HarnessError | None) -> bool:
    if not isinstance(error, ProviderError):
        return False
    status = error.status
    return status is None or status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def look(
    observation: Observation, expect: Expectation, *, own: bool = True, question: ChatRequest | None = None
) -> CheckContext:
    """``observation`` with the reference reading of its last chat exchange; ``question`` is what that asked, where it
    is known already.
    """
    rule = profile(observation.model.partition("/")[0])
    offered = [tool.get("function") or {} for tool in observation.asked.get("tools") or ()]
    tools = {tool["name"]: tool.get("parameters") or {} for tool in offered if "name" in tool}
    for place, exchange in reversed(observation.exchanges):
        question = question or read_chat_request(exchange.request)
        if question is not None:
            read = _reading(exchange, question)
            sent = [tool["function"]["name"] for tool in question.tools]  # in the order of the caller's
            mentions = DIALECTS[question.dialect].mentions(exchange.request)
            wire = dict(zip(sent, tools, strict=False)) if own else {name: name for name in sent}
            bounds = limits(question)
            return CheckContext(
                observation, expect, rule, exchange, place, question, read, own, tools, wire, mentions, bounds
            )
    return CheckContext(observation, expect, rule, own=own, tools=tools)


def _reading(exchange: Exchange, question: ChatRequest) -> Reply | HarnessError | None:
    response = exchange.response
    if response is None or response.status >= HTTPStatus.BAD_REQUEST:
        return None
    try:
        return DIALECTS[question.dialect].read(response)
    except StreamCutError as error:
        return error if exchange.complete else None  # a client that left early: what came after is unknown
    except HarnessError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a recording may hold anything, and must not end the card
        return UnreadableReplyError(f"the reference reader fails: {type(error).__name__}: {error}")


Aspect: TypeAlias = Literal["model", "wire", "backend"]


@dataclass(frozen=True, slots=True)
class CardCheck:
    """One check of the catalogue: a short name, and its law in a sentence.

    ``judge`` yields one finding for each thing that it judges, none where it has nothing to say; the findings' own
    ``check`` is filled in. A rate of at least ``threshold`` passes. ``asks`` says of a question whether it was put for
    this check, so that an answer that never came can be counted. ``together`` judges all observations of one model
    at once, beside or instead of each alone.

    ``aspect`` says what a failure is about: the model's answers, the provider's wire, or this backend. ``blame`` is
    whose a failure is where the finding does not say. ``needs`` is what a recording must show to be judged.
    ``streamed`` checks are about streams alone.
    """

    id: str
    name: str
    law: str
    topic: str
    judge: Callable[[CheckContext], Iterable[Finding]] | None = None
    threshold: float = 1.0
    asks: Callable[[CheckContext], bool] | None = None
    together: Callable[[tuple[CheckContext, ...]], Iterable[tuple[CheckContext, Finding]]] | None = None
    note: str = ""
    aspect: Aspect = "backend"
    blame: Blame = "backend"
    needs: str = ""
    streamed: bool = False


def passing(message: str, path: str = "") -> Finding:
    return Finding("", "pass", message, path)


def failed(message: str, path: str = "", *, blame: Blame = "", cause: str = "") -> Finding:
    return Finding("", "fail", message, path, blame=blame, cause=cause)


def quirk(message: str, path: str = "", *, blame: Blame = "") -> Finding:
    return Finding("", "quirk", message, path, blame=blame)


def unsupported(message: str, path: str = "") -> Finding:
    return Finding("", "unsupported", message, path)


def describe(error: BackendError | HarnessError | None) -> str:
    """An error in one line."""
    status = getattr(error, "status", None)
    return f"{type(error).__name__}{f' {status}' if status else ''}: {str(error)[:300]}"


def judged(agree: str | None, message: str, path: str = "", *, blame: Blame = "", cause: str = "") -> Finding:
    """A pass with ``message``, or the failure that ``agree`` describes."""
    return failed(agree, path, blame=blame, cause=cause) if agree else passing(message, path)


def names(mapping: Mapping[str, object] | Iterable[str]) -> str:
    return ", ".join(map(repr, mapping)) or "none"
