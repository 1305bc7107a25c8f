"""Questions that are put before any are drawn: one for each thing that adapters are known to get wrong.

A fault that shows under one quirk alone would be drawn late; here every quirk of a dialect has its turn.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.dialects import DIALECTS
from harness.dialects.providers import profile
from harness.laws.draw import PROSE, UNFIT, kinds
from harness.laws.known_faults import left_out
from harness.laws.question import History, Question, Turn, carried, known_marks, rendered
from harness.laws.state import STATEFUL, drawn
from harness.laws.values import TEXT_FORMATS, TOOL_MARKS, finish_words
from harness.strategies.material import IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Finish, Json

_USAGE = Usage(11, 7, 18)
_STRINGS = {
    "path": ' a__b/c \\ "q" \n\t',
    "emoji": "👩‍👩‍👧 é e\u0301 日本 \u2028",
    "mark": "</tool_call>{}[DONE] <b>&amp;",
    "null": "null",
}
_VALUES = {
    "z": [True, 1, 1.0, None, -0.0, "1"],
    "none": None,
    "a": {"deep": [{"er": []}, {}], "": ""},
    "big": 2**63 + 1,
    "json": '{"x": 1}',
    "number": 0.1,
}
_CONFUSABLE = ("a/b", "a__b", "a.b", "__init__", "1st", "outil_é", "n" * 65, "n" * 129, "GetX", "getx", "outil_e\u0301")
"""Names that a careless mapping confuses; the wire name of one is another's own."""


@cache
def exemplars(provider: str, *, stream: bool) -> tuple[Question, ...]:
    """All that fit the provider and mode, in a fixed order."""
    # /api/generate knows no tools: names are not renamed, and a call is the text.
    textual = DIALECTS[profile(provider).dialect].facts.tools_in_prompt
    made = _textual(provider, stream) if textual else _native(provider, stream)
    fitting = kinds(provider)
    whole = (*made, *_stateful(provider, stream))
    return tuple(question for question in whole if question.kind in fitting and carried(question))


def _stateful(provider: str, stream: bool) -> Iterator[Question]:
    """Histories with state: the provider's own, and that of others."""
    others = [name for name in STATEFUL if name != provider][:2]
    for number, origin in enumerate([*[provider] * 3 * (provider in STATEFUL), *others]):
        yield drawn(Random(number), provider, stream=stream, origin=origin)  # noqa: S311 - to be repeated


def _textual(provider: str, stream: bool) -> Iterator[Question]:
    base = Question(provider, ("a", "b"), Reply(text=" said \n", finish="stop", usage=_USAGE), stream=stream)
    call = Reply(calls=(ToolCall("b", _STRINGS | _VALUES, "call_1"),), finish="tool_calls", usage=_USAGE)
    yield base
    yield replace(base, reply=call)
    yield replace(base, reply=replace(call, calls=(ToolCall("a", {}, "call_1"),)))
    yield from _texts(base)
    yield from (replace(base, reply=call, quirks=frozenset({quirk})) for quirk in sorted(base.dialect.quirks))
    yield from _cuts(replace(base, reply=call))
    yield from _failed(replace(base, reply=call))


def _native(provider: str, stream: bool) -> Iterator[Question]:
    names = ("a/b", "get_x", "Other")
    first = ToolCall("a/b", _STRINGS, "call_1Xa7Kq02ZpTfW4")
    second = ToolCall("get_x", {}, "call_2Xa7Kq02ZpTfW4")
    third = ToolCall("a/b", _VALUES, "call_3Xa7Kq02ZpTfW4")
    calls = Reply(calls=(first, second, third), finish="tool_calls", usage=_USAGE)
    both = replace(calls, text="I will \n now. é", reasoning="because")
    base = Question(provider, names, both, stream=stream)
    yield base
    yield replace(base, reply=calls)
    yield from (replace(base, reply=replace(calls, calls=(one,))) for one in (first, second, third))
    yield from _plain(base)
    yield from _requests(base)
    yield from _broken(base)
    yield from _texts(base)
    yield from _cuts(base)
    yield from _failed(base)
    text_reply = replace(calls, text="said", calls=(), finish="stop")
    for quirk in sorted(base.dialect.quirks.keys() - left_out(provider)):
        yield from _quirked(
            replace(base, quirks=frozenset({quirk})),
            (
                both,
                calls,
                replace(both, calls=(second,)),
                text_reply,
                replace(text_reply, provider_calls=(base.dialect.facts.runs,)),
            ),
        )
    for form in ("arguments_object", "arguments_null_first") if "function_call" in base.dialect.quirks else ():
        yield replace(base, reply=replace(calls, calls=(first,)), quirks=frozenset({"function_call", form}))


def _quirked(base: Question, replies: tuple[Reply, ...]) -> Iterator[Question]:
    """The first reply whose bytes the quirk changes."""
    for reply in replies:
        question = replace(base, reply=reply)
        plain = replace(question, quirks=frozenset())
        if carried(question) and (not carried(plain) or rendered(question, {}).body != rendered(plain, {}).body):
            yield question
            return


def _plain(base: Question) -> Iterator[Question]:
    text = Reply(text=" Hello, <b>world</b> & 👩‍👩‍👧 e\u0301\r\n ", finish="stop", usage=_USAGE)
    ran = base.dialect.facts.runs
    yield replace(base, reply=text)
    yield replace(base, reply=replace(text, reasoning="I think."))
    yield replace(base, reply=replace(text, finish="length"), tools=())
    yield replace(base, reply=replace(text, finish="content_filter"))
    yield replace(base, reply=replace(text, text="", refusal="No."))
    for finish, known in finish_words(base.dialect.name, stream=base.stream).items():
        ends = replace(base.reply if finish == "tool_calls" else text, finish=finish)
        yield from (replace(base, reply=replace(ends, raw_finish=word)) for word in known)
    yield replace(base, reply=replace(text, provider_calls=(ran,)))
    yield replace(base, reply=replace(base.reply, provider_calls=(ran,)))
    # A stream of 1,500 words is a thousand events, and seconds of litellm's time.
    words = " ".join(f"{n}é" for n in range(60 if base.stream else 1500))
    yield replace(base, reply=replace(text, text=f"a{' ' * 30}b{chr(10) * 9}{words}"))
    equal = ToolCall("get_x", {"x": "1"}, "call_1")
    many = tuple(ToolCall(base.tools[n % 2], {"n": n}, f"call_{n}") for n in range(12))
    yield replace(base, reply=replace(base.reply, calls=(equal, replace(equal, id="call_2"))))
    yield replace(base, reply=replace(base.reply, calls=many, text=""))
    yield replace(base, reply=replace(base.reply, calls=many[::-1], text="so"))
    confusable = tuple(ToolCall(name, {"n": name}, f"call_{n}") for n, name in enumerate(_CONFUSABLE))
    yield replace(base, tools=_CONFUSABLE, reply=replace(base.reply, calls=confusable))
    yield from (
        replace(base, tools=(name,), reply=replace(base.reply, calls=(ToolCall(name, {}, "call_1"),)))
        for name in ("a__b", "__init__", "a-b.c")
    )
    yield replace(base, tools=("a_b", "a/b", "a.b"), reply=replace(base.reply, calls=(ToolCall("a.b", {}, "call_1"),)))


def _requests(base: Question) -> Iterator[Question]:
    """What is sent: choice, history, tools of one name; and two at the same time."""
    yield from (replace(base, choice=name) for name in base.tools[:2])
    ids = ("functions.x:0", "functions_x_0", "x" * 65, "x" * 66, "call_1/é")
    past = tuple(History(("a/b", "get_x", "gone/away", "get/x", "a__b")[n], one) for n, one in enumerate(ids))
    yield replace(base, turns=(Turn(calls=past),), prompt="Again.")
    yield replace(base, turns=(Turn(calls=past[:1]),), prompt="Again.", choice="get_x")
    yield from _conversations(base)
    yield from (replace(base, word=word) for word in ("auto", "required"))
    yield replace(base, word="none", reply=replace(base.reply, calls=(), finish="stop"))
    yield from (replace(base, word=word, allowed=base.tools[:2]) for word in ("auto", "required"))
    for mark in known_marks(base):
        yield from _custom(base) if mark == "custom" else [replace(base, marks=({}, {mark: TOOL_MARKS[mark]}))]
    for options in (
        {"temperature": 0.5, "max_tokens": 77},
        {"stop": ["END"], "top_p": 0.5},
        {"parallel_tool_calls": False},
    ):
        yield replace(base, options=options)
    yield replace(base, kind="doubled", tools=base.tools[:1], reply=replace(base.reply, calls=()))
    yield replace(base, kind="doubled")
    text_reply = replace(base.reply, text="so", calls=(), finish="stop")
    yield from (replace(base, kind="unfit", unfit=kind, reply=text_reply) for kind in UNFIT)
    here = Reply(calls=(ToolCall("a/b", {"n": 1}, "call_1"), ToolCall("x.y", {}, "call_2")), finish="tool_calls")
    there = Reply(calls=(ToolCall("a__b", {"n": 2}, "call_1"), ToolCall("x y", {}, "call_2")), finish="tool_calls")
    other = replace(base, tools=("a__b", "x y"), reply=replace(there, usage=_USAGE))
    yield replace(base, tools=("a/b", "x.y"), reply=replace(here, usage=_USAGE), beside=(other,))
    yield replace(other, beside=(replace(base, tools=("a/b", "x.y"), reply=replace(here, usage=_USAGE)),))


def _custom(base: Question) -> Iterator[Question]:
    """Custom tools beside a function, whose text may look like JSON: offered, called, and called before."""
    good, second, _ = base.reply.calls
    for form, text in zip(TEXT_FORMATS, ('{"x": 1}', "*** é {\n", "null"), strict=True):
        calls = (replace(good, parameters={"input": text}), replace(second, parameters={"x": "1"}))
        past = (History("a/b", "call_7", {"input": text}), History("get_x", "call_8"))
        made = replace(base, marks=({"custom": form},), reply=replace(base.reply, calls=calls, text=""))
        yield made
        yield replace(made, turns=(Turn(calls=past),), prompt="Again.")


_SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Which “city”?", "minLength": 1},
        "days": {"type": "array", "items": {"type": "integer", "minimum": 1}},
        "unit": {"type": "string", "enum": ["C", "F"]},
        "at": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}


def _conversations(base: Question) -> Iterator[Question]:
    """System prompts, schemas of their own, several turns with results of every form, long texts, many tools."""
    parts = [{"type": "text", "text": "One. "}, {"type": "text", "text": "Two."}]
    earlier = (
        Turn("Hi <b> & é", "Hello.\n"),
        Turn(
            parts,
            "I look.",
            (History("get_x", "call_1", _VALUES, "42"), History("a/b", "call_2", _STRINGS, '{"ok": [1.0, null]}')),
        ),
        Turn(
            "And?", "", (History("get_x", "call_3", {}, "Error: timed out"), History("get_x", "call_4", {"n": 1}, ""))
        ),
    )
    details = tuple(
        (f"Tool {n}: does “that”.\nUse it.", {**_SCHEMA, "required": []} if n else _SCHEMA) for n in range(3)
    )
    yield replace(base, system=("Be brief.\n  {rules} & <b>", "Second."), turns=earlier, details=details, prompt="")
    yield replace(base, system=("Be brief.",), turns=earlier[:2], details=details, prompt=parts)
    if base.images:
        yield _illustrated(base, parts, earlier)
    long = "".join(f"{n} é\n" for n in range(20_000))
    past = History("get_x", "call_1", {"x": long[:70_000]}, long)
    yield replace(base, system=(long[:50_000],), turns=(Turn(long[:40_000], "", (past,)),), prompt="Again.")
    many = tuple(f"tool_{n}" for n in range(128))
    last = Reply(calls=(ToolCall(many[-1], {"n": 128}, "call_1"),), finish="tool_calls", usage=_USAGE)
    yield replace(base, tools=many, reply=last, details=tuple((f"Number {n}.", _SCHEMA) for n in range(128)))
    if not base.stream:
        call = ToolCall("get_x", {"x": long, "deep": _deep(70)}, "call_1")
        yield replace(base, reply=replace(last, calls=(call,)))
        yield replace(base, reply=Reply(text=long, finish="stop", usage=_USAGE))


def _illustrated(base: Question, parts: list[Json], earlier: tuple[Turn, ...]) -> Question:
    """Images in what is asked, before and now, and in a result where the API has such."""
    shown: list[Json] = [
        {"type": "image_url", "image_url": {"url": url}}
        for way in sorted(base.images - {"detail"})
        for url in IMAGES[way][:2]
    ]
    if "detail" in base.images:
        shown[0]["image_url"]["detail"] = "high"
    first, second = (History("get_x", f"call_{n}", {}, "42") for n in (1, 2))
    if base.dialect.facts.image_results:
        second = replace(second, result=[*parts, *shown])
    turns = (Turn([shown[0], *parts], "", (first, second)), Turn([*parts, *shown[::-1]], "I see."), earlier[0])
    return replace(base, turns=turns, prompt=[parts[0], *shown, parts[1]])


def _deep(levels: int) -> Json:
    made: Json = 1
    for _ in range(levels):
        made = {"in": made}
    return made


def _failed(base: Question) -> Iterator[Question]:
    """Statuses with how long to wait, errors under status 200, and no connection."""
    last = replace(base, kind="refused")
    yield from (replace(last, status=status) for status in (400, 401, 403, 404, 408, 500, 503))
    yield from (replace(last, status=429, retry_after=wait) for wait in ("7", "0.5", "Wed, 21 Oct 2065 07:28:00 GMT"))
    for one in sorted(base.dialect.failures):
        yield replace(base, kind="failed", quirks=frozenset({one}))
        yield replace(base, kind="failed", quirks=frozenset({one}), retry_after="7")
    yield replace(base, kind="unreachable")


def _broken(base: Question) -> Iterator[Question]:
    good, second, _ = base.reply.calls
    faults = ('{"x": 1', '{"x": 1}{"x": 1}', "[1]", '"{\\"x\\": 1}"', '{"x": NaN}', '{"x": 1, "x": 2}')
    for number, raw in enumerate(faults):
        bad = CallError("arguments", "", raw, "a/b", "call_9", number % 3)
        yield replace(base, kind="broken", reply=replace(base.reply, calls=(good, second), errors=(bad,)))
    stops: tuple[tuple[str, Finish], ...] = (
        ("", "length"),
        ('{"x": "a', "length"),
        ("", "content_filter"),
        ("", "error"),
    )
    for raw, finish in stops:
        cut = CallError("cut_off", "", raw, "a/b", "call_9", 1)
        stopped = replace(base.reply, calls=(good,), errors=(cut,), finish=finish, text="")
        yield replace(base, kind="broken", reply=stopped)
    for number, name in enumerate(("no_such", "get_X", "get_", "other", "web_search", "a__b__c")):
        strange = ToolCall(name, {"x": "1"}, "call_9")
        kept = (good, second)
        yield replace(
            base, kind="unknown", reply=replace(base.reply, calls=(*kept[: number % 3], strange, *kept[number % 3 :]))
        )
    yield replace(base, kind="unknown", tools=(), reply=replace(base.reply, calls=(ToolCall("get_x", {}, "call_9"),)))


def _texts(base: Question) -> Iterator[Question]:
    """Text that is a call, and text that only looks like one."""
    name = base.tools[1]
    call = ToolCall(name, {"x": "1", "n": 1}, "call_1")
    plain: dict[str, Json] = {"name": name, "arguments": call.parameters}
    other: dict[str, Json] = {"function_name": name, "parameters": call.parameters}
    texted: dict[str, Json] = {"tool_name": name, "arguments": json.dumps(call.parameters)}
    for shape, number in ((plain, 1), (other, 1), ([texted], 1), ([plain, other], 2)):
        text = Reply(text=json.dumps(shape), calls=(call,) * number, finish="stop", usage=_USAGE)
        yield replace(base, kind="written", reply=text)
    for prose in PROSE[::2]:
        text = Reply(text=prose.replace("%s", name), finish="stop", usage=_USAGE)
        yield replace(base, kind="prose", reply=text)
    text_reply = Reply(text=json.dumps({"name": name, "arguments": {}}), finish="stop", usage=_USAGE)
    yield replace(base, kind="prose", tools=(), reply=text_reply)
    if profile(base.provider).json_beside_tools:
        yield replace(base, kind="answer", reply=text_reply)


def _cuts(base: Question) -> Iterator[Question]:
    if base.stream:
        yield from (replace(base, every=size) for size in (1, 7))
        # Neither the head of the stream nor its end: 40 places where a cut may fall into a character or a line end.
        yield replace(base, cuts=tuple(range(100, 1700, 41)))
    yield from (replace(base, kind="cut", cut_at=share) for share in (0.0, 0.3, 0.5, 0.7, 0.9))
