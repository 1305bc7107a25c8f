"""Whose doing an answer is: what may be held against the model, and why the rest may not.

A model is judged by an answer that ended by itself and that two readers, which share nothing, read alike. What the
caller's limit or stop sequence cut, what was refused, what litellm or this harness lost and what a recording does not
hold whole is somebody else's, or nobody's: it is counted apart, under its reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.checks.card.call_comparison import lost, otherwise
from harness.checks.card.context import describe
from harness.checks.card.markup_in_text import call_as_text
from harness.checks.json_equality import shown
from harness.core.chat import Reply
from harness.core.errors import HarnessError, ProviderError, StreamCutError
from harness.core.finding import Finding

if TYPE_CHECKING:
    from harness.checks.card.context import CheckContext
    from harness.core.finding import Blame

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


def unjudged(reason: str, detail: str = "", blame: Blame = "") -> Finding:
    """That something can't be judged: ``reason`` is what such findings are counted by."""
    return Finding("", "unseen", f"{reason}: {detail}" if detail else reason, blame=blame, cause=reason)


def cut(seen: CheckContext) -> Finding | None:
    """How an answer ended before the model had ended it; None where it ended by itself."""
    reading = seen.reading
    if not isinstance(reading, Reply):
        return None
    native = seen.exchange.response if seen.exchange else None
    used = reading.usage.completion if reading.usage else None
    limit = seen.limits.tokens
    by_count = limit is not None and (used or 0) >= limit
    by_native = native is not None and _NATIVE_CUT.search(native.body) is not None
    word = reading.raw_finish or reading.finish or "none"
    if reading.finish == "length" or by_count or by_native:
        if limit is not None:
            return unjudged(BY_LIMIT, f"{limit} tokens, the finish {word!r}", "caller")
        return unjudged("cut at the provider's own limit", f"the finish {word!r}", "provider")
    if reading.raw_finish == "stop_sequence" or (seen.limits.stops and reading.finish == "stop"):
        return unjudged(BY_STOP, f"the finish {word!r}, and the request has stop sequences", "caller")
    if reading.finish == "error":
        return unjudged("ended by an error of the provider's", f"the finish {word!r}", "provider")
    if reading.finish == "unknown":
        return unjudged("ended with a word that is not known here", f"{word!r}", "provider")
    if reading.finish is None:
        return unjudged("no finish reason says that the answer ended", "", "provider")
    return None


def refused(seen: CheckContext) -> Finding | None:
    """That the model, or a filter in front of it, refused."""
    reading = seen.reading
    if not isinstance(reading, Reply):
        return None
    if reading.refusal or reading.finish in {"refusal", "content_filter"}:
        return unjudged(REFUSED, shown(reading.refusal or reading.raw_finish or reading.finish))
    return None


def unread(seen: CheckContext) -> Finding | None:
    """Why nothing at all can be said of the model by this answer; None where it can be."""
    reading, reply, error = seen.reading, seen.observation.reply, seen.observation.error
    if seen.exchange is None or seen.exchange.response is None or seen.exchange.response.status >= 400:  # noqa: PLR2004 - HTTP's own border
        return unjudged("no answer", describe(error) if error else "")
    if not seen.exchange.complete and not isinstance(reading, Reply):
        return unjudged("the client stopped reading", "what would have followed is not recorded", "caller")
    if isinstance(reading, StreamCutError):
        return unjudged("the stream ends early", str(reading)[:200], "recording")
    if isinstance(reading, ProviderError):
        return unjudged("ended by an error of the provider's", describe(reading), "provider")
    if isinstance(reading, HarnessError) or reading is None:
        return unjudged("the answer can't be read", describe(reading) if reading else "", "backend")
    if seen.limits.answers > 1:
        return unjudged("several answers were asked for at once", f"{seen.limits.answers}", "caller")
    if reply is None:
        held = getattr(error, "reply", None)
        if not isinstance(held, Reply) and not reading.errors:
            return unjudged("litellm or the backend raised", describe(error), "litellm")
    return None


def disagreed(seen: CheckContext) -> Finding | None:
    """That the wire and what came back are not alike: lost on the way, or misread here. Not the model's doing."""
    if seen.both is None:
        return None
    reading, reply = seen.both
    if call_as_text(seen) and reply.calls:
        return None
    wrong = lost(seen)
    if wrong is None and len(reply.errors) < len(reading.errors):
        wrong = f"{len(reading.errors)} calls that can't be read are on the wire, {len(reply.errors)} came back"
    if wrong is None and reply.text != reading.text and otherwise(reading, reply).verdict == "fail":
        wrong = f"the text on the wire is {shown(reading.text)}, {shown(reply.text)} came back"
    return unjudged(DISAGREED, wrong, "litellm") if wrong else None


def unaccountable(seen: CheckContext, *, ended: bool = True, misfit: bool = False) -> Finding | None:
    """Why this answer may not be held against the model; None where it may. ``ended`` False: for what an answer shows
    whether or not it was cut, such as a call that is there. ``misfit`` is ``steered``'s.
    """
    found = unread(seen) or disagreed(seen)
    return found or ((cut(seen) or refused(seen) or steered(seen, misfit=misfit) or elsewhere(seen)) if ended else None)


def steered(seen: CheckContext, *, misfit: bool = False) -> Finding | None:
    """That the caller chose tokens in the model's place: by a grammar of its own or, but for a ``misfit`` in what the
    model did write, by a bias.
    """
    by = seen.limits.steered or ("" if misfit else seen.limits.biased)
    return unjudged("the caller steered the model's tokens", by, "caller") if by else None


def continued(seen: CheckContext) -> Finding | None:
    """That an answer goes on from a beginning that the caller wrote: what is missing in it may stand there."""
    reason = "the answer goes on from the caller's own beginning"
    return unjudged(reason, "", "caller") if seen.limits.continues else None


def elsewhere(seen: CheckContext) -> Finding | None:
    """That an answer with neither text nor calls holds something else, tokens were counted that are not here, or the
    caller's own conversation leaves nothing to say.
    """
    reading = seen.reading
    if not isinstance(reading, Reply) or reading.text or reading.calls or reading.errors or reading.provider_calls:
        return None
    if other_parts(seen):
        return unjudged("the answer holds neither text nor calls, but something else")
    if seen.limits.continues or seen.limits.broken:
        return continued(seen) or unjudged("the caller's conversation is broken", seen.limits.broken, "caller")
    used = reading.usage.completion if reading.usage else None
    if used is not None and used > _MOST_OF_NOTHING and not reading.reasoning:
        return unjudged("tokens were counted that the answer does not hold", f"{used} tokens", "recording")
    return None


def other_parts(seen: CheckContext) -> bool:
    """Whether the answer holds something that is neither text, reasoning nor a call: a picture, a sound, code."""
    response = seen.exchange.response if seen.exchange else None
    return response is not None and _OTHER_PARTS.search(response.body) is not None


def ended(reading: Reply) -> str:
    """How an answer says that it ended."""
    return f"the finish {reading.raw_finish or reading.finish!r}"
