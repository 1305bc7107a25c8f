"""A question to put to a backend, and the answer to be served: everything is known before it is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import AliasChoices, Field

from harness.checks.json_equality import copied, same
from harness.core.chat import CallError, Json, Reply, Usage
from harness.core.errors import UsageError
from harness.core.exchange import Chunk, Failure, HttpResponse, lazy
from harness.dialects import DIALECTS
from harness.dialects.providers import profile
from harness.strategies.wire import pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from harness.core.chat import ToolCall
    from harness.dialects.dialect import Dialect
    from harness.dialects.providers import Profile

Kind: TypeAlias = Literal[
    "plain",
    "broken",
    "cut",
    "unknown",
    "written",
    "prose",
    "answer",
    "doubled",
    "unfit",
    "refused",
    "failed",
    "unreachable",
    "state",
]
"""``plain``: an answer as it should be. ``broken``: with a call that can't be read. ``cut``: its bytes end early.
``unknown``: with a call to a tool that was not offered. ``written``: the text is wholly its calls, as JSON; ``prose``:
it only looks a little like one; ``answer``: JSON was asked for, and came. ``doubled``: two tools of one name are
offered. ``unfit``: the conversation holds what some provider refuses. ``refused``: an error status; ``failed``: an
error under status 200; ``unreachable``: no connection. ``state``: what ``origin`` answered, with all that it wants
back, is the history of the question.
"""
Unfit: TypeAlias = Literal[
    "", "lone result", "second result", "blank user", "blank assistant", "blank system", "nameless"
]
"""What an ``unfit`` conversation holds: a result without its call, two of one call, a message without a visible
character, an earlier call without a tool's name.
"""
_NO_DETAIL: tuple[str, dict[str, Json]] = ("", {})


@dataclass(frozen=True, slots=True)
class History:
    """An earlier call in the conversation, and its result: of a tool that is offered still, or is no more. The id may
    be another provider's.
    """

    name: str
    id: str
    parameters: dict[str, Json] = field(default_factory=lambda: {"x": "1"})
    result: Json = "done"


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user said (a text, or a list of parts), what the assistant answered, and the calls that it made."""

    user: Json = "Use the tools; answer in JSON."
    answer: Annotated[str, Field(validation_alias=AliasChoices("answer", "said"))] = ""
    calls: tuple[History, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the answer to be served: names are the tools' own; the wire's are read off the request.

    ``details`` are a description and a schema for each tool, by place, ``marks`` what else is asked for it. ``prompt``
    is the last that the user says; without it the conversation ends in a tool's result. ``choice`` names a tool,
    ``word`` is a word in its place, of the tools ``allowed`` where there are such.
    ``cuts`` are where the body is cut into chunks, ``every`` cuts it after each so many bytes. ``cut_at`` is the
    share of the body after which a ``cut`` one ends. ``beside`` are asked at the same time, of any provider and in any
    mode: as tasks of one loop where the backend is awaited, else from a pool; ``together`` from new ``threads``, each
    with a loop of its own where it is awaited, or one after the other, each in a loop of its own (``loops``).
    ``status`` and ``retry_after`` (seconds, or a date) are those of a ``refused`` one, a ``failed`` one may name a wait
    as well. ``raws`` are texts that arguments equal to them are sent as, where the wire has them as text.
    ``reply`` of a ``state`` one is the answer of ``origin``; ``before`` are messages that follow what is asked.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    provider: str
    tools: tuple[str, ...]
    reply: Reply
    kind: Kind = "plain"
    stream: bool = False
    quirks: frozenset[str] = frozenset()
    choice: str | None = None
    turns: tuple[Turn, ...] = ()
    cuts: tuple[int, ...] = ()
    every: int = 0
    cut_at: float = 1.0
    beside: tuple[Question, ...] = ()
    together: Literal["", "threads", "loops"] = ""
    raws: tuple[str, ...] = ()
    details: tuple[tuple[str, dict[str, Json]], ...] = ()
    marks: tuple[dict[str, Json], ...] = ()
    system: tuple[str, ...] = ()
    prompt: Annotated[Json, Field(validation_alias=AliasChoices("prompt", "asked"))] = "Use the tools; answer in JSON."
    word: str | None = None
    allowed: tuple[str, ...] = ()
    options: dict[str, Json] = field(default_factory=dict)
    unfit: Unfit = ""
    status: int = 200
    retry_after: str = ""
    origin: str = ""
    before: tuple[dict[str, Json], ...] = ()
    memo: dict[str, HttpResponse] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def profile(self) -> Profile:
        return profile(self.provider)

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[self.profile.dialect]

    @property
    def images(self) -> frozenset[str]:
        """The ways in which what is asked may hold images: as ``data``, by ``url``; with ``detail`` where each may say
        in which detail it is to be read.
        """
        facts, own = self.dialect.facts, self.profile.images
        ways = facts.images if own is None else own
        return ways | {"detail"} if ways and facts.image_details else ways

    @property
    def history(self) -> tuple[History, ...]:
        """All earlier calls, in order."""
        return tuple(call for turn in self.turns for call in turn.calls)


def offered(question: Question) -> list[dict[str, Json]]:
    """The tools as the caller gives them, in OpenAI's shape. Their schemas are the question's own: see ``copied``."""
    made = [
        tool(name, *(question.details[index] if index < len(question.details) else _NO_DETAIL))
        for index, name in enumerate(question.tools)
    ]
    spaces: list[str] = [""] * len(made)
    for index, (one, marks) in enumerate(zip(made, question.marks, strict=False)):
        if "custom" in marks:
            made[index] = _custom(one["function"], marks["custom"])
            continue
        spaces[index] = marks.get("namespace", "")
        strict = {"strict": marks["strict"]} if "strict" in marks else {}
        one["function"] |= strict
        one |= {mark: value for mark, value in marks.items() if mark not in (*strict, "namespace")}
    found = [*made, *(made[:1] if question.kind == "doubled" else ())]
    searched = any(marks.keys() & _LATER for marks in question.marks) and question.dialect.facts.tool_search
    return [*_in_namespaces(found, spaces), *([dict(searched)] if searched else ())]


_LATER = frozenset({"defer_loading", "namespace"})
"""Marks of tools that a search of the provider's loads."""


def _custom(function: dict[str, Json], form: dict[str, Json]) -> dict[str, Json]:
    """A custom tool as chat completions offer it."""
    grammar = {key: one for key, one in form.items() if key != "type"}
    text_format = {"type": "grammar", "grammar": grammar} if grammar else dict(form)
    return {
        "type": "custom",
        "custom": {"name": function["name"], "description": function["description"], "format": text_format},
    }


def _in_namespaces(tools: list[dict[str, Json]], spaces: list[str]) -> Iterator[dict[str, Json]]:
    """The tools in order, neighbours of one namespace in it, as Responses has them."""
    spaces += [""] * (len(tools) - len(spaces))
    for space, group in groupby(zip(tools, spaces, strict=True), key=lambda pair: pair[1]):
        inner = [one for one, _ in group]
        if space:
            flat = [{**one["function"], **{key: one[key] for key in one if key != "function"}} for one in inner]
            yield {"type": "namespace", "name": space, "description": namespace_description(space), "tools": flat}
        else:
            yield from inner


def namespace_description(namespace: str) -> str:
    """The description of a namespace."""
    return f"All of {namespace}."


def functions(tools: Iterable[dict[str, Json]]) -> Iterator[dict[str, Json]]:
    """What is described in ``tools``: functions, those in namespaces too, and custom tools, which have no schema."""
    for one in tools:
        inner = one.get("tools") if one.get("type") == "namespace" else [one.get("function") or one.get("custom")]
        yield from (described for described in inner or () if described)


def custom(question: Question) -> frozenset[str]:
    """The custom tools: their calls have one text, ``input``."""
    return frozenset(name for name, marks in zip(question.tools, question.marks, strict=False) if "custom" in marks)


def known_marks(question: Question) -> tuple[str, ...]:
    """What may be asked for a tool of the provider's beside its schema."""
    return (*question.dialect.facts.tool_marks, *question.profile.tool_marks)


def _is_text(parameters: Mapping[str, Json]) -> bool:
    return parameters.keys() == {"input"} and isinstance(parameters["input"], str)


def tool(name: str, description: str = "", schema: dict[str, Json] | None = None) -> dict[str, Json]:
    """A tool in OpenAI's shape: one that takes any object, unless told otherwise."""
    parameters = schema or {"type": "object", "properties": {"x": {"type": "string"}}}
    function = {"name": name, "description": description or "A tool.", "parameters": parameters}
    return {"type": "function", "function": function}


def options(question: Question) -> dict[str, Json]:
    """What is asked for beside messages and tools."""
    made: dict[str, Json] = dict(question.options)
    if question.choice is not None:
        made["tool_choice"] = {"type": "function", "function": {"name": question.choice}}
    elif question.word is not None and question.allowed:
        listed = [{"type": "function", "function": {"name": name}} for name in question.allowed]
        made["tool_choice"] = {"type": "allowed_tools", "allowed_tools": {"mode": question.word, "tools": listed}}
    elif question.word is not None:
        made["tool_choice"] = question.word
    if question.kind == "answer":
        made.setdefault("response_format", {"type": "json_object"})
    # The others tell their counts unasked, and litellm refuses to ask for them.
    on_request = question.dialect.facts.counts_on_request and not question.profile.counts_unasked
    if question.stream and on_request:
        made["stream_options"] = {"include_usage": True}
    return made


def conversation(question: Question) -> list[dict[str, Json]]:
    """The messages: what the system and the user say, earlier turns with their calls and results, the last question."""
    messages: list[dict[str, Json]] = [{"role": "system", "content": text} for text in question.system]
    for turn in question.turns:
        messages.append({"role": "user", "content": turn.user})
        if turn.calls:
            calls = [_call(past, custom(question)) for past in turn.calls]
            messages.append({"role": "assistant", "content": turn.answer or None, "tool_calls": calls})
            messages += [
                {"role": "tool", "tool_call_id": past.id, "name": past.name, "content": past.result}
                for past in turn.calls
            ]
        elif turn.answer:
            messages.append({"role": "assistant", "content": turn.answer})
    messages += _unfit(question.unfit)
    if question.prompt or not question.turns:
        messages.append({"role": "user", "content": question.prompt or "Go on."})
    return [*messages, *map(copied, question.before)]


def _call(past: History, textual: frozenset[str]) -> dict[str, Json]:
    if past.name in textual and _is_text(past.parameters):
        return {"id": past.id, "type": "custom", "custom": {"name": past.name, **past.parameters}}
    arguments = json.dumps(past.parameters, ensure_ascii=False)
    return {"id": past.id, "type": "function", "function": {"name": past.name, "arguments": arguments}}


def first_of(question: Question) -> Question:
    """The question to ``origin``, whose answer is the history of a ``state`` one."""
    return replace(question, provider=question.origin, kind="plain", origin="")


def next_of(question: Question, answer: Reply) -> Question:
    """A ``state`` question with what ``origin`` answered, and the results of its calls."""
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"done {n}"} for n, call in enumerate(answer.calls)]
    return replace(question, reply=_END, before=(answer.message, *results))


_END = Reply("End.", finish="stop", usage=Usage(1, 2, 3))


def _unfit(kind: Unfit) -> list[dict[str, Json]]:
    call = {"id": "call_Zq81bQ", "type": "function", "function": {"name": "get_x", "arguments": "{}"}}
    if kind == "nameless":
        call["function"] = {"name": "", "arguments": "{}"}
    called = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "done"}
    blank = {"role": kind.removeprefix("blank "), "content": " \n"}
    made = {"": [], "lone result": [result], "second result": [called, result, result], "nameless": [called, result]}
    return copied(made.get(kind, [blank]))  # type: ignore[no-any-return] # as it was given


def served(question: Question, wire: Mapping[str, str]) -> HttpResponse | Failure:
    """The bytes that answer: the reply under the names that the tools have on the wire (own → wire)."""
    if question.kind == "unreachable":
        return Failure("refused", "nobody listens there")
    if question.kind == "refused":
        return _refused(question)
    made = rendered(question, wire)
    if question.kind == "failed":
        return _waiting(made, question)
    if question.kind == "cut":
        body = made.body[: int(len(made.body) * question.cut_at)]
        return replace(made, chunks=(Chunk(body),) if body else ())
    body = made.body
    size = len(body)
    if question.every == 1:
        return _cut(made, lambda: tuple(map(_ONE_BYTE.__getitem__, body)))
    offsets = {cut % size for cut in question.cuts} if size else set()
    if question.every:
        offsets |= set(range(question.every, size, question.every))
    if not offsets - {0}:
        return made
    return _cut(made, lambda: tuple(map(Chunk, pieces(body, sorted(offsets - {0})))))


_ONE_BYTE = tuple(Chunk(bytes((byte,))) for byte in range(256))


def _cut(made: HttpResponse, chunks: Callable[[], tuple[Chunk, ...]]) -> HttpResponse:
    """``made`` cut into ``chunks`` when somebody looks at them: a reader of its body has no use for thousands."""
    return lazy(HttpResponse, chunks, status=made.status, headers=made.headers, _body=made.body)


def _refused(question: Question) -> HttpResponse:
    return _waiting(question.dialect.error(question.status, "refused on purpose"), question)


def _waiting(made: HttpResponse, question: Question) -> HttpResponse:
    waiting = (("retry-after", question.retry_after),) if question.retry_after else ()
    return replace(made, headers=(*made.headers, *waiting))


def rendered(question: Question, wire: Mapping[str, str]) -> HttpResponse:
    """The whole answer. Raises ``UsageError`` where the dialect has no place for it. Under the tools' own names it is
    written once: whatever draws a question sees that it can be written.
    """
    named: list[ToolCall | CallError] = [*question.reply.calls, *question.reply.errors]
    if any(wire.get(one.name or "", one.name) != one.name for one in named):
        return _rendered(question, wire)
    if "rendered" not in question.memo:
        question.memo["rendered"] = _rendered(question, wire)
    return question.memo["rendered"]


def _rendered(question: Question, wire: Mapping[str, str]) -> HttpResponse:
    calls = tuple(replace(call, name=wire.get(call.name, call.name)) for call in question.reply.calls)
    errors = tuple(replace(error, name=wire.get(error.name or "", error.name)) for error in question.reply.errors)
    if question.raws:
        raws = [_as_sent(call, index, question.raws) for index, call in enumerate(calls)]
        calls = tuple(call for call, raw in zip(calls, raws, strict=True) if raw is None)
        errors += tuple(raw for raw in raws if raw is not None)
    reply = replace(question.reply, calls=() if question.kind == "written" else calls, errors=errors)
    own = custom(question)
    texts = [call.id for call in question.reply.calls if call.name in own and _is_text(call.parameters)]
    if texts:
        reply = replace(reply, state={**reply.state, "custom_calls": texts})
    # litellm asks an Ollama on this machine about a model that it does not know, so it is called what was asked for.
    model = question.profile.model.partition("/")[2]
    return question.dialect.render(reply, stream=question.stream, quirks=question.quirks, model=model)


def _as_sent(call: ToolCall, index: int, raws: tuple[str, ...]) -> CallError | None:
    """A good call whose arguments are sent as one of these texts, as the renderers have it: with a raw text."""
    raw = next((one for one in raws if same(json.loads(one), call.parameters)), None)
    return None if raw is None else CallError("unknown_tool", "", raw, call.name, call.id, index)


def carried(question: Question) -> bool:
    """Whether the provider's dialect has a place for this reply under these quirks, and its bytes tell it."""
    if question.kind in {"refused", "unreachable"}:
        return all(map(carried, question.beside))
    if question.kind == "state":
        return carried(first_of(question))
    quirks = question.quirks
    if question.kind == "failed" and not quirks & question.dialect.failures.keys():
        return False  # nothing in its bytes fails
    if question.kind == "unknown" and "namespace" in quirks:
        return False  # the provider's own search loaded the tool: it is not unknown
    endless = "no_done" in quirks and quirks & {"finish_null", "finish_empty"}
    doubled = "id_same" in quirks and quirks & {"index_missing", "index_minus_one"}
    if question.stream and (endless or doubled):
        return False  # the quirks contradict one another
    try:
        rendered(question, {})
    except UsageError:
        return False
    return all(map(carried, question.beside))
