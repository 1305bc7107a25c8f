"""Decoding: what the model called is what the caller gets. The reference reader's word against the backend's."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

from harness.checks.card.blame import (
    call_as_text,
    called,
    continued,
    deep,
    delicate,
    disagreed,
    lost,
    marked,
    marker,
    otherwise,
    steered,
    unaccountable,
    unjudged,
    unread,
)
from harness.checks.card.context import CardCheck, failed, judged, names, passing, quirk
from harness.checks.card.tools import fitting, unended
from harness.checks.json_equality import shown
from harness.core.errors import StreamCutError
from harness.core.finding import count
from harness.dialects import DIALECTS
from harness.dialects.chat_request import of_the_caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.chat import Reply
    from harness.core.finding import Finding

SIGNED = "__thought__"  # litellm hands Gemini's signature of a call on behind its id
_BARE = re.compile(rb'"arguments"\s*:\s*(""|null|"null")')


def single(context: CheckContext) -> Iterator[Finding]:
    calls = called(context)
    if len(calls) != 1 or context.both is None or context.both[0].errors:
        return
    if wrong := lost(context):
        yield failed(wrong)
        return
    fits = unended(context) or fitting(context, calls[0], "[0]")
    yield fits if fits.verdict == "fail" else passing(f"{calls[0].name}({shown(calls[0].parameters)})")


def parallel(context: CheckContext) -> Iterator[Finding]:
    calls = called(context)
    if len(calls) < 2 or context.both is None:  # noqa: PLR2004 - more than one
        return
    ids = [call.id for call in context.both[1].calls]
    provided = [call.id for call in calls]
    wrong = lost(context)
    if wrong:
        yield failed(wrong)
    elif not all(ids) or len(set(ids)) != len(ids):
        yield failed(f"ids are missing or doubled: {names(ids)}")
    elif len(set(provided)) != len(provided) and any(provided):
        yield quirk(f"the provider gave the ids {names(provided)}; the backend made {names(ids)}")
    else:
        yield passing(f"{count(len(calls), 'call')} in order: {names(call.name for call in calls)}")


def none(context: CheckContext) -> Iterator[Finding]:
    if context.both is None:
        return
    reading, reply = context.both
    if reading.calls or reading.errors or reading.provider_calls or call_as_text(context):
        return
    text = reply.text or reply.refusal
    if reply.calls or reply.errors:
        yield failed(f"nothing was called on the wire, and {names(call.name for call in reply.calls)} came back")
    elif reply.text != reading.text:
        yield otherwise(reading, reply)
    elif text and reply.finish not in {None, "tool_calls"}:
        yield passing(f"text, and the finish {reply.finish}")
    elif text:
        yield quirk(f"text, and the finish {reply.raw_finish!r}", blame="provider")
    else:
        yield _empty(context, reading)


def _empty(context: CheckContext, reading: Reply) -> Finding:
    """An answer with neither text nor call: the model is to blame where nothing else explains it."""
    if why := unaccountable(context):
        return why
    ended = reading.raw_finish or reading.finish
    return failed(f"neither text nor call, and the finish {ended!r}", "empty", blame="model", cause="empty")


def no_arguments(context: CheckContext) -> Iterator[Finding]:
    bare = [number for number, call in enumerate(called(context)) if call.parameters == {}]
    if not bare or context.both is None:
        return
    got = context.both[1].calls
    wrong = [n for n in bare if n >= len(got) or got[n].parameters != {}]
    # A stream's first fragment is empty whatever follows.
    response = (
        None if context.observation.asked.get("stream") or context.exchange is None else context.exchange.response
    )
    form = _BARE.search(response.body) if response else None
    if wrong:
        yield failed(f"a call without arguments came back as {shown([call.parameters for call in got])}")
    elif form:
        yield quirk(f"no arguments are written as {form[1].decode()} here; they come back as {{}}")
    else:
        yield passing("no arguments come back as {}")


def values(context: CheckContext) -> Iterator[Finding]:
    if context.both is not None and any(deep(call.parameters.values()) for call in called(context)):
        yield judged(lost(context), "numbers, nulls, lists and objects came back as sent")


def text_in_arguments(context: CheckContext) -> Iterator[Finding]:
    calls = called(context)
    if context.both is None or not any(delicate(call.parameters) for call in calls):
        return
    replaced = any("\ufffd" in shown(call.parameters) for call in context.both[1].calls)
    was = any("\ufffd" in shown(call.parameters) for call in calls)
    wrong = "a replacement character (U+FFFD) appeared" if replaced and not was else lost(context)
    yield judged(wrong, "quotes, escapes and other scripts came back as sent")


def text_beside(context: CheckContext) -> Iterator[Finding]:
    if context.both is None or not (called(context) and context.both[0].text):
        return
    reading, reply = context.both
    wrong = lost(context)
    if wrong is None and reading.text != reply.text:
        yield otherwise(reading, reply)
    else:
        yield judged(wrong, "text and calls both came back")


def no_text(context: CheckContext) -> Iterator[Finding]:
    if context.both is None or not called(context) or context.both[0].text:
        return
    got = context.both[1].text
    yield judged(
        f"nothing is said beside the calls, {shown(got)} came back" if got else lost(context), "calls and no text"
    )


def written(context: CheckContext) -> Iterator[Finding]:
    found = call_as_text(context)
    if not found or context.both is None:
        return
    got = [call.name for call in context.both[1].calls]
    if got == found:
        yield quirk(f"the provider sent the call to {names(found)} as text; it is decoded")
    else:
        yield failed(f"the whole text is a call to {names(found)}, {names(got)} came back")


def broken(context: CheckContext) -> Iterator[Finding]:
    bad = _bad(context)
    if not bad:
        return
    reply, error = context.observation.reply, context.observation.error
    errors = getattr(reply or getattr(error, "reply", None) or error, "errors", ())
    reported = f"{' '.join(one.raw for one in errors)}{error}{getattr(error, 'raw', '')}"
    missing = [raw for raw in bad if raw and raw not in reported]
    if reply is not None and not errors:
        yield failed(f"arguments {shown(bad[0])} can't be read, and no error says so")
    elif missing and reply is not None:
        yield failed(f"arguments {shown(missing[0])} can't be read, and the error does not hold them")
    else:
        yield quirk(f"the model sent arguments that can't be read ({shown(bad[0])}); an error holds them")


def _bad(context: CheckContext) -> list[str]:
    reading = context.reading
    if isinstance(reading, StreamCutError):
        return []
    found: Reply | None = getattr(reading, "reply", None) if isinstance(reading, Exception) else reading
    return [one.raw for one in found.errors if one.fault in {"arguments", "cut_off"}] if found else []


def markers(context: CheckContext) -> Iterator[Finding]:
    reply = context.observation.reply
    if reply is None or not context.tools:
        return
    found = marker(reply)
    if found and (why := unread(context) or disagreed(context)):
        yield why
    elif (
        found
        and context.request is not None
        and marked(json.dumps(of_the_caller(context.request.body), ensure_ascii=False))
    ):
        yield unjudged("the caller wrote of such markers", found, "caller")
    elif found and (why := continued(context) or steered(context)):
        yield why
    else:
        wrong = found and f"{found!r} stands in the answer: the server left its model's own format in"
        yield judged(wrong, "no markers", blame="provider", cause="marker")


def either_form(context: CheckContext) -> Iterator[Finding]:
    facts = DIALECTS[context.request.dialect].facts if context.request else None
    if (
        facts is not None
        and facts.object_arguments != "never"
        and not (context.request and context.request.stream)
        and called(context)
    ):
        yield judged(lost(context), "arguments came as an object, and came back alike")


def ids(context: CheckContext) -> Iterator[Finding]:
    calls = called(context)
    if not calls or context.both is None:
        return
    found = [call.id for call in context.both[1].calls]
    provided = [call.id for call in calls]
    first = [
        (one, there) for n, (one, there) in enumerate(zip(provided, found, strict=False)) if one not in provided[:n]
    ]
    changed = [pair for pair in first if pair[0] and pair[0] != pair[1].partition(SIGNED)[0]]
    if not all(found) or len(set(found)) != len(found):
        yield failed(f"ids are missing or doubled: {names(found)}")
    elif changed:
        yield failed(f"the provider gave the id {changed[0][0]!r}, {changed[0][1]!r} came back")
    elif not all(provided):
        yield quirk("the provider gives calls no ids; the backend makes them, the same on each replay")
    else:
        yield passing("the provider's ids came back")


_decoding = partial(CardCheck, topic="decoding")

CHECKS = (
    _decoding(
        "D1",
        "single",
        "one call comes back as it was made, and fits its tool's schema",
        judge=single,
        needs="an answer with one call",
    ),
    _decoding(
        "D2",
        "parallel",
        "several calls all come back, in order, each with an id of its own",
        judge=parallel,
        needs="an answer with several calls",
    ),
    CardCheck(
        "D3",
        "none",
        "no call: there is text, and a stop reason that says so",
        "answers",
        none,
        needs="an answer without a call",
        aspect="model",
        blame="litellm",
    ),
    _decoding(
        "D4",
        "no arguments",
        "no arguments decode to {}, however they are written",
        judge=no_arguments,
        needs="a call without arguments",
        aspect="wire",
    ),
    _decoding(
        "D5",
        "values",
        "values of every type come back exactly as sent",
        judge=values,
        needs="a call with values that are no text",
    ),
    _decoding(
        "D6",
        "text in arguments",
        "quotes, escapes and other scripts in arguments survive",
        judge=text_in_arguments,
        needs="a call with quotes, escapes or other scripts",
    ),
    _decoding(
        "D7",
        "text and calls",
        "text beside calls comes back, and so do the calls",
        judge=text_beside,
        needs="text beside a call",
    ),
    _decoding(
        "D8", "empty content", "calls without text come back with no text", judge=no_text, needs="a call without text"
    ),
    _decoding(
        "D9",
        "call as text",
        "a text that is wholly a call is decoded",
        judge=written,
        needs="a text that is wholly a call",
        aspect="wire",
    ),
    _decoding(
        "D10",
        "broken",
        "arguments that can't be read are an error that holds them",
        judge=broken,
        needs="a call whose arguments can't be read",
    ),
    CardCheck(
        "D11",
        "no markers",
        "no marker of a chat template stands in the answer",
        "answers",
        markers,
        needs="an answer to a question with tools",
        aspect="model",
        blame="provider",
    ),
    _decoding(
        "D12",
        "either form",
        "arguments as an object decode as those in a string do",
        judge=either_form,
        needs="a whole answer with arguments as an object",
    ),
    _decoding(
        "D13", "ids", "ids are kept where given, and made where missing", judge=ids, needs="a call", aspect="wire"
    ),
)
