"""Questions to put to a backend, drawn by a seeded generator: names, conversation, reply, quirks, cuts and damage."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any, get_args

from harness.core.chat import CallError, ProviderCall, Reply, ToolCall, Usage
from harness.dialects import DIALECTS
from harness.dialects.providers import PROFILES, profile
from harness.laws import state, values
from harness.laws.known_faults import left_out
from harness.laws.provider_options import addressable, options_for
from harness.laws.question import History, Question, Turn, Unfit, carried, custom, known_marks
from harness.laws.values import one_in
from harness.strategies import material
from harness.strategies.chat import reply_like

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Finish, Json
    from harness.dialects.wire_profile import WireProfile
    from harness.laws.question import Kind

PROSE = (
    'Sure: {"name": "%s", "arguments": {"x": "1"}}',
    '{"name": "%s", "arguments": {"x": "1"}} would be the call.',
    'I would call {"name": "%s"} next.',
    'First ```json\n{"name": "%s", "arguments": {}}\n``` and then more.',
    '{"answer": 42}',
    '{"name": "%s"}',
    "[1, 2, 3]",
    "[]",
    '{"name": "someone else", "arguments": {}}',
    '{"name": "Ada", "parameters": {"age": 36}}',
    '[{"name": "%s", "arguments": {}}, 5]',
    '{"name": "%s", "arguments": {}} {"name": "%s", "arguments": {}}',
)
_STRANGE = ("no_such_tool", "python", "a/b", "a__b", "web_search")
STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)
WAITS = ("", "1", "30", "0.5", "Wed, 21 Oct 2065 07:28:00 GMT")
UNFIT = tuple(kind for kind in get_args(Unfit) if kind)
_TRIES = 40


def kinds(provider: str) -> list[Kind]:
    """The kinds of question that fit a provider."""
    facts = DIALECTS[profile(provider).dialect].facts
    made: list[Kind] = ["plain", "cut", "written", "prose", "doubled", "refused", "failed", "unreachable", "state"]
    # /api/generate knows no tools: litellm writes them into the prompt, where no name is renamed or read off.
    if not facts.tools_in_prompt:
        made += ["unknown", "unfit"]
        if facts.object_arguments != "always":
            made.append("broken")
    if profile(provider).json_beside_tools:
        made.append("answer")
    return made


def questions(provider: str, *, stream: bool, seed: str = "", like: WireProfile | None = None) -> Iterator[Question]:
    """Questions without end that fit the provider and mode, with answers ``like`` a profile's where one is given; the
    same ones for the same seed.
    """
    number = 0
    while True:
        rng = Random(f"{provider} {stream} {seed} {number}")  # noqa: S311 - to be repeated
        yield question_of(provider, rng, stream=stream, like=like)
        number += 1


_WEIGHTS: dict[Kind, int] = {"plain": 20, "broken": 6, "unknown": 3, "cut": 2}


@cache
def _weighted(provider: str) -> tuple[Kind, ...]:
    return tuple(kind for kind in kinds(provider) for _ in range(_WEIGHTS.get(kind, 1)))


def question_of(provider: str, rng: Random, *, stream: bool, like: WireProfile | None = None) -> Question:
    """One question of any kind; over half of them plain."""
    for _ in range(_TRIES):
        made = _question(provider, rng, stream=stream, like=like)
        if carried(made):
            return made
    return Question(provider, ("get_x",), Reply(text="hi", finish="stop", usage=Usage(1, 1, 2)), stream=stream)


def _question(provider: str, rng: Random, *, stream: bool, like: WireProfile | None) -> Question:
    kind = rng.choice(_weighted(provider))
    if kind == "state":
        return state.drawn(rng, provider, stream=stream)
    textual = DIALECTS[profile(provider).dialect].facts.tools_in_prompt
    names = [values.legal_name(rng)] if textual else values.names(rng, provider)
    reply = _reply(rng, kind, names, profile(provider).dialect)
    if like is not None and kind == "plain":
        reply = reply_like(like, rng, names, stream=stream, text=values.spoken, parameters=values.parameters)
    question = Question(provider, tuple(names), reply, kind, stream)
    if kind in {"plain", "broken", "unknown"}:
        if like is not None:
            quirks = like.quirks_for(rng, reply, stream=stream) - left_out(provider)
            question = replace(question, quirks=quirks)
        elif one_in(rng, 2):
            question = replace(question, quirks=_quirks(rng, provider))
    question = _of_kind(rng, question)
    if like is None and one_in(rng, 3):
        question = replace(question, reply=_worded(rng, question))
    return _with_other_tools(rng, _beside(rng, _in_other_forms(rng, _with_conversation(rng, question))))


def _in_other_forms(rng: Random, question: Question) -> Question:
    """Now and then with a call's arguments as a text that Python would not write, where the wire has them as text."""
    calls, objects = question.reply.calls, {"always", "" if question.stream else "whole"}
    if question.kind != "plain" or not calls or question.dialect.facts.object_arguments in objects or rng.randrange(6):
        return question
    raw, index = values.object_text(rng), rng.randrange(len(calls))
    made = replace(calls[index], parameters=json.loads(raw))
    reply = replace(question.reply, calls=(*calls[:index], made, *calls[index + 1 :]))
    return replace(question, reply=reply, raws=(raw,))


def _of_kind(rng: Random, question: Question) -> Question:
    """The question with what only its kind has."""
    kind = question.kind
    under = question.dialect.facts.runs_under
    if question.reply.provider_calls and under and under not in left_out(question.provider):
        question = replace(question, quirks=question.quirks | {under})
    if kind == "failed":
        failures = sorted(question.dialect.failures)
        quirks = frozenset({rng.choice(failures)}) if failures else frozenset()
        return replace(question, quirks=quirks, retry_after=rng.choice(WAITS))
    if kind == "refused":
        return replace(question, status=rng.choice(STATUSES), retry_after=rng.choice(WAITS))
    if kind == "unfit":
        return replace(question, unfit=rng.choice(UNFIT))
    return replace(question, cut_at=rng.random() * 0.999) if kind == "cut" else question


def _worded(rng: Random, question: Question) -> Reply:
    """The reply under another word that its provider has for the same ending, or one that nobody knows."""
    reply = question.reply
    if reply.finish is None or reply.refusal or question.kind not in {"plain", "broken"}:
        return reply
    words = values.finish_words(question.dialect.name, stream=question.stream)
    if question.kind == "plain" and not reply.calls and "unknown" in words and one_in(rng, 4):
        reply = replace(reply, finish="unknown")
    known = words.get(reply.finish or "unknown", ())
    return replace(reply, raw_finish=rng.choice(known)) if known else reply


def _quirks(rng: Random, provider: str) -> frozenset[str]:
    known = sorted(DIALECTS[profile(provider).dialect].quirks.keys() - left_out(provider))
    return frozenset(rng.choice(known) for _ in range(rng.randrange(1, 4))) if known else frozenset()


def _with_conversation(rng: Random, question: Question) -> Question:
    if question.kind == "unknown" and one_in(rng, 6):
        return _without_tools(rng, question)
    return _conversing(rng, question)


def _without_tools(rng: Random, question: Question) -> Question:
    """A call where nothing is offered."""
    call = ToolCall(rng.choice(question.tools), values.parameters(rng), "call_strange")
    return replace(question, tools=(), reply=replace(question.reply, calls=(call,)))


def _conversing(rng: Random, question: Question) -> Question:
    """``question`` with a conversation, descriptions and schemas, a choice and options, and cuts where it streams."""
    textual = question.dialect.facts.tools_in_prompt
    question = replace(
        question,
        system=tuple(values.prompt(rng) for _ in range(rng.choice((0, 1, 1, 2)))),
        turns=() if textual or question.unfit else _turns(rng, question),
        details=tuple(
            (f"{values.spoken(rng)} ({index})", values.schema(rng)) for index in range(len(question.tools[:12]))
        ),
        options=options_for(rng, question),
    )
    ends_in_results = bool(question.turns and question.turns[-1].calls) and one_in(rng, 3)
    question = replace(question, prompt="" if ends_in_results else values.user(rng, question.images))
    if question.kind == "plain" and one_in(rng, 3):
        question = replace(question, choice=rng.choice(question.tools))
    elif question.kind == "plain" and one_in(rng, 3):
        question = replace(
            question, word=rng.choice(("auto", "required") if question.reply.calls else ("auto", "none"))
        )
    if question.word not in (None, "none") and one_in(rng, 4):
        called = {call.name for call in question.reply.calls}
        question = replace(question, allowed=tuple(n for n in question.tools if n in called or one_in(rng, 2)))
    if one_in(rng, 5):
        question = replace(
            question,
            marks=tuple(
                values.tool_marks(rng, [mark for mark in known_marks(question) if mark not in values.OTHER_TOOLS])
                for _ in question.tools[:12]
            ),
        )
    if question.kind == "plain" and question.stream:
        cuts = tuple(rng.randrange(1, 4000) for _ in range(rng.randrange(4)))
        question = replace(question, cuts=cuts, every=_every(rng, question))
    return question


def _with_other_tools(rng: Random, question: Question) -> Question:
    """Now and then with tools in a namespace, or custom ones, which no choice may name and whose calls have a text."""
    known = [mark for mark in known_marks(question) if mark in values.OTHER_TOOLS]
    if not known or question.kind not in _WEIGHTS or not one_in(rng, 6):
        return question
    before = [*question.marks, *({} for _ in question.tools)][: len(question.tools[:12])]
    marks = [{**one, **more} if "custom" not in (more := values.tool_marks(rng, known)) else more for one in before]
    question = replace(question, marks=tuple(marks))
    textual = custom(question)
    turns = tuple(replace(turn, calls=_with_texts(rng, turn.calls, textual)) for turn in question.turns)
    reply = replace(question.reply, calls=_with_texts(rng, question.reply.calls, textual))
    narrowed: dict[str, Any] = {"allowed": (), "choice": None} if textual else {}
    return replace(question, reply=reply, turns=turns, **narrowed)


def _with_texts(rng: Random, calls: tuple[Any, ...], textual: frozenset[str]) -> tuple[Any, ...]:
    """Calls, answered or earlier, those of custom tools with a text."""
    return tuple(replace(one, parameters=_text(rng)) if one.name in textual else one for one in calls)


def _text(rng: Random) -> dict[str, Json]:
    return {"input": values.object_text(rng) if one_in(rng, 3) else values.text(rng)}


_SMALL = 1500


def _every(rng: Random, question: Question) -> int:
    """Each chunk costs: only small answers are cut into bytes."""
    small = len(repr(question.reply)) < _SMALL
    return rng.choice((0, 0, 0, 0, 1, 7)) if small else rng.choice((0, 0, 0, 97))


def _turns(rng: Random, question: Question) -> tuple[Turn, ...]:
    number = rng.choice((0, 0, 1, 1, 2, 4))
    ids = values.ids(rng, 3 * number)
    return tuple(_turn(rng, question, ids) for _ in range(number))


def _turn(rng: Random, question: Question, ids: list[str]) -> Turn:
    text = f"{values.prompt(rng).strip()}" if one_in(rng, 2) else ""
    offered = question.tools
    shown = question.images if question.dialect.facts.image_results else frozenset[str]()
    calls = tuple(
        History(
            rng.choice(offered) if not one_in(rng, 6) else values.name(rng, question.profile.names),
            ids.pop(),
            values.parameters(rng),
            values.result(rng, shown),
        )
        for _ in range(rng.choice((0, 1, 1, 2, 3)))
    )
    return Turn(values.user(rng, question.images), text or ("" if calls else "I see."), calls)


def _beside(rng: Random, question: Question) -> Question:
    """Now and then with others asked at the same time, of other providers and modes too."""
    if question.kind != "plain" or question.quirks or not one_in(rng, 10) or question.dialect.facts.tools_in_prompt:
        return question
    others = []
    mixed = one_in(rng, 2)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 7))):
        provider = rng.choice(addressable()) if mixed else question.provider
        names = values.names(rng, provider)[:4]
        reply = Reply(calls=_calls(rng, names, 1, 2), finish="tool_calls", usage=_usage(rng))
        stream = question.stream if not one_in(rng, 3) else not question.stream
        others.append(Question(provider, tuple(names), reply, stream=stream))
    return replace(question, beside=tuple(others), together=rng.choice(("", "threads", "loops")))


def _usage(rng: Random) -> Usage:
    prompt, completion = (1 if one_in(rng, 8) else rng.randrange(1, 9999) for _ in range(2))  # which True equals
    return Usage(prompt, completion, prompt + completion)


_MODELS = ("", "", "model-2026-01-01", "org/model:free")


def _reply(rng: Random, kind: Kind, names: list[str], dialect: str) -> Reply:
    usage = _usage(rng)
    if kind == "broken":
        return _broken(rng, names, usage)
    if kind == "written":
        return _written(rng, names, usage)
    if kind == "prose":
        return Reply(text=rng.choice(PROSE).replace("%s", names[0]), finish="stop", usage=usage)
    if kind == "answer":
        text = json.dumps({"name": names[0], "arguments": values.parameters(rng)}, ensure_ascii=False)
        return Reply(text=text, finish="stop", usage=usage)
    reply = _plain(rng, names, usage, dialect)
    if kind == "unknown":
        near = (*_STRANGE, names[0].swapcase(), f"{names[0]}s", names[0][:-1], f" {names[0]}", f"functions.{names[0]}")
        strange = rng.choice([one for one in near if one and one not in names])
        index = rng.randrange(len(reply.calls) + 1)
        made = (*reply.calls[:index], ToolCall(strange, values.parameters(rng), "call_strange"), *reply.calls[index:])
        return replace(reply, calls=made, finish="tool_calls", refusal="")
    return reply


_STOPS: tuple[Finish, ...] = ("length", "length", "content_filter", "error")
_ENDS: tuple[Finish, ...] = ("stop", "stop", "stop", "length", "content_filter")


def _ran(rng: Random, dialect: str) -> ProviderCall:
    """A call that the provider ran itself, as it is called there; in some answers nothing came of it yet."""
    known = DIALECTS[dialect].facts.runs
    *fixed, last = known.parameters
    parameters = {**{name: known.parameters[name] for name in fixed}, last: values.text(rng)}
    result = None if one_in(rng, 6) else values.ending_in(known.result, values.text(rng))
    made = known.id and f"{known.id.rpartition('_')[0]}_{rng.randrange(10**6)}"
    return replace(known, parameters=parameters, id=made, result=result)


def _asks_about_models(dialect: str) -> bool:
    """Whether litellm asks somebody about a model that it does not know."""
    return any(row.dialect == dialect and row.looks_up_models for row in PROFILES.values())


def _plain(rng: Random, names: list[str], usage: Usage, dialect: str) -> Reply:
    """Calls, text, or text beside calls; with reasoning, a refusal, or calls that the provider ran itself."""
    calls = _calls(rng, names, 1, 3) if rng.randrange(3) else ()
    if one_in(rng, 30):
        calls = _calls(rng, names, 9, 17)
    text = (values.spoken(rng) if one_in(rng, 2) else "") if calls else values.spoken(rng)
    limited = bool(calls and calls[-1].parameters) and one_in(rng, 12)  # nothing sent for a last call means cut off
    finish: Finish = rng.choice(_ENDS) if not calls else rng.choice(_STOPS) if limited else "tool_calls"
    made = Reply(
        text=text,
        calls=calls,
        finish=finish,
        usage=usage,
        reasoning=values.text(rng) if one_in(rng, 3) else "",
        id=f"resp-{rng.randrange(10**9)}" if one_in(rng, 2) else "",
        model="" if _asks_about_models(dialect) else rng.choice(_MODELS),  # litellm asks this machine of models
    )
    if not calls and one_in(rng, 12):
        return replace(made, text="", refusal=values.spoken(rng), finish="stop")
    if one_in(rng, 12):
        return replace(made, provider_calls=(_ran(rng, dialect),))
    return made


def _calls(rng: Random, names: list[str], least: int, most: int) -> tuple[ToolCall, ...]:
    """Each with an id of its own; two of them may ask for the same thing."""
    made: list[ToolCall] = []
    for one in values.ids(rng, rng.randrange(least, most + 1), values.OWN_FORMS):
        again = made and one_in(rng, 8)
        call = rng.choice(made) if again else ToolCall(rng.choice(names), values.parameters(rng), one)
        made.append(replace(call, id=one))
    return tuple(made)


def _broken(rng: Random, names: list[str], usage: Usage) -> Reply:
    """A call whose arguments are no JSON object, beside good ones and text; or the last one cut off at the limit."""
    calls = _calls(rng, names, 0, 3)
    name, text = rng.choice(names), values.text(rng) if one_in(rng, 2) else ""
    if one_in(rng, 3):
        bad = CallError("cut_off", "", rng.choice(material.CUT_OFF), name, "call_broken", len(calls))
        return Reply(text=text, calls=calls, errors=(bad,), finish=rng.choice(_STOPS), usage=usage)
    raw = rng.choice(material.BROKEN)
    bad = CallError("arguments", "", raw, name, "call_broken", rng.randrange(len(calls) + 1))
    return Reply(text=text, calls=calls, errors=(bad,), finish="tool_calls", usage=usage)


def _written(rng: Random, names: list[str], usage: Usage) -> Reply:
    """Calls that a model wrote as text, in one of the shapes that are seen."""
    calls = _calls(rng, names, 1, 2)
    called = rng.choice(("name", "function_name", "tool_name"))
    arguments_key = rng.choice(("arguments", "parameters"))
    as_text = one_in(rng, 2)
    shapes: list[Json] = [
        {called: call.name, arguments_key: json.dumps(call.parameters) if as_text else call.parameters}
        for call in calls
    ]
    whole = shapes[0] if len(shapes) == 1 and one_in(rng, 2) else shapes
    text = rng.choice(("%s", " %s\n", "```json\n%s\n```")).replace("%s", json.dumps(whole))
    return Reply(text=text, calls=calls, finish="stop", usage=usage)
