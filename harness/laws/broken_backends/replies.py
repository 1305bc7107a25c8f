"""What faulty backends make of an answer that was read rightly."""

from __future__ import annotations

import difflib
import itertools
import json
import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.core.chat import Reply, ToolCall
from harness.core.errors import BackendError, StreamCutError
from harness.laws.broken_backends.corruption import broken, on_calls, on_parameters, on_reply, text_only, wrapper

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.laws.tested_backend import Complete

LONG = 12
"""Ids shorter than this were made by the backend, in the bytes that the laws serve."""


def crash_if(condition: Callable[[Reply], bool]) -> Callable[[Complete], Complete]:
    def change(reply: Reply) -> Reply:
        if condition(reply):
            raise ValueError("Expecting value: line 1 column 1 (char 0)")
        return reply

    return on_reply(change)


@wrapper
def swallow(right: Complete, *arguments: Any, **options: Any) -> Reply:
    try:
        return right(*arguments, **options)
    except BackendError as error:
        return Reply(text=f"error: {type(error).__name__}", finish="stop")


def on_cut(*, calls: bool) -> Callable[[Complete], Complete]:
    @wrapper
    def spoil(right: Complete, *arguments: Any, **options: Any) -> Reply:
        try:
            return right(*arguments, **options)
        except StreamCutError as error:
            torn = error.reply or Reply()
            made = tuple(ToolCall(one.name or "", {}, one.id or "") for one in torn.errors) if calls else ()
            return Reply(text=torn.text, calls=made, finish="stop")

    return spoil


def errors_as_calls(reply: Reply) -> Reply:
    made = tuple(ToolCall(one.name or "", {}, one.id or f"x{one.index}") for one in reply.errors)
    return replace(reply, calls=(*reply.calls, *made), errors=())


def unknown_passed(reply: Reply) -> Reply:
    strange = [one for one in reply.errors if one.fault == "unknown_tool"]
    made = tuple(ToolCall(one.name or "", {}, one.id or "") for one in strange)
    return replace(reply, calls=(*reply.calls, *made), errors=tuple(one for one in reply.errors if one not in strange))


def json_as_call(reply: Reply) -> Reply:
    found = re.search(r"\{.*\}", reply.text, re.DOTALL)
    try:
        value = json.loads(found[0]) if found and not reply.calls else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return reply
    return replace(reply, text="", calls=(ToolCall(str(value.get("name")), value.get("arguments") or {}, "call_0"),))


def call_as_text(reply: Reply) -> Reply:
    """Calls written as text are left where they stood: these come with the word for a plain end."""
    if reply.calls and reply.raw_finish == "stop" and not reply.text:
        return replace(reply, text=json.dumps([call.parameters for call in reply.calls]), calls=())
    return reply


def merge_equal(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    return list({(call.name, json.dumps(call.parameters, sort_keys=True)): call for call in calls}.values())


def raw_lost(reply: Reply) -> Reply:
    return replace(reply, errors=tuple(replace(one, raw="", detail="bad arguments") for one in reply.errors))


def unknown_dropped(reply: Reply) -> Reply:
    return replace(reply, errors=tuple(one for one in reply.errors if one.fault != "unknown_tool"))


def decoded_again(value: Json) -> Json:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def without_none(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    return [
        replace(call, parameters={key: one for key, one in call.parameters.items() if one is not None})
        for call in calls
    ]


def _parsed(raw: str) -> dict[str, Json] | None:
    """As Python's own parser has it: the last of two keys, and NaN too."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def duplicates_merged(right: Complete) -> Complete:
    def change(reply: Reply) -> Reply:
        doubled = [one for one in reply.errors if _parsed(one.raw) is not None and one.fault == "arguments"]
        made = tuple(ToolCall(one.name or "", _parsed(one.raw) or {}, one.id or "") for one in doubled)
        remaining = tuple(one for one in reply.errors if one not in doubled)
        return replace(reply, calls=(*reply.calls, *made), errors=remaining)

    return on_reply(change)(right)


def keys_sorted(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: keys_sorted(value[key]) for key in sorted(value)}
    return [keys_sorted(inner) for inner in value] if isinstance(value, list) else value


def halved_emoji(text: str) -> str:
    """Each half of a surrogate pair for a character of its own, as in UTF-16 code units."""
    units = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(units[n] | units[n + 1] << 8) for n in range(0, len(units), 2))


def second_id_lost(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    return [replace(call, id="" if n == 1 else call.id) for n, call in enumerate(calls)]


def as_text(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    """Parameters handed on as the JSON text that they came as."""
    return [replace(call, parameters=json.dumps(call.parameters)) for call in calls]  # type: ignore[arg-type]  # the fault


def empty_as_none(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    return [replace(call, parameters=call.parameters or None) for call in calls]  # type: ignore[arg-type]  # the fault


def random_ids(right: Complete) -> Complete:
    count = itertools.count()

    def change(reply: Reply) -> Reply:
        made = (
            replace(call, id=f"{next(count):09}") if call.id[:5] == "call_" and len(call.id) < LONG else call
            for call in reply.calls
        )
        return replace(reply, calls=tuple(made))

    return on_reply(change)(right)


def by_place_as_text(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    """Sorted by the text of their index: "10" comes before "2"."""
    return [calls[int(place)] for place in sorted(map(str, range(len(calls))))]


@wrapper
def nearest(right: Complete, model: str, messages: Any, *, tools: Any = None, **options: Any) -> Reply:
    """A call to a tool that was not offered is taken for one to the tool most like it."""
    reply = right(model, messages, tools=tools, **options)
    offered = [tool["function"]["name"] for tool in tools or ()]
    like = {one.index: difflib.get_close_matches(one.name or "", offered, 1) for one in reply.errors}
    strange = [one for one in reply.errors if one.fault == "unknown_tool" and like[one.index]]
    made = tuple(ToolCall(like[one.index][0], {}, one.id or "") for one in strange)
    remaining = tuple(one for one in reply.errors if one not in strange)
    return replace(reply, calls=(*reply.calls, *made), errors=remaining)


def crash_on_errors(reply: Reply) -> Reply:
    for error in reply.errors:
        json.loads(error.raw + "!")
    return reply


def accumulating(right: Complete) -> Complete:
    """A default list that is shared by all requests."""
    known: list[ToolCall] = []

    def change(reply: Reply) -> Reply:
        known.extend(reply.calls)
        return replace(reply, calls=tuple(known))

    return on_reply(change)(right)


def errors_as_calls_if_empty(reply: Reply) -> Reply:
    empty = [one for one in reply.errors if one.raw in {"", "{}"} and one.fault == "cut_off"]
    made = tuple(ToolCall(one.name or "", {}, one.id or "") for one in empty)
    return replace(reply, calls=(*reply.calls, *made), errors=tuple(one for one in reply.errors if one not in empty))


def errors_first(reply: Reply) -> Reply:
    return replace(reply, errors=tuple(replace(one, index=0) for one in reply.errors))


def finish_trusted() -> Callable[[Complete], Complete]:
    """Calls are dropped where the provider's own word was not that calls are there."""
    return on_reply(lambda reply: replace(reply, calls=()) if reply.raw_finish in {"stop", "", None} else reply)


REPLIES = broken(
    (
        "calls-lost-beside-text",
        "AIOS: calls only when content is None",
        on_reply(lambda r: replace(r, calls=()) if r.text else r),
    ),
    ("text-lost-beside-calls", "litellm on Cohere", on_reply(lambda r: replace(r, text="") if r.calls else r)),
    ("text-lost-with-tools", "AIOS: no message where tools are offered", on_reply(lambda r: replace(r, text=""))),
    (
        "empty-arguments-crash",
        'AIOS: json.loads("")',
        crash_if(lambda r: any(not c.parameters for c in r.calls)),
    ),
    ("no-call-crash", "AIOS: assert tool_calls", crash_if(lambda r: not r.calls)),
    (
        "bad-call-loses-the-rest",
        "AIOS: one JSONDecodeError, all calls lost",
        on_reply(lambda r: replace(r, calls=()) if r.errors else r),
    ),
    ("bad-call-dropped", "errors left out in silence", on_reply(lambda r: replace(r, errors=()))),
    ("bad-call-is-empty-call", "arguments default to {}", on_reply(errors_as_calls)),
    ("raw-text-lost", "an error without what was sent", on_reply(raw_lost)),
    ("unknown-tool-passed-on", "names not checked", on_reply(unknown_passed)),
    ("unknown-tool-dropped", "strange calls skipped", on_reply(unknown_dropped)),
    ("json-text-is-a-call", "AIOS: any JSON in the text", on_reply(json_as_call)),
    ("call-text-ignored", "calls written as text", on_reply(call_as_text)),
    ("first-call-only", "tool_calls[0]", on_calls(lambda calls: calls[:1])),
    (
        "last-call-lost",
        "the loop that flushes on the next",
        on_calls(lambda calls: calls[:-1] if len(calls) > 1 else calls),
    ),
    ("calls-reversed", "a stack", on_calls(lambda calls: calls[::-1])),
    ("calls-sorted", "a set, sorted", on_calls(lambda calls: sorted(calls, key=lambda c: c.name))),
    ("equal-calls-merged", "deduplicated by content", on_calls(merge_equal)),
    ("ids-reused", "one id for all", on_calls(lambda calls: [replace(c, id="call_0") for c in calls])),
    (
        "ids-remade",
        "own ids over the provider's",
        on_calls(lambda calls: [replace(c, id=f"id{n}") for n, c in enumerate(calls)]),
    ),
    ("ids-lost", "no id", on_calls(lambda calls: [replace(c, id="") for c in calls])),
    ("ids-cut-at-9", "Mistral's rule for all", on_calls(lambda calls: [replace(c, id=c.id[:9]) for c in calls])),
    ("double-decoding", "strings that hold JSON decoded again", on_parameters(decoded_again)),
    ("big-ints-through-float", "JavaScript's numbers", on_parameters(lambda v: int(float(v)) if type(v) is int else v)),
    ("whole-floats-to-ints", "1.0 is 1", on_parameters(lambda v: int(v) if type(v) is float and v.is_integer() else v)),
    ("booleans-to-ints", "True is 1", on_parameters(lambda v: int(v) if type(v) is bool else v)),
    ("none-dropped", "null is left out", on_calls(without_none)),
    ("strings-stripped", "white space trimmed", on_parameters(text_only(str.strip))),
    ("strings-normalised", "NFC", on_parameters(text_only(lambda t: unicodedata.normalize("NFC", t)))),
    ("strings-to-ascii", "?", on_parameters(text_only(lambda t: t.encode("ascii", "replace").decode()))),
    ("slash-restored-in-values", "AIOS: __ to / everywhere", on_parameters(text_only(lambda t: t.replace("__", "/")))),
    ("html-escaped", "&amp;", on_parameters(text_only(lambda t: t.replace("&", "&amp;").replace("<", "&lt;")))),
    ("text-stripped", "white space of the answer trimmed", on_reply(lambda r: replace(r, text=r.text.strip()))),
    ("errors-swallowed", "a broad except, told as text", swallow),
    ("cut-is-empty-stop", "litellm: a cut stream is a stop", on_cut(calls=False)),
    ("half-call-at-cut", "what had come is called", on_cut(calls=True)),
    ("finish-trusted", "calls only where the reason says so", finish_trusted()),
    ("usage-lost", "no counts", on_reply(lambda r: replace(r, usage=None))),
    ("duplicate-keys-merged", "the last one wins", duplicates_merged),
    ("finish-made-up", "always stop", on_reply(lambda r: replace(r, finish="length"))),
    ("nearest-name", "a strange name is taken for the one most like it", nearest),
    (
        "keys-sorted",
        "arguments dumped with sort_keys",
        on_calls(lambda calls: [replace(c, parameters=keys_sorted(c.parameters)) for c in calls]),
    ),
    ("emoji-halved", "UTF-16 code units for characters", on_parameters(text_only(halved_emoji))),
    (
        "text-emoji-lost",
        "the Basic Multilingual Plane only",
        on_reply(lambda r: replace(r, text="".join(c for c in r.text if c <= "\uffff"))),
    ),
    (
        "empty-strings-dropped",
        "if value:",
        on_calls(
            lambda calls: [
                replace(c, parameters={k: v for k, v in c.parameters.items() if v or v is None}) for c in calls
            ]
        ),
    ),
    ("minus-zero", "-0.0 is 0.0", on_parameters(lambda v: v + 0.0 if type(v) is float else v)),
    ("floats-rounded", "single precision", on_parameters(lambda v: round(v, 6) + 1e-9 if type(v) is float else v)),
    (
        "numbers-as-strings",
        "Decimal, told as text",
        on_parameters(lambda v: str(v) if type(v) is int and v > 2**53 else v),
    ),
    ("parameters-as-text", "arguments handed on undecoded", on_calls(as_text)),
    ("empty-is-none", "no arguments are None", on_calls(empty_as_none)),
    (
        "markers-stripped",
        "</tool_call> cut out of strings",
        on_parameters(text_only(lambda t: t.replace("</tool_call>", ""))),
    ),
    ("second-id-lost", "the id of the first call alone", on_calls(second_id_lost)),
    ("random-ids", "litellm: another made id on each replay", random_ids),
    ("calls-by-text-of-index", "'10' sorted before '2'", on_calls(by_place_as_text)),
    ("ten-calls-at-most", "a limit nobody told of", on_calls(lambda calls: calls[:10])),
    ("calls-accumulate", "a list that outlives the request", accumulating),
    ("reasoning-in-text", "thoughts told as the answer", on_reply(lambda r: replace(r, text=r.reasoning + r.text))),
    (
        "provider-tools-handed-on",
        "litellm: server_tool_use as the client's calls",
        on_reply(
            lambda r: replace(
                r,
                calls=(*(ToolCall(one.name, one.parameters, one.id) for one in r.provider_calls), *r.calls),
                provider_calls=(),
            )
        ),
    ),
    ("provider-tools-forgotten", "server_tool_use skipped", on_reply(lambda r: replace(r, provider_calls=()))),
    (
        "provider-results-forgotten",
        "litellm: what the provider's tool found is in no field of the message",
        on_reply(lambda r: replace(r, provider_calls=tuple(replace(one, result=None) for one in r.provider_calls))),
    ),
    (
        "provider-results-as-text",
        "a result written out, as a tool's message has it",
        on_reply(
            lambda r: replace(
                r,
                provider_calls=tuple(
                    replace(one, result=one.result and {"text": str(one.result)}) for one in r.provider_calls
                ),
            )
        ),
    ),
    (
        "finish-by-calls",
        "tool_calls wherever calls are, whatever was said",
        on_reply(lambda r: replace(r, finish="tool_calls" if r.calls else "stop")),
    ),
    (
        "length-is-stop",
        "the limit is not told",
        on_reply(lambda r: replace(r, finish="stop" if r.finish == "length" else r.finish)),
    ),
    ("empty-at-limit", "nothing sent before the limit is no arguments", on_reply(errors_as_calls_if_empty)),
    (
        "total-lost",
        "prompt and completion only",
        on_reply(lambda r: replace(r, usage=replace(r.usage, total=None) if r.usage else None)),
    ),
    (
        "counts-swapped",
        "prompt and completion",
        on_reply(
            lambda r: replace(
                r, usage=replace(r.usage, prompt=r.usage.completion, completion=r.usage.prompt) if r.usage else None
            )
        ),
    ),
    ("error-place-lost", "every error names call 0", on_reply(errors_first)),
    ("decode-error-raised", "JSONDecodeError for the caller", on_reply(crash_on_errors)),
    (
        "text-lost-beside-errors",
        "a broken call takes the text along",
        on_reply(lambda r: replace(r, text="") if r.errors else r),
    ),
    ("text-cut", "the first 4,096 characters", on_reply(lambda r: replace(r, text=r.text[:4096]))),
)
