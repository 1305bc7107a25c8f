"""Who is to blame for an answer: what may be held against the model, and why the rest may not.

A model is judged by an answer that ended by itself and that two readers, which share nothing, read alike. What the
caller's limit or stop sequence cut, what was refused, what litellm or this harness lost and what a recording does not
have whole is another's fault, or none's: it is counted separately, under its reason. So the file also has what was
called on the wire beside what came back, and the calls and format markers that a server left in the text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from harness.checks.card.context import describe, failed, names, quirk
from harness.checks.json_equality import shown, value_mismatch
from harness.core.chat import Reply
from harness.core.errors import HarnessError, ProviderError, StreamCutError
from harness.core.finding import Finding, count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.checks.card.context import CheckContext
    from harness.core.chat import Json, ToolCall
    from harness.core.finding import Blame

# Of the templates of Qwen and Hermes, ChatML, Mistral, Llama 3, DeepSeek, Functionary and Kimi.
_MARKERS = re.compile(
    r"</?tool_calls?>|<\|im_(?:start|end)\|>|\[/?TOOL_CALLS\]|<\|python_tag\|>|<\|eot_id\|>|<｜tool▁calls?▁(?:begin|end)｜>"
    r"|<function=\w|<\|tool_calls?_(?:section_)?(?:begin|end)\|>"
)
# A text about markers writes them as code.
_QUOTED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n?\s*```", re.DOTALL)
_NAMES, _ARGUMENTS = ("name", "function_name", "tool_name"), ("arguments", "parameters")
DISAGREED = "the backend's answer is not the wire's"
REFUSED = "refused by the model or a filter"
_MOST_OF_NOTHING = 20
"""Tokens that an answer with nothing in it may have: of more, the recording or its reader has lost what they were."""
BY_LIMIT, BY_STOP = "cut by the caller's limit", "cut by the caller's stop sequence"
# Gateways that say their upstream's own word beside theirs: OpenRouter cuts calls and still says tool_calls.
_NATIVE_CUT = re.compile(rb'"native_finish_reason"\s*:\s*"(?i:max_tokens|length|max_output_tokens)"')
_OTHER_PARTS = re.compile(
    rb'"(?:inlineData|inline_data|executableCode|codeExecutionResult|fileData|images?|audio|image_url|b64_json|'
    rb'citationsContent|document|video|executed_tools|custom_tool_call|server_tool_use|groundingMetadata)"\s*:\s*[\[{"]'
)


def called(context: CheckContext) -> tuple[ToolCall, ...]:
    return context.own_calls(context.both[0]) if context.both else ()


def lost(context: CheckContext) -> str | None:
    """How the backend's calls differ from those on the wire; None where they don't.

    Calls to tools that are no functions in the request may be among them: a search that the client runs.
    """
    assert context.both is not None
    reading, reply = context.both
    own, every = (
        calls_differ([(context.wire.get(call.name, call.name), call) for call in calls], reply.calls)
        for calls in (context.own_calls(reading), reading.calls)
    )
    return own if every else None


def calls_differ(expected: Sequence[tuple[str, ToolCall]], found: Sequence[ToolCall]) -> str | None:
    if len(expected) != len(found):
        return (
            f"{count(len(expected), 'call')} on the wire, {len(found)} came back ({names(call.name for call in found)})"
        )
    for number, ((name, call), other) in enumerate(zip(expected, found, strict=True)):
        if name != other.name:
            return f"call {number} was to {name!r}, came back as {other.name!r}"
        if mismatch := value_mismatch(call.parameters, other.parameters):
            return f"call {number} ({name}): {mismatch}"
    return None


def otherwise(reading: Reply, reply: Reply) -> Finding:
    """What to say of a text that is not the one on the wire."""
    longer, shorter = sorted((reading, reply), key=lambda one: len(one.text), reverse=True)
    thought, answer = longer.text.lstrip(), shorter.text.strip()
    if thought.startswith("<think") and thought.endswith(answer) and shorter.reasoning.strip() in thought:
        message = "the model's thinking stands in its text; one reading takes it for reasoning"
        return quirk(message, "thinking", blame="provider")
    return failed(f"the wire says {shown(reading.text)}, {shown(reply.text)} came back", "text", blame="litellm")


def deep(inside: object) -> bool:
    return any(not isinstance(one, str) for one in inside) if hasattr(inside, "__iter__") else False


def delicate(value: Json) -> bool:
    if isinstance(value, str):
        return not value.isascii() or any(mark in value for mark in '"\\\n\t<>')
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(map(delicate, inside))


def marker(reply: Reply) -> str | None:
    """The first marker in what is said and called."""
    for text in (_QUOTED.sub("", reply.text), *_texts(reply)):
        if found := _MARKERS.search(text):
            return found[0]
    return None


def marked(text: str) -> bool:
    """Whether any marker stands in ``text``."""
    return _MARKERS.search(text) is not None


def _texts(reply: Reply) -> Iterator[str]:
    for call in reply.calls:
        yield call.name
        yield json.dumps(call.parameters, ensure_ascii=False)
    yield from (error.raw for error in reply.errors)


def call_as_text(context: CheckContext) -> list[str]:
    """The own names of the offered tools that the text, wholly, calls; empty where it is anything else."""
    if (
        context.both is None
        or not context.tools
        or context.both[0].calls
        or (context.request and context.request.json is not None)
    ):
        return []
    text = context.both[0].text.strip()
    fenced = _FENCE.fullmatch(text)
    text = fenced[1].strip() if fenced else text
    if text[:1] not in {"{", "["}:
        return []
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found = [_name(one, context) for one in (value if isinstance(value, list) else [value])]
    return [] if None in found else [name for name in found if name]


def _name(value: Json, context: CheckContext) -> str | None:
    if not isinstance(value, dict) or value.keys() - {*_NAMES, *_ARGUMENTS, "id", "type"}:
        return None
    called = [value[key] for key in _NAMES if key in value]
    arguments = [value[key] for key in _ARGUMENTS if key in value]
    if len(called) != 1 or len(arguments) != 1 or not isinstance(called[0], str) or not isinstance(arguments[0], dict):
        return None
    name = context.wire.get(called[0], called[0])
    return name if name in context.tools else None


def unjudged(reason: str, detail: str = "", blame: Blame = "") -> Finding:
    """That something can't be judged: ``reason`` is what such findings are counted by."""
    return Finding("", "unseen", f"{reason}: {detail}" if detail else reason, blame=blame, cause=reason)


def cut(context: CheckContext) -> Finding | None:
    """How an answer ended before the model had ended it; None where it ended by itself."""
    reading = context.reading
    if not isinstance(reading, Reply):
        return None
    native = context.exchange.response if context.exchange else None
    used = reading.usage.completion if reading.usage else None
    limit = context.limits.tokens
    by_count = limit is not None and (used or 0) >= limit
    by_native = native is not None and _NATIVE_CUT.search(native.body) is not None
    word = reading.raw_finish or reading.finish or "none"
    if reading.finish == "length" or by_count or by_native:
        if limit is not None:
            return unjudged(BY_LIMIT, f"{limit} tokens, the finish {word!r}", "caller")
        return unjudged("cut at the provider's own limit", f"the finish {word!r}", "provider")
    if reading.raw_finish == "stop_sequence" or (context.limits.stops and reading.finish == "stop"):
        return unjudged(BY_STOP, f"the finish {word!r}, and the request has stop sequences", "caller")
    if reading.finish == "error":
        return unjudged("ended by an error of the provider's", f"the finish {word!r}", "provider")
    if reading.finish == "unknown":
        return unjudged("ended with a word that is not known here", f"{word!r}", "provider")
    if reading.finish is None:
        return unjudged("no finish reason says that the answer ended", "", "provider")
    return None


def refused(context: CheckContext) -> Finding | None:
    """That the model, or a filter in front of it, refused."""
    reading = context.reading
    if not isinstance(reading, Reply):
        return None
    if reading.refusal or reading.finish in {"refusal", "content_filter"}:
        return unjudged(REFUSED, shown(reading.refusal or reading.raw_finish or reading.finish))
    return None


def unread(context: CheckContext) -> Finding | None:
    """Why nothing at all can be said of the model by this answer; None where it can be."""
    reading, reply, error = context.reading, context.observation.reply, context.observation.error
    if context.exchange is None or context.exchange.response is None or context.exchange.response.status >= 400:  # noqa: PLR2004 - HTTP's own border
        return unjudged("no answer", describe(error) if error else "")
    if not context.exchange.complete and not isinstance(reading, Reply):
        return unjudged("the client stopped reading", "what would have followed is not recorded", "caller")
    if isinstance(reading, StreamCutError):
        return unjudged("the stream ends early", str(reading)[:200], "recording")
    if isinstance(reading, ProviderError):
        return unjudged("ended by an error of the provider's", describe(reading), "provider")
    if isinstance(reading, HarnessError) or reading is None:
        return unjudged("the answer can't be read", describe(reading) if reading else "", "backend")
    if context.limits.answers > 1:
        return unjudged("several answers were asked for at once", f"{context.limits.answers}", "caller")
    if reply is None:
        partial = getattr(error, "reply", None)
        if not isinstance(partial, Reply) and not reading.errors:
            return unjudged("litellm or the backend raised", describe(error), "litellm")
    return None


def disagreed(context: CheckContext) -> Finding | None:
    """That the wire and what came back are not alike: lost on the way, or misread here. The model is not to blame."""
    if context.both is None:
        return None
    reading, reply = context.both
    if call_as_text(context) and reply.calls:
        return None
    wrong = lost(context)
    if wrong is None and len(reply.errors) < len(reading.errors):
        wrong = f"{len(reading.errors)} calls that can't be read are on the wire, {len(reply.errors)} came back"
    if wrong is None and reply.text != reading.text and otherwise(reading, reply).verdict == "fail":
        wrong = f"the text on the wire is {shown(reading.text)}, {shown(reply.text)} came back"
    return unjudged(DISAGREED, wrong, "litellm") if wrong else None


def unaccountable(context: CheckContext, *, ended: bool = True, misfit: bool = False) -> Finding | None:
    """Why this answer may not be held against the model; None where it may. ``ended`` False: for what an answer shows
    whether or not it was cut, such as a call that is there. ``misfit`` is ``steered``'s.
    """
    found = unread(context) or disagreed(context)
    return found or (
        (cut(context) or refused(context) or steered(context, misfit=misfit) or elsewhere(context)) if ended else None
    )


def steered(context: CheckContext, *, misfit: bool = False) -> Finding | None:
    """That the caller chose tokens in the model's place: by a grammar of its own or, but for a ``misfit`` in what the
    model did write, by a bias.
    """
    by = context.limits.steered or ("" if misfit else context.limits.biased)
    return unjudged("the caller steered the model's tokens", by, "caller") if by else None


def continued(context: CheckContext) -> Finding | None:
    """That an answer goes on from a beginning that the caller wrote: what is missing in it may stand there."""
    reason = "the answer goes on from the caller's own beginning"
    return unjudged(reason, "", "caller") if context.limits.continues else None


def elsewhere(context: CheckContext) -> Finding | None:
    """That an answer with neither text nor calls holds something else, tokens were counted that are not here, or the
    caller's own conversation leaves nothing to say.
    """
    reading = context.reading
    if not isinstance(reading, Reply) or reading.text or reading.calls or reading.errors or reading.provider_calls:
        return None
    if other_parts(context):
        return unjudged("the answer holds neither text nor calls, but something else")
    if context.limits.continues or context.limits.broken:
        return continued(context) or unjudged("the caller's conversation is broken", context.limits.broken, "caller")
    used = reading.usage.completion if reading.usage else None
    if used is not None and used > _MOST_OF_NOTHING and not reading.reasoning:
        return unjudged("tokens were counted that the answer does not hold", f"{used} tokens", "recording")
    return None


def other_parts(context: CheckContext) -> bool:
    """Whether the answer holds something that is neither text, reasoning nor a call: a picture, a sound, code."""
    response = context.exchange.response if context.exchange else None
    return response is not None and _OTHER_PARTS.search(response.body) is not None


def ended(reading: Reply) -> str:
    """How an answer says that it ended."""
    return f"the finish {reading.raw_finish or reading.finish!r}"
