"""Smaller questions that still break a law, by what a question is made of: a tool less, a turn less, half a text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.laws.question import carried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.chat import Json, Reply, ToolCall
    from harness.laws.question import Question

TRIES = 150


def size(question: Question) -> tuple[int, int]:
    """Smaller is simpler: fewer tools, calls, quirks and cuts, then shorter names and texts."""
    parts = (
        *(question.tools, question.reply.calls, question.quirks, question.turns, question.history, question.cuts),
        *(question.beside, question.details, question.system, question.options, question.marks, question.allowed),
    )
    more = sum(map(bool, (question.choice, question.word, question.every, question.reply.errors)))
    more += _STRANGER * (question.kind != "plain")
    return sum(map(len, parts)) + more, len(repr(question))


_STRANGER = 2
"""What a kind of question that is not plain counts: how it is answered draws the eye from what is wrong."""


def shrunk(question: Question, breaks: Callable[[Question], bool], tries: int = TRIES) -> Question:
    """The smallest question found, in ``tries`` at most, for which ``breaks`` is still true."""
    best, left = question, tries
    while True:
        for smaller in _smaller(best):
            if size(smaller) >= size(best) or not carried(smaller):
                continue
            if not left:
                return best
            left -= 1
            if breaks(smaller):
                best = smaller
                break
        else:
            return best


def _smaller(question: Question) -> Iterator[Question]:
    """The largest steps first."""
    yield replace(
        question,
        turns=(),
        system=(),
        details=(),
        marks=(),
        options={},
        prompt=_PROMPT,
        beside=(),
        choice=None,
        word=None,
        allowed=(),
    )
    yield replace(question, cuts=(), every=0, quirks=frozenset())
    for parts in ({"beside": ()}, {"turns": (), "prompt": question.prompt or _PROMPT}, {"system": ()}, {"details": ()}):
        yield replace(question, **parts)
    yield replace(question, options={}, choice=None, word=None, allowed=())
    yield replace(question, marks=())
    yield replace(question, allowed=())
    yield from (
        replace(question, marks=(*question.marks[:index], {}, *question.marks[index + 1 :]))
        for index, marks in enumerate(question.marks)
        if marks
    )
    yield replace(question, cuts=(), every=0)
    yield replace(question, quirks=frozenset())
    yield from (replace(question, prompt=one) for one in (_PROMPT, *_less(question.prompt)))
    yield from (replace(question, quirks=question.quirks - {one}) for one in sorted(question.quirks))
    yield from (replace(question, beside=tuple(one)) for one in _without_one(question.beside))
    yield from (replace(question, system=tuple(one)) for one in _without_one(question.system))
    yield from (replace(question, system=tuple(one)) for one in _shorter_texts(question.system))
    yield from (replace(question, turns=tuple(one)) for one in _without_one(question.turns))
    yield from _smaller_turns(question)
    yield from (
        replace(question, options={key: one for key, one in question.options.items() if key != name})
        for name in question.options
    )
    yield from _fewer_tools(question)
    yield from _smaller_details(question)
    if question.kind == "state":
        return  # the state names the calls
    if not question.reply.errors and question.kind != "written":
        yield from (
            replace(question, reply=replace(question.reply, calls=tuple(one))) for one in _fewer_calls(question)
        )
    if question.kind != "written":
        yield from (replace(question, reply=reply) for reply in _smaller_replies(question.reply, question.kind))
    yield from _renamed(question)


_PROMPT = "Hi"


def _fewer_tools(question: Question) -> Iterator[Question]:
    used = {call.name for call in question.reply.calls} | {error.name for error in question.reply.errors}
    needed = used | {question.choice, *question.allowed}
    whole = len(question.details) == len(question.tools)

    def only(indices: list[int]) -> Question:
        details = tuple(question.details[index] for index in indices) if whole else ()
        marks = tuple(question.marks[index] for index in indices if index < len(question.marks))
        return replace(question, tools=tuple(question.tools[index] for index in indices), details=details, marks=marks)

    indices = range(len(question.tools))
    least = [index for index in indices if question.tools[index] in needed] or [0][: len(question.tools)]
    if len(least) < len(question.tools):
        yield only(least)
    for one in indices:
        if question.tools[one] not in needed:
            yield only([index for index in indices if index != one])


def _smaller_details(question: Question) -> Iterator[Question]:
    plain: tuple[str, dict[str, Json]] = ("", {"type": "object", "properties": {}})
    for index, (description, schema) in enumerate(question.details):
        shorter = [(text, schema) for text in _halves(description)]
        simpler = [
            (
                description,
                {**schema, "properties": {key: one for key, one in schema["properties"].items() if key != name}},
            )
            for name in schema.get("properties", ())
            if name not in schema.get("required", ())
        ]
        for made in (plain, (description, plain[1]), *simpler, *shorter):
            if made != (description, schema):
                yield replace(question, details=(*question.details[:index], made, *question.details[index + 1 :]))


def _smaller_turns(question: Question) -> Iterator[Question]:
    for index, turn in enumerate(question.turns):
        made = [replace(turn, calls=tuple(calls)) for calls in _without_one(turn.calls) if calls or turn.answer]
        made += [replace(turn, answer=text) for text in ("", *_halves(turn.answer)) if text or turn.calls]
        made += [replace(turn, user=one) for one in (_PROMPT, *_less(turn.user))]
        for number, past in enumerate(turn.calls):
            smaller = [replace(past, parameters=one) for one in _smaller_values(past.parameters)]
            smaller += [replace(past, result=one) for one in ("done", *_less(past.result))]
            made += [replace(turn, calls=(*turn.calls[:number], one, *turn.calls[number + 1 :])) for one in smaller]
        for one in made:
            if one != turn:
                yield replace(question, turns=(*question.turns[:index], one, *question.turns[index + 1 :]))


def _less(value: Json) -> Iterator[Json]:
    """A part less, or half a text."""
    if isinstance(value, list):
        yield from (list(one) for one in _without_one(tuple(value)) if one)
    yield from _halves(value)


def _halves(text: Json) -> Iterator[str]:
    if isinstance(text, str) and len(text) > 1:
        half = len(text) // 2
        yield text[:half]
        yield text[half:]
        yield text[:-1]


def _shorter_texts(texts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for index, text in enumerate(texts):
        yield from ((*texts[:index], half, *texts[index + 1 :]) for half in _halves(text) if half.strip())


def _without_one(values: tuple[Json, ...]) -> Iterator[tuple[Json, ...]]:
    for index in range(len(values)):
        yield values[:index] + values[index + 1 :]


def _fewer_calls(question: Question) -> Iterator[tuple[ToolCall, ...]]:
    least = 1 if question.reply.finish == "tool_calls" else 0
    yield from (calls for calls in _without_one(question.reply.calls) if len(calls) >= least)


def _smaller_replies(reply: Reply, kind: str) -> Iterator[Reply]:
    for name in ("reasoning", "id", "model", "provider_calls"):
        if getattr(reply, name):
            yield replace(reply, **{name: type(getattr(reply, name))()})
    if len(reply.reasoning) > 1:
        yield from (replace(reply, reasoning=text) for text in _halves(reply.reasoning))
    if len(reply.refusal) > 1:
        yield from (replace(reply, refusal=text) for text in _halves(reply.refusal))
    if reply.text and (reply.calls or reply.errors):
        yield replace(reply, text="")
    if kind == "plain":
        yield from (replace(reply, text=text) for text in _halves(reply.text) if text)
    for index, call in enumerate(reply.calls):
        for parameters in _smaller_values(call.parameters):
            yield replace(
                reply, calls=(*reply.calls[:index], replace(call, parameters=parameters), *reply.calls[index + 1 :])
            )


def _smaller_values(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        if value:
            yield {}
        for key, inner in value.items():
            yield {other: one for other, one in value.items() if other != key}
            yield from ({**value, key: smaller} for smaller in _smaller_values(inner))
    elif isinstance(value, list):
        if len(value) > 1:
            yield value[: len(value) // 2]
        yield from (list(one) for one in _without_one(tuple(value)))
        for index, inner in enumerate(value):
            yield from ([*value[:index], smaller, *value[index + 1 :]] for smaller in _smaller_values(inner))
    elif isinstance(value, str) and len(value) > 1:
        half = len(value) // 2
        yield from (value[:half], value[half:])


def _renamed(question: Question) -> Iterator[Question]:
    """Shorter names, everywhere at once."""
    for name in question.tools:
        for shorter in (name[: len(name) // 2], name[len(name) // 2 :], name[:-1]):
            if shorter and shorter not in question.tools and question.kind != "written":
                yield _with_name(question, name, shorter)


def _with_name(question: Question, name: str, other: str) -> Question:
    reply = question.reply
    return replace(
        question,
        tools=tuple(other if one == name else one for one in question.tools),
        choice=other if question.choice == name else question.choice,
        allowed=tuple(other if one == name else one for one in question.allowed),
        turns=tuple(
            replace(turn, calls=tuple(replace(past, name=other) if past.name == name else past for past in turn.calls))
            for turn in question.turns
        ),
        reply=replace(
            reply,
            calls=tuple(replace(call, name=other) if call.name == name else call for call in reply.calls),
            errors=tuple(replace(error, name=other) if error.name == name else error for error in reply.errors),
        ),
    )
