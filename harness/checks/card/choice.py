"""What was asked for by the tool choice."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from harness.checks.card.blame import (
    call_as_text,
    continued,
    ended,
    marker,
    other_parts,
    steered,
    unaccountable,
    unjudged,
    unread,
)
from harness.checks.card.context import CardCheck, describe, failed, judged, names, passing, quirk, unsupported
from harness.checks.json_equality import parsed, shown
from harness.checks.structure import wants_call
from harness.core.chat import Reply
from harness.core.errors import BadRequestError, UnsupportedError, UsageError
from harness.core.finding import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.finding import Blame, Finding


NOT_SENT = "the tool choice does not reach this provider"


def choice(context: CheckContext) -> str | None:
    """``auto``, ``none``, ``required`` or ``named``; None where no tools are offered."""
    if not context.tools:
        return None
    chosen = context.observation.asked.get("tool_choice")
    return "named" if isinstance(chosen, dict) else chosen or "auto"


def _when(kind: str) -> Callable[[CheckContext], bool]:
    return lambda context: choice(context) == kind


def _if_chosen(
    kind: str, judge: Callable[[CheckContext, Reply], Iterator[Finding]]
) -> Callable[[CheckContext], Iterator[Finding]]:
    """A check of the answers to questions with this tool choice; a provider that refuses it does not support it."""

    def check(context: CheckContext) -> Iterator[Finding]:
        if choice(context) != kind:
            return
        error = context.observation.error
        if isinstance(error, UnsupportedError) or (
            context.own and kind != "auto" and isinstance(error, BadRequestError)
        ):
            yield unsupported(f"refused: {describe(error)}")
        elif context.limits.unread_choice:
            yield unjudged("the tool choice can't be read", "", "caller")
        elif why := _unsent(context, kind):
            yield why
        elif why := unread(context):
            if not context.infra and context.observation.exchanges:
                yield why
        elif isinstance(context.reading, Reply):
            yield from judge(context, context.reading)

    return check


def _unsent(context: CheckContext, kind: str) -> Finding | None:
    """That the choice went out otherwise than it was requested: what was not sent is not judged."""
    if not context.own or context.request is None:
        return None
    sent, offered = context.request.choice, context.request.tools
    name = context.wire.get(sent["function"]["name"]) if isinstance(sent, dict) else None
    if kind == "none" and not offered:
        return None
    if sent == "required" and len(offered) == 1:  # which of them is no question then
        name = context.wire.get(offered[0]["function"]["name"])
    if kind == "named" and name is not None:
        requested = context.observation.asked["tool_choice"].get("function", {}).get("name")
        alike = name == requested
    else:
        alike = ("named" if isinstance(sent, dict) else sent or "auto") == kind
    return None if alike else unjudged(NOT_SENT, f"asked for `{kind}`, the request has {shown(sent)}", "litellm")


def calls_of(context: CheckContext, reading: Reply) -> list[str]:
    """The caller's own names of all that the wire calls, whole or broken."""
    broken = [error.name or "" for error in reading.errors]
    return [context.wire.get(name, name) for name in (*(call.name for call in reading.calls), *broken)]


def no_call(context: CheckContext, message: str, *, blame: Blame) -> Finding:
    """That a call is missing, unless the model is not to blame or it follows from something else that is found."""
    if why := unaccountable(context):
        return why
    reply = context.observation.reply
    if why := continued(context):
        return why
    if context.request is not None and context.request.json is not None and reply is not None and parsed(reply.text)[0]:
        return unjudged("JSON was asked for beside the call", shown(reply.text), "caller")
    cause = "no call"
    if reply is not None and marker(reply):
        cause = "marker"
    elif reply is not None and not reply.text.strip():
        cause = "empty"
    return failed(message, blame=blame, cause=cause)


def _auto(context: CheckContext, reading: Reply) -> Iterator[Finding]:
    called = calls_of(context, reading) or call_as_text(context)
    if called:
        yield passing(count(len(called), "call"))
    elif context.own and wants_call(context.expect):
        message = f"the question needs a tool, and it said {shown(reading.text)}"
        yield unaccountable(context) or unjudged("counted in A1", message, "model")
    elif why := unaccountable(context):
        yield why
    elif reading.text or reading.provider_calls or other_parts(context):
        yield passing("answered in text")
    else:
        yield failed("neither text nor call", blame="model", cause="empty")


def _no_call(context: CheckContext, reading: Reply) -> Iterator[Finding]:
    called = calls_of(context, reading)
    wrong = f"the choice `none` was sent, and it called {names(called)}" if called else None
    yield (wrong and steered(context, misfit=True)) or judged(wrong, "no call", blame="provider")


def _required(context: CheckContext, reading: Reply) -> Iterator[Finding]:
    if called := calls_of(context, reading):
        yield passing(f"called {names(called)}")
    elif reading.provider_calls:
        yield passing("called a tool that the provider runs itself")
    elif written := call_as_text(context):
        yield quirk(f"the call to {names(written)} came as text")
    elif context.limits.other_tools:
        yield unjudged("tools that are no functions were offered too", "", "caller")
    else:
        message = f"the choice `required` was sent, and the answer is {shown(reading.text)}, {ended(reading)}"
        yield no_call(context, message, blame="provider")


def _named(context: CheckContext, reading: Reply) -> Iterator[Finding]:
    requested = context.observation.asked["tool_choice"].get("function", {}).get("name")
    called = calls_of(context, reading) or call_as_text(context)
    if called[:1] == [requested]:
        yield passing(f"called {requested!r}")
    elif requested not in context.tools:
        yield unjudged("the tool choice names no tool that was offered", f"{requested!r}", "caller")
    elif called:
        yield failed(f"the choice `{requested}` was sent, and it called {names(called)}", blame="provider")
    else:
        message = f"the choice `{requested}` was sent, and the answer is {shown(reading.text)}, {ended(reading)}"
        yield no_call(context, message, blame="provider")


def required_without_tools(context: CheckContext) -> Iterator[Finding]:
    if context.tools or context.observation.asked.get("tool_choice") != "required" or not context.own:
        return
    error = context.observation.error
    if isinstance(error, UsageError | BadRequestError):
        yield passing(describe(error))
    else:
        yield failed("a call was required and no tool offered, and nothing refused it")


_choice = partial(CardCheck, topic="choice", aspect="model", blame="provider")

CHECKS = (
    _choice(
        "C1",
        "auto",
        "left to itself (auto), the model answers",
        judge=_if_chosen("auto", _auto),
        asks=_when("auto"),
        blame="model",
        needs="an answer to a question with tools",
    ),
    _choice(
        "C2",
        "none",
        "asked to call nothing, it calls nothing",
        judge=_if_chosen("none", _no_call),
        asks=_when("none"),
        needs="a question with the choice `none`",
    ),
    _choice(
        "C3",
        "required",
        "asked to call, it calls",
        judge=_if_chosen("required", _required),
        asks=_when("required"),
        needs="a question with the choice `required`",
    ),
    _choice(
        "C4",
        "named",
        "asked to call one tool, it calls that",
        judge=_if_chosen("named", _named),
        asks=_when("named"),
        needs="a question whose choice names a tool",
    ),
)
REFUSALS = (
    CardCheck(
        "C5",
        "required without tools",
        "a required call without tools is refused",
        "choice",
        required_without_tools,
        aspect="wire",
        needs="the card's own question",
    ),
)
