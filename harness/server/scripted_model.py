"""A scripted model: it solves the tasks of the worlds by rule, answers the package's own questions as they expect to be
answered, and makes chosen mistakes at chosen rates. All of it is marked synthetic.

What it does is known beforehand, so it is a test of cards and evaluations: they must find what it does wrong.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.checks.structure import wants_call
from harness.core.chat import Reply, ToolCall
from harness.core.errors import UsageError
from harness.core.expectation import Expectation
from harness.dialects import dialect_at
from harness.dialects.registry import read_request
from harness.server.expected_answers import USAGE, correct, value
from harness.server.synthetic import Synthetic
from harness.suite import Model, probes
from harness.worlds import WORLDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest
    from harness.dialects.chat_request import ChatRequest
    from harness.suite import Case
    from harness.worlds.world import Plan

MISTAKES: dict[str, str] = {
    "no_json": "text where JSON is asked for",
    "text_when_required": "text although a call is required",
    "wrong_tool": "another tool than the one that is named",
    "missing_call": "one call fewer, where several are due at once",
    "no_call": "text where a call is due",
    "wrong_value": "a text parameter with another value",
    "misfit": "a parameter of a type that the tool does not take",
    "needless_call": "a call where text is due",
    "empty": "nothing at all where text is due",
    "markup": "the markup of a call in the text",
    "thought_alone": "reasoning where text is due, and nothing else",
    "result_unused": "words that say nothing of a tool's result",
    "lost_at_the_end": "the same, after several rounds of calls",
}
"""What the scripted model may do wrong, in the order in which it is tried: one mistake an answer."""
_LOST = "I could not do it."
_OTHER = "something else"
_EVADING = "I would rather talk about it."


class ScriptedModel:
    """Replies to requests of any dialect. ``rates`` has for each mistake the share of the answers that could show it;
    ``chances`` counts those answers, ``made`` the mistakes. Raises ``UsageError`` for an unknown mistake or no share.
    """

    def __init__(self, rates: Mapping[str, float] | None = None) -> None:
        self._rates = dict(rates or {})
        unknown = sorted(self._rates.keys() - MISTAKES.keys())
        if unknown:
            raise UsageError(f"no mistake {', '.join(unknown)}; there are {', '.join(MISTAKES)}")
        invalid = next((name for name, rate in self._rates.items() if not 0 <= rate <= 1), None)
        if invalid:
            raise UsageError(
                f"the rate of {invalid} is {self._rates[invalid]:g}; give a share from 0 to 1, such as 0.25"
            )
        self.chances: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._known: dict[str, list[tuple[Case, int]]] = {}
        for suite in probes((Model(name="scripted", backend="scripted"),)):
            for case in suite.cases:
                for turn, key in enumerate(_keys(case)):
                    self._known.setdefault(key, []).append((case, turn))

    def choose(self, request: HttpRequest, tools: tuple[str, ...]) -> list[Reply]:
        """What `Synthetic` asks: the reply, and a plain one where the dialect can't write it."""
        dialect = dialect_at(request.url)
        question = read_request(request, dialect) if dialect else None
        if question is None:
            return [Reply(text=_LOST, finish="stop", usage=USAGE)]
        with self._lock:
            reply = self._mistaken(*self._right(question, tools), question)
        return [reply, Reply(text=_LOST, finish="stop", usage=USAGE)]

    def _right(self, question: ChatRequest, tools: tuple[str, ...]) -> tuple[Reply, bool]:
        """The right reply, and whether it is due: any other would be wrong."""
        if (planned := _planned(question)) is not None:
            return planned, True
        expect, request = self._expected(question)
        return correct(expect, request, tools), wants_call(expect) is True or expect.text is not None

    def _expected(self, question: ChatRequest) -> tuple[Expectation, dict[str, Json]]:
        """What the question expects, as far as it is one of the package's own."""
        request: dict[str, Json] = {"messages": list(question.messages), "tools": list(question.tools)}
        if question.choice is not None:
            request["tool_choice"] = question.choice
        if question.json is not None:
            request["response_format"] = {"type": "json_schema", "json_schema": {"schema": question.json}}
        found = self._known.get(_key(question.messages), [])
        offered = len(question.tools)
        case, turn = next(((one, at) for one, at in found if len(one.offered) == offered), (None, 0))
        if case is None:
            return Expectation(no_calls=not question.tools), request
        request["tools"] = list(case.offered)  # by their own names: those of the wire are given beside
        own = dict(zip(question.schemas, (tool["function"]["name"] for tool in case.offered), strict=False))
        if isinstance(question.choice, dict):
            name = question.choice["function"]["name"]
            request["tool_choice"] = {"type": "function", "function": {"name": own.get(name, name)}}
        return ([case.expect, *(one.expect for one in case.then)][turn]), request

    def _mistaken(self, reply: Reply, due: bool, question: ChatRequest) -> Reply:
        known = self._known.get(_key(question.messages), ())
        # Anthropic and Bedrock are asked for JSON by a tool that litellm adds.
        by_tool = bool(question.tools) and any(case.return_type == "json" and not case.offered for case, _ in known)
        names = tuple(MISTAKES)
        if by_tool:
            names = ("no_json",)
        elif any(case.then for case, _ in known):
            names = ("lost_at_the_end",)  # one on the way would be counted as that of the whole conversation
        for name in names:
            if name not in self._rates or (wrong := _wrong(name, reply, question, due=due, by_tool=by_tool)) is None:
                continue
            before, self.chances[name] = self.chances[name], self.chances[name] + 1
            rate = self._rates[name]
            if int((before + 1) * rate + 1e-9) > int(before * rate + 1e-9):
                self.made[name] += 1
                return wrong
        return reply


def scripted_model(rates: Mapping[str, float] | None = None) -> Synthetic:
    """The scripted model as a source of answers for the server."""
    return Synthetic(ScriptedModel(rates).choose)


def _text(content: Json) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(one["text"] for one in parts if isinstance(one, dict) and isinstance(one.get("text"), str))


def _key(messages: Sequence[Mapping[str, Json]]) -> str:
    """The words of a conversation's users, and how often the assistant spoke."""
    users = [_text(one.get("content")) for one in messages if one.get("role") == "user"]
    spoke = sum(one.get("role") == "assistant" for one in messages)
    return json.dumps([spoke, *(one for one in users if one)])


def _keys(case: Case) -> Iterator[str]:
    messages = [one.wire() for one in case.messages]
    yield _key(messages)
    for turn in case.then:
        messages += [{"role": "assistant"}, *(one.wire() for one in turn.messages)]
        yield _key(messages)


def _planned(question: ChatRequest) -> Reply | None:
    """The next step of a task in a world; None where no world's rule knows the words."""
    offered = set(question.schemas)
    index = max((n for n, one in enumerate(question.messages) if _is_task(one)), default=None)
    if index is None:
        return None
    task = _text(question.messages[index].get("content"))
    for kind in WORLDS.values():
        if {tool["name"] for tool in kind.tools()} <= offered:
            plans = sorted(
                ((found.start(), rule(found)) for pattern, rule in kind.rules for found in re.finditer(pattern, task)),
                key=lambda one: one[0],
            )
            if plans:
                return _next_step([plan for _, plan in plans], _batches(question.messages[index + 1 :]))
    return None


def _is_task(message: Mapping[str, Json]) -> bool:
    return message.get("role") == "user" and not _text(message.get("content")).startswith("Your call of ")


def _batches(messages: Sequence[Mapping[str, Json]]) -> list[list[Json]]:
    """The results of each answer with calls so far, in the order of the calls."""
    made: list[list[Json]] = []
    for one in messages:
        if one.get("tool_calls"):
            made.append([])
        elif one.get("role") == "tool" and made:
            made[-1].append(_result(_text(one.get("content"))))
    return made


def _result(text: str) -> Json:
    """A tool's result as the world gave it; an API that takes only objects has it inside one."""
    if text[:1] not in {"[", "{"}:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, dict) and len(value) == 1 and (inner := value.get("content", value.get("result"))) is not None:
        return _result(inner) if isinstance(inner, str) else inner
    return value


def _next_step(plans: Sequence[Plan], results: Sequence[Sequence[Json]]) -> Reply:
    """Play the plans with the results so far: the calls that are due, or the last words."""
    left, sentences = iter(results), []
    for plan in plans:
        sent: Any = None
        try:
            while True:
                calls = plan.send(sent)
                if not calls:
                    sent = []
                    continue
                sent = next(left, None)
                if sent is None:
                    made = [ToolCall(name, parameters, f"call{n:05d}") for n, (name, parameters) in enumerate(calls)]
                    return Reply(calls=tuple(made), finish="tool_calls", usage=USAGE)
        except StopIteration as end:
            sentences.append(str(end.value))
        except (LookupError, TypeError, ValueError):
            sentences.append(_LOST)  # a result is none that the rule expects, such as that of a mistaken call
    return Reply(text=" ".join(sentences), finish="stop", usage=USAGE)


def _wrong(name: str, reply: Reply, question: ChatRequest, *, due: bool, by_tool: bool) -> Reply | None:
    """``reply`` with a mistake; None where this answer can't show it. ``due``: another reply would be wrong."""
    if name == "no_json":
        json_requested = by_tool or (question.json is not None and not reply.calls)
        return replace(reply, calls=(), text=_EVADING, finish="stop") if json_requested else None
    if reply.calls:
        return _wrong_calls(name, reply, question, due=due)
    if question.json is not None or not reply.text:
        return None
    if question.messages and question.messages[-1].get("role") == "tool":
        rounds = sum(bool(one.get("tool_calls")) for one in question.messages)
        unused = "lost_at_the_end" if rounds > 1 else "result_unused"
        return replace(reply, text=_EVADING) if due and name == unused else None
    return _wrong_words(name, reply, question)


def _free(question: ChatRequest) -> bool:
    return question.choice in (None, "auto")


def _wrong_words(name: str, reply: Reply, question: ChatRequest) -> Reply | None:
    """Where text is due."""
    if name == "empty":
        return replace(reply, text="")
    if name == "thought_alone":
        return replace(reply, text="", reasoning="I should say something.")
    if name == "markup" and question.tools:
        return replace(reply, text=f'{reply.text} <tool_call>{{"name": "x"}}</tool_call>')
    if name == "needless_call" and question.tools and _free(question):
        return _needless(reply, question)
    return None


def _wrong_calls(name: str, reply: Reply, question: ChatRequest, *, due: bool) -> Reply | None:
    """Where calls are due."""
    calls, text = reply.calls, replace(reply, calls=(), text=_EVADING, finish="stop")
    if name == "text_when_required":
        return text if question.choice == "required" else None
    if name == "missing_call":
        return replace(reply, calls=calls[:-1]) if len(calls) > 1 else None
    if name == "wrong_tool":
        other = next((one for one in question.schemas if one != calls[0].name), None)
        named = isinstance(question.choice, dict)
        return replace(reply, calls=(replace(calls[0], name=other),)) if named and other else None
    if not (due and _free(question) and len(calls) == 1):
        return None
    if name == "no_call":
        return text
    return _altered(reply, question, misfit=name == "misfit") if name in {"wrong_value", "misfit"} else None


def _needless(reply: Reply, question: ChatRequest) -> Reply:
    name, schema = next(iter(question.schemas.items()))
    call = ToolCall(name, value(schema or {"type": "object"}, "it"), "call00009")
    return replace(reply, text="", calls=(call,), finish="tool_calls")


def _altered(reply: Reply, question: ChatRequest, *, misfit: bool) -> Reply | None:
    """The first call with its first text parameter of another value, or of another type."""
    (call,) = reply.calls
    known = (question.schemas.get(call.name) or {}).get("properties") or {}
    for key, argument in call.parameters.items():
        schema = known.get(key) or {}
        if isinstance(argument, str) and schema.get("type") == "string" and "enum" not in schema:
            changed = {**call.parameters, key: 7 if misfit else _OTHER}
            return replace(reply, calls=(replace(call, parameters=changed),))
    return None
