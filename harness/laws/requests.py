"""The laws of requests: what the caller asked is what goes out, read by the dialect's own reader and compared whole."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from harness.checks.json_equality import difference, same
from harness.core.finding import count
from harness.dialects import DIALECTS, dialect_at
from harness.laws.complaints import differ, shown
from harness.laws.failures import may_retry
from harness.laws.law import Law
from harness.laws.question import conversation, functions, known_marks, namespace_description, offered
from harness.laws.schemas import schema_complaint
from harness.laws.turns import RESULTS, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.core.chat import Json
    from harness.dialects.chat_request import ChatRequest
    from harness.laws.trial import Trial

_SYSTEM = {"system", "developer"}


class Piece(NamedTuple):
    """A part of a conversation: what a role says, an earlier call's arguments, or a result's text."""

    kind: str
    value: Json


def _requested(judge: Callable[[Trial, ChatRequest], str | None]) -> Callable[[Trial], str | None]:
    """A judgement over the request that went out; None where none did or nobody reads it."""

    def law(trial: Trial) -> str | None:
        request = trial.chat_request
        return None if request is None or trial.question.kind == "doubled" else judge(trial, request)

    return law


def texts(content: Json) -> str:
    """All the text of a message's content."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def pieces(messages: Iterable[dict[str, Json]], *, separate_images: bool = False) -> list[Piece]:
    """A conversation without the borders of its messages: texts of one role that follow one another are one, unless
    an image stands between them. With ``separate_images`` images are behind their message's text, and of no known type.
    """
    made: list[Piece] = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if role in RESULTS:
            made.append(Piece("result", texts(content)))
            made += [Piece(_SHOWN_RESULT, url) for url in _images(content)]
            continue
        kind = "system" if role in _SYSTEM else str(role)
        parts = content if isinstance(content, list) and not separate_images else (content,)
        for one in parts:
            text = texts([one] if isinstance(one, dict) else one)
            if text and made and made[-1].kind == kind and kind != "system":
                made[-1] = Piece(kind, made[-1].value + text)
            elif text:
                made.append(Piece(kind, text))
            made += [Piece(f"{kind} image", _bare(url) if separate_images else url) for url in _images(one)]
        made += [Piece("call", _argued(call)) for call in message.get("tool_calls") or ()]
    return made


def _argued(call: dict[str, Json]) -> Json:
    """The arguments of an earlier call as JSON text; those of a custom tool's in an object of their own kind."""
    arguments = (
        call["function"]["arguments"] if call.get("function") else json.dumps({"input": call["custom"]["input"]})
    )
    return f'{{"custom": {arguments}}}' if call.get("type") == "custom" else arguments


def _images(content: Json) -> list[str]:
    """The URLs of the images of a message's content, or of a part of it, each with the detail that it is asked in."""
    parts = content if isinstance(content, list) else [content]
    urls = [part.get("image_url") for part in parts if isinstance(part, dict)]
    return [_url(one) if isinstance(one, dict) else str(one) for one in urls if one is not None]


def _url(shown: dict[str, Json]) -> str:
    detail = shown.get("detail")  # "auto" is what no detail means
    return f"{shown.get('url')}" if detail in (None, "auto") else f"{shown.get('url')} in detail {detail!r}"


def _bare(url: str) -> str:
    return f"data:;base64,{url.rpartition(';base64,')[2]}"


_SHOWN_RESULT = "image of a result"


def original_messages(trial: Trial) -> list[dict[str, Json]]:
    """The conversation as the caller handed it over."""
    return trial.pristine[0] if trial.pristine is not None else conversation(trial.question)


def _both(trial: Trial, request: ChatRequest) -> tuple[list[Piece], list[Piece]]:
    def make() -> tuple[list[Piece], list[Piece]]:
        separate = DIALECTS[request.dialect].facts.separate_images
        original = original_messages(trial)
        return pieces(original, separate_images=separate), pieces(request.messages, separate_images=separate)

    found: tuple[list[Piece], list[Piece]] = trial.once("pieces", make)
    return found


_WIRED = {"call", "result", _SHOWN_RESULT}


def messages(trial: Trial, request: ChatRequest) -> str | None:
    if trial.question.kind == "state":
        return None  # T6 and T7 have it
    if DIALECTS[request.dialect].facts.tools_in_prompt:
        return _in_prompt(trial, request)
    expected, found = _both(trial, request)
    if expected == found:
        return ""
    systems = [[one.value for one in side if one.kind == "system"] for side in (expected, found)]
    if systems[0] != systems[1]:
        return _lists("system prompt", *systems)
    one, other = ([piece for piece in side if piece.kind != "system"] for side in (expected, found))
    images = [[piece.value for piece in side if piece.kind.endswith(" image")] for side in (one, other)]
    if images[0] != images[1]:
        return _lists("image", *images)
    spoken = [[(piece.kind, piece.value) for piece in side if piece.kind not in _WIRED] for side in (one, other)]
    if spoken[0] != spoken[1]:
        return _lists("message", *spoken)
    order = [[piece.kind for piece in side] for side in (one, other)]
    counted = sorted(order[0]) == sorted(order[1])
    return f"messages went out in the order {order[1]}, not {order[0]}" if counted and order[0] != order[1] else ""


def _lists(what: str, expected: Sequence[Json], found: Sequence[Json]) -> str:
    if len(expected) != len(found):
        return f"{count(len(expected), what)} given, {len(found)} went out: {shown(list(found))}"
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        complaint = differ(f"{what} {number}", one, other)
        if complaint:
            return complaint.replace("came back", "went out")
    return ""


def _in_prompt(trial: Trial, request: ChatRequest) -> str:
    """Every text stands in the prompt, in order."""
    prompt, at = "".join(texts(one.get("content")) for one in request.messages), 0
    for message in original_messages(trial):
        parts = message["content"] if isinstance(message["content"], list) else [{"text": message["content"]}]
        for part in parts:
            found = prompt.find(part["text"].strip(), at)
            if found < 0:
                return f"{shown(part['text'])} is not in the prompt, or out of order"
            at = found
    return ""


def history(trial: Trial, request: ChatRequest) -> str | None:
    if not trial.question.history:
        return None
    expected, found = _both(trial, request)
    for kind in ("call", "result", _SHOWN_RESULT):
        one, other = ([piece.value for piece in side if piece.kind == kind] for side in (expected, found))
        if len(one) != len(other):
            return f"the conversation holds {count(len(one), f'earlier {kind}')}, {len(other)} went out"
        for number, (here, there) in enumerate(zip(one, other, strict=True)):
            complaint = _arguments(here, there) if kind == "call" else _result(trial, here, there)
            if complaint:
                return f"earlier {kind} {number}: {complaint}"
    return ""


def _json(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError, TypeError):
        return _NO_JSON


_NO_JSON = object()


def _arguments(one: str, other: Json) -> str:
    if one == other:
        return ""
    there = _json(other)
    if there is _NO_JSON:
        return f"its arguments are no JSON: {shown(other)}"
    return differ("the arguments", json.loads(one), there).replace("came back", "went out")


def _result(trial: Trial, one: str, other: str) -> str:
    blank = trial.question.dialect.facts.refuses_blank_text and not one.strip() and not other.strip()
    if one == other or blank:
        return ""
    if trial.chat_request is not None and DIALECTS[trial.chat_request.dialect].facts.object_results:
        here, there = _json(one), _json(other)
        if here is not _NO_JSON and there is not _NO_JSON and same(here, there):
            return ""
    return differ("the result", one, other).replace("came back", "went out")


def tools(trial: Trial, request: ChatRequest) -> str | None:
    question = trial.question
    if DIALECTS[request.dialect].facts.tools_in_prompt:
        prompt = "".join(texts(one.get("content")) for one in request.messages)
        lost = [name for name in question.tools if name not in prompt]
        return f"tools {lost} are not in the prompt" if lost else ""
    if len(request.tools) != len(question.tools):
        return f"{count(len(question.tools), 'tool')} offered, {len(request.tools)} sent"
    by_name = {one["function"]["name"]: one["function"] for one in request.tools}
    if len(by_name) != len(request.tools):
        return None  # N2 has it
    wire = trial.wire
    for own in functions(trial.pristine[1] if trial.pristine is not None else offered(question)):
        sent = by_name.get(wire.get(own["name"], ""), {})
        complaint = differ(f"the description of {own['name']!r}", own["description"], sent.get("description"))
        if complaint:
            return complaint.replace("came back", "went out")
        if "parameters" not in own:
            continue  # a custom tool has none
        complaint = schema_complaint(own["parameters"], sent.get("parameters"), request.dialect)
        if complaint:
            return f"the schema of {own['name']!r}: {complaint}"
    return _marks(trial, request)


def _marks(trial: Trial, request: ChatRequest) -> str:
    """What is asked for a tool beside its schema, where the API knows such a thing."""
    sent = {one["function"]["name"]: one for one in request.tools}
    for name, marks in zip(trial.question.tools, trial.question.marks, strict=False):
        expected = {mark: value for mark, value in marks.items() if mark in known_marks(trial.question)}
        if "namespace" in expected:
            expected["namespace_description"] = namespace_description(marks["namespace"])
        for mark, value in expected.items():
            found = sent.get(trial.wire.get(name, ""), {}).get(mark)
            if difference(value, found, "unordered") is not None:
                return f"{mark} of {name!r} is {value!r}, {found!r} was sent"
    return ""


def choice(trial: Trial, request: ChatRequest) -> str | None:
    question = trial.question
    parallel = question.options.get("parallel_tool_calls")
    if question.choice is None and question.word is None and parallel is None:
        return None
    if DIALECTS[request.dialect].facts.tools_in_prompt:
        return None
    if question.allowed:
        return _narrowed(trial, request)
    if question.choice is not None and not isinstance(request.choice, dict):
        return f"tool_choice names {question.choice!r}, {request.choice!r} was sent"
    word = None if question.word == "auto" else question.word
    if question.choice is None and word not in (None, request.choice):
        return f"tool_choice is {question.word!r}, {request.choice!r} was sent"
    if question.choice is None and question.word in (None, "auto") and request.choice not in (None, "auto"):
        return f"tool_choice is {question.word!r}, {request.choice!r} was sent"
    found = request.body.get("parallel_tool_calls", request.parallel)
    if parallel is not None and found is not None and found is not parallel:
        return f"parallel_tool_calls is {parallel!r}, {found!r} was sent"
    # A choice of none has no field for it on Anthropic's wire (its SDK's ToolChoiceNoneParam), and no call to count.
    if parallel is False and request.parallel is None and request.choice != "none":
        return "parallel_tool_calls is False, nothing of it was sent"
    return ""


def _narrowed(trial: Trial, request: ChatRequest) -> str:
    question = trial.question
    narrowed = {trial.wire.get(name, name) for name in question.allowed}
    if set(request.allowed) != narrowed:
        return f"the choice is narrowed to {sorted(narrowed)}, {sorted(request.allowed)} were sent"
    single = question.word == "required" and len(narrowed) == 1  # which names that tool
    if request.choice != question.word and not single:
        return f"tool_choice is {question.word!r} of some tools, {request.choice!r} was sent"
    return ""


_MODEL = re.compile(r"\w+/(?:converse/|invoke/|responses/)?\*(?::\d+)?")
"""A model's id with what was sent for it as *: behind the provider and a route, before a version in a URL's path."""
_ADDED = {"max_tokens"}
"""Options that a wire wants even where the caller gives none."""


def options(trial: Trial, request: ChatRequest) -> str | None:
    question = trial.question
    if request.stream != question.stream:
        return f"stream is {question.stream}, {request.stream} was sent"
    model = question.profile.model
    if not request.model or not _MODEL.fullmatch(model.replace(request.model, "*", 1)):
        return f"the model {model!r} was asked for, {request.model!r} was sent"
    expected = {name: value for name, value in question.options.items() if name in _OPTIONS}
    for name, value in expected.items():
        found = request.options.get(name)
        listed = [value] if name == "stop" and isinstance(value, str) else value
        if not (same(value, found) or same(listed, found) or (name not in _WHOLE and _one_number(value, found))):
            return f"{name} is {value!r}, {found!r} was sent"
    added = sorted(request.options.keys() - expected.keys() - _ADDED)
    if added:
        return f"{added[0]} was not asked for, {request.options[added[0]]!r} was sent"
    return _form(trial, request)


_OPTIONS = frozenset({"temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty", "frequency_penalty"})


_WHOLE = frozenset({"max_tokens", "seed"})
"""Options that are integers: 16.0 is refused there. JSON has one type for the others' numbers, whose 1 is 1.0."""


def _one_number(one: Json, other: Json) -> bool:
    return type(one) in (int, float) and type(other) in (int, float) and one == other


def _form(trial: Trial, request: ChatRequest) -> str:
    """JSON is asked for where the caller asks, with the caller's schema."""
    question = trial.question
    if DIALECTS[request.dialect].facts.tools_in_prompt:
        return ""  # litellm asks for JSON there wherever tools are offered
    if question.kind != "answer":
        return "JSON was asked for, and not by the caller" if request.json is not None else ""
    form = question.options.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema") or {}
    if request.json is None:
        return "JSON was asked for by the caller, and not of the provider"
    if not same(schema, request.json):
        return f"the answer's schema {shown(schema)} went out as {shown(request.json)}"
    expected = {key: one for key, one in (form.get("json_schema") or {}).items() if key != "schema"}
    return differ("the answer's form", expected, request.json_marks, "unordered") if request.json_marks else ""


def once(trial: Trial) -> str | None:
    if trial.question.kind in {"doubled", "unreachable"}:
        return None  # what nobody listens to is no request
    if trial.reply is None and trial.error is None:
        return None
    if trial.error is not None and not trial.requests:
        declined = trial.declined or (trial.question.kind == "unfit" and trial.typed)
        return None if declined else f"nothing was asked: raised {shown(repr(trial.error))}"
    # litellm asks an Ollama about its models, too
    number = sum(dialect_at(request.url) is not None for request in trial.requests)
    if trial.question.kind == "refused" and number > 1 and not may_retry(trial.question.status):
        return None  # E2 has it
    return "" if number == 1 else f"one question made {number} requests"


LAWS = (
    Law(
        "Q1",
        "messages: every message goes out, in order, with its role, its text and its images",
        _requested(messages),
    ),
    Law(
        "Q2",
        "tools: every tool goes out, with its description, schema and what else is asked of it",
        _requested(tools),
    ),
    Law(
        "Q3",
        "choice: tool_choice, allowed tools and parallel_tool_calls go out, or are refused",
        _requested(choice),
        grade="contract",
    ),
    Law(
        "Q4",
        "options: model, stream, limits, sampling and JSON mode go out, and no others",
        _requested(options),
        grade="contract",
    ),
    Law("Q5", "history: earlier calls and results go out, in order and whole", _requested(history)),
    Law("Q6", "once: one question makes one request", once, grade="contract"),
    Law(
        "Q7",
        "fit: a conversation that the provider refuses goes out mended, or is refused first",
        fit,
        grade="contract",
    ),
)
