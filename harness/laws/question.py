"""A question to put to a backend, and the answer to be served: everything is known before it is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.errors import UsageError
from harness.core.exchange import Chunk
from harness.dialects import DIALECTS
from harness.dialects.providers import profile
from harness.laws.provider_options import ASKED
from harness.strategies.corruption import pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.chat import Json, Reply
    from harness.core.exchange import HttpResponse
    from harness.dialects.dialect import Dialect
    from harness.dialects.providers import Profile

Kind: TypeAlias = Literal["plain", "broken", "cut", "unknown", "written", "prose", "answer", "doubled"]
"""``plain``: an answer as it should be. ``broken``: with a call that can't be read. ``cut``: its bytes end early.
``unknown``: with a call to a tool that was not offered. ``written``: the text is wholly its calls, as JSON; ``prose``:
it only looks a little like one; ``answer``: JSON was asked for, and came. ``doubled``: two tools of one name are
offered.
"""


@dataclass(frozen=True, slots=True)
class History:
    """An earlier call in the conversation, and its result: of a tool that is offered still, or is no more. The id may
    be another provider's.
    """

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the answer to be served: names are the tools' own; the wire's are read off the request.

    ``cuts`` are where the body is cut into chunks, ``every`` cuts it after each so many bytes. ``cut_at`` is the
    share of the body after which a ``cut`` one ends. ``beside`` is asked at the same time.
    """

    provider: str
    tools: tuple[str, ...]
    reply: Reply
    kind: Kind = "plain"
    stream: bool = False
    quirks: frozenset[str] = frozenset()
    choice: str | None = None
    history: tuple[History, ...] = ()
    cuts: tuple[int, ...] = ()
    every: int = 0
    cut_at: float = 1.0
    beside: Question | None = None

    @property
    def profile(self) -> Profile:
        return profile(self.provider)

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[self.profile.dialect]


def offered(question: Question) -> list[dict[str, Json]]:
    """The tools as the caller gives them, in OpenAI's shape."""
    names = [*question.tools, *(question.tools[:1] if question.kind == "doubled" else ())]
    return [tool(name) for name in names]


def tool(name: str) -> dict[str, Json]:
    """A tool that takes any object."""
    parameters = {"type": "object", "properties": {"x": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "description": "A tool.", "parameters": parameters}}


def options(question: Question) -> dict[str, Json]:
    """What is asked for beside messages and tools."""
    made: dict[str, Json] = {}
    if question.choice is not None:
        made["tool_choice"] = {"type": "function", "function": {"name": question.choice}}
    if question.kind == "answer":
        made["response_format"] = {"type": "json_object"}
    # The others tell their counts unasked, and litellm refuses to ask for them.
    if question.stream and question.dialect.name == "openai" and question.provider != "mistral":
        made["stream_options"] = {"include_usage": True}
    return made


def conversation(question: Question) -> list[dict[str, Json]]:
    """The messages: a question; where there is a history, the calls that it led to, their results, and another."""
    messages: list[dict[str, Json]] = [{"role": "user", "content": "Use the tools; answer in JSON."}]
    if question.history:
        calls = [
            {"id": past.id, "type": "function", "function": {"name": past.name, "arguments": '{"x": "1"}'}}
            for past in question.history
        ]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages += [
            {"role": "tool", "tool_call_id": past.id, "name": past.name, "content": "done"} for past in question.history
        ]
        messages.append({"role": "user", "content": "Again."})
    return messages


def served(question: Question, wire_names: Sequence[str]) -> HttpResponse:
    """The bytes that answer: the reply under the names that the tools have on the wire."""
    made = rendered(question, dict(zip(question.tools, wire_names, strict=False)))
    if question.kind == "cut":
        body = made.body[: int(len(made.body) * question.cut_at)]
        return replace(made, chunks=(Chunk(body),) if body else ())
    size = len(made.body)
    places = {cut % size for cut in question.cuts} if size else set()
    if question.every:
        places |= set(range(question.every, size, question.every))
    if not places - {0}:
        return made
    return replace(made, chunks=tuple(Chunk(piece) for piece in pieces(made.body, sorted(places - {0}))))


def rendered(question: Question, wire: Mapping[str, str]) -> HttpResponse:
    """The whole answer. Raises ``UsageError`` where the dialect has no place for it."""
    calls = tuple(replace(call, name=wire.get(call.name, call.name)) for call in question.reply.calls)
    errors = tuple(replace(error, name=wire.get(error.name or "", error.name)) for error in question.reply.errors)
    reply = replace(question.reply, calls=() if question.kind == "written" else calls, errors=errors)
    # litellm asks an Ollama on this machine about a model that it does not know, so it is called what was asked for.
    model = ASKED[question.provider][0].partition("/")[2]
    return question.dialect.render(reply, stream=question.stream, quirks=question.quirks, model=model)


def carried(question: Question) -> bool:
    """Whether the provider's dialect has a place for this reply under these quirks, and its bytes tell it."""
    quirks = question.quirks
    endless = "no_done" in quirks and quirks & {"finish_null", "finish_empty"}
    doubled = "id_same" in quirks and quirks & {"index_missing", "index_minus_one"}
    if question.stream and (endless or doubled):
        return False  # the quirks contradict one another
    try:
        rendered(question, {})
    except UsageError:
        return False
    return question.beside is None or carried(question.beside)
