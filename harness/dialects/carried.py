"""What a wire can carry: a reply that would read back as another is refused before a byte is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, ProviderCall, ToolCall
from harness.core.errors import UnreadableReplyError, UsageError
from harness.dialects.arguments import judged, strict_json
from harness.dialects.dialect import ordered
from harness.dialects.framing.sse import dumps

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from harness.core.chat import Finish, Json, Reply
    from harness.dialects.facts import Facts

_THINKING = re.compile(r"\s*<(?P<tag>think|thinking)>(?P<thought>.*?)</(?P=tag)>(?P<text>.*)", re.DOTALL)


def check(reply: Reply, finishes: Collection[Finish | None], wire: str) -> None:
    """Raise ``UsageError`` for a reply that ``wire`` has no words for, whatever the quirks."""
    if reply.finish not in finishes and not (reply.finish == "unknown" and reply.raw_finish):
        raise UsageError(f"{wire} has no stop reason for {reply.finish!r}")
    if reply.refusal:
        raise UsageError(f"{wire} has no field for a refusal; say it as text, with the finish 'content_filter'")
    calls: list[ToolCall | CallError | ProviderCall] = [*reply.calls, *reply.errors, *reply.provider_calls]
    names = [said for call in calls for said in (call.name, call.id) if said]
    try:
        "".join((reply.text, reply.reasoning, *names, *(error.raw for error in reply.errors))).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{wire} is UTF-8, which has no lone surrogates: {error.object[error.start]!r}") from error


def finish_word(reply: Reply, facts: Facts, said: Mapping[Finish | None, str | None]) -> str | None:
    """The word that ``reply`` ends in: its own one, where ``facts`` gives it the meaning of ``reply.finish``, else that
    of ``said``.
    """
    own = reply.raw_finish
    return own if own and facts.finish(own) == reply.finish else said.get(reply.finish)


def ends_cut(reply: Reply, call: ToolCall | CallError) -> bool:
    """Whether ``call`` is where the reply was stopped: its last."""
    return reply.finish in STOPPED and ordered(reply)[-1] is call


def argument(call: ToolCall | CallError, wire: str, *, text: bool, cut: bool, bare: bool = True) -> Json:
    """What is sent for a call's arguments: an object for a good call, for a broken one its raw text or, where
    arguments are no ``text``, the JSON value that the text holds.

    ``bare``: on this wire ``{}`` is what nothing at all looks like. Raises ``UsageError`` where the wire can't tell the
    call from another: text that is no JSON where JSON belongs, a fault that would not be found.
    """
    if isinstance(call, ToolCall):
        given: Json = call.parameters
    elif text:
        given = call.raw
    else:
        given = _value(call, wire)
    read = judged(call.name, None if bare and given == {} else given, call.id, 0, cut=cut)
    if _fault(read) != _fault(call):
        found = f"an error: {read.detail}" if isinstance(read, CallError) else "a good call"
        raise UsageError(f"{wire} can't carry the call to {call.name!r} like this: it would read back as {found}")
    return given


def _value(call: CallError, wire: str) -> Json:
    try:
        return strict_json(call.raw)
    except ValueError as error:
        raise UsageError(
            f"{wire} sends arguments as JSON, and {call.raw[:80]!r} is none ({error}); where it streams text, stream it"
        ) from error


def _fault(call: ToolCall | CallError) -> str | None:
    """What a reader can find wrong with ``call``: it does not know which tools were offered."""
    return call.fault if isinstance(call, CallError) and call.fault != "unknown_tool" else None


def without_thinking(text: str, reasoning: str) -> tuple[str, str]:
    """``text`` and ``reasoning``, where a ``<think>`` block in front of the text is the only reasoning that came."""
    found = None if reasoning else _THINKING.match(text)
    return (found["text"], found["thought"]) if found else (text, reasoning)


class shaped:  # noqa: N801 - it is used as ``contextlib``'s are; a class, for a stream enters it thousands of times
    """Turn a missing, mistyped or misplaced field of ``piece``, a part of an answer, into ``UnreadableReplyError``."""

    __slots__ = ("_piece",)

    def __init__(self, piece: Json) -> None:
        self._piece = piece

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, _MISSHAPEN):
            raise UnreadableReplyError(f"no shape of this dialect: {error!r}", dumps(self._piece)) from error


_MISSHAPEN = (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError)
