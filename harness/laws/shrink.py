"""Smaller questions that still break a law: what Hypothesis does for drawn ones, done for exemplars."""

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
    parts = (question.tools, question.reply.calls, question.quirks, question.history, question.cuts)
    more = sum(map(bool, (question.choice, question.every, question.beside, question.reply.errors)))
    return sum(map(len, parts)) + more, len(repr(question))


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
    if question.beside is not None:
        yield replace(question, beside=None)
    yield replace(question, cuts=(), every=0)
    yield replace(question, quirks=frozenset())
    yield replace(question, choice=None)
    yield replace(question, history=())
    yield from (replace(question, quirks=question.quirks - {one}) for one in sorted(question.quirks))
    yield from (replace(question, history=tuple(one)) for one in _without_one(question.history))
    for place, name in enumerate(question.tools):
        used = {call.name for call in question.reply.calls} | {error.name for error in question.reply.errors}
        if name not in used and name != question.choice:
            yield replace(question, tools=question.tools[:place] + question.tools[place + 1 :])
    if not question.reply.errors and question.kind != "written":
        yield from (
            replace(question, reply=replace(question.reply, calls=tuple(one))) for one in _fewer_calls(question)
        )
    if question.kind != "written":
        yield from (replace(question, reply=reply) for reply in _smaller_replies(question.reply, question.kind))
    yield from _renamed(question)


def _without_one(values: tuple[Json, ...]) -> Iterator[tuple[Json, ...]]:
    for place in range(len(values)):
        yield values[:place] + values[place + 1 :]


def _fewer_calls(question: Question) -> Iterator[tuple[ToolCall, ...]]:
    least = 1 if question.reply.finish == "tool_calls" else 0
    yield from (calls for calls in _without_one(question.reply.calls) if len(calls) >= least)


def _smaller_replies(reply: Reply, kind: str) -> Iterator[Reply]:
    if reply.reasoning:
        yield replace(reply, reasoning="")
    if reply.text and (reply.calls or reply.errors):
        yield replace(reply, text="")
    if kind == "plain" and len(reply.text) > 1:
        half = len(reply.text) // 2
        yield from (
            replace(reply, text=text) for text in (reply.text[:half], reply.text[half:], reply.text[:-1]) if text
        )
    for place, call in enumerate(reply.calls):
        for parameters in _smaller_values(call.parameters):
            yield replace(
                reply, calls=(*reply.calls[:place], replace(call, parameters=parameters), *reply.calls[place + 1 :])
            )


def _smaller_values(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        if value:
            yield {}
        for key, inner in value.items():
            yield {other: one for other, one in value.items() if other != key}
            yield from ({**value, key: smaller} for smaller in _smaller_values(inner))
    elif isinstance(value, list):
        yield from (list(one) for one in _without_one(tuple(value)))
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
        history=tuple(replace(past, name=other) if past.name == name else past for past in question.history),
        reply=replace(
            reply,
            calls=tuple(replace(call, name=other) if call.name == name else call for call in reply.calls),
            errors=tuple(replace(error, name=other) if error.name == name else error for error in reply.errors),
        ),
    )
