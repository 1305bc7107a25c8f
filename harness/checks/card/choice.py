"""What was asked for: tool choice, the tools' schemas, and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.checks.card.blame import BY_LIMIT, other_parts, unaccountable, unjudged, unread
from harness.checks.card.context import CardCheck, describe, failed, judged, names, passing, quirk, unsupported
from harness.checks.card.markup_in_text import call_as_text, marker
from harness.checks.json_equality import shown
from harness.checks.schema import UnreadableSchemaError, recorded_misfit
from harness.checks.suite.structure import wants_call
from harness.core.chat import Reply
from harness.core.errors import BadRequestError, UnsupportedError, UsageError
from harness.core.finding import Finding
from harness.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.chat import CallError, Json, ToolCall
    from harness.core.finding import Blame

SCHEMA_ACCURACY = 0.98
"""C6: the share of valid calls that Kimi K2's vendor verifier asks of a vendor."""


def choice(seen: CheckContext) -> str | None:
    """``auto``, ``none``, ``required`` or ``named``; None where no tools are offered."""
    if not seen.tools:
        return None
    chosen = seen.observation.asked.get("tool_choice")
    return "named" if isinstance(chosen, dict) else chosen or "auto"


def _when(kind: str) -> Callable[[CheckContext], bool]:
    return lambda seen: choice(seen) == kind


def _if_chosen(
    kind: str, judge: Callable[[CheckContext, Reply], Iterator[Finding]]
) -> Callable[[CheckContext], Iterator[Finding]]:
    """A check of the answers to questions with this tool choice; a provider that refuses it does not support it."""

    def check(seen: CheckContext) -> Iterator[Finding]:
        if choice(seen) != kind:
            return
        error = seen.observation.error
        if isinstance(error, UnsupportedError) or (seen.own and kind != "auto" and isinstance(error, BadRequestError)):
            yield unsupported(f"refused: {describe(error)}")
        elif seen.limits.unread_choice:
            yield unjudged("the tool choice can't be read", "", "caller")
        elif why := unread(seen):
            if not seen.infra and seen.observation.exchanges:
                yield why
        elif isinstance(seen.reading, Reply):
            yield from judge(seen, seen.reading)

    return check


def calls_of(seen: CheckContext, reading: Reply) -> list[str]:
    """The caller's own names of all that the wire calls, whole or broken."""
    broken = [error.name or "" for error in reading.errors]
    return [seen.wire.get(name, name) for name in (*(call.name for call in reading.calls), *broken)]


def no_call(seen: CheckContext, message: str, *, blame: Blame) -> Finding:
    """That a call is missing, unless it is not the model's doing or follows from something else that is found."""
    if why := unaccountable(seen):
        return why
    if seen.limits.continues:
        return unjudged("the answer goes on from the caller's own beginning", "", "caller")
    reply = seen.observation.reply
    cause = "no call"
    if reply is not None and marker(reply):
        cause = "marker"
    elif reply is not None and not reply.text.strip():
        cause = "empty"
    return failed(message, blame=blame, cause=cause)


def _auto(seen: CheckContext, reading: Reply) -> Iterator[Finding]:
    called = calls_of(seen, reading) or call_as_text(seen)
    if called:
        yield passing(f"{len(called)} calls")
    elif seen.own and wants_call(seen.expect):
        yield no_call(seen, f"the question needs a tool, and it said {shown(reading.text)}", blame="model")
    elif why := unaccountable(seen):
        yield why
    elif reading.text or reading.provider_calls or other_parts(seen):
        yield passing("answered in text")
    else:
        yield failed("neither text nor call", blame="model", cause="empty")


def _no_call(seen: CheckContext, reading: Reply) -> Iterator[Finding]:
    called = calls_of(seen, reading)
    wrong = f"the choice `none` was sent, and it called {names(called)}" if called else None
    yield judged(wrong, "no call", blame="provider")


def _required(seen: CheckContext, reading: Reply) -> Iterator[Finding]:
    if called := calls_of(seen, reading):
        yield passing(f"called {names(called)}")
    elif reading.provider_calls:
        yield passing("called a tool that the provider runs itself")
    elif written := call_as_text(seen):
        yield quirk(f"the call to {names(written)} came as text")
    elif seen.limits.other_tools:
        yield unjudged("tools that are no functions were offered too", "", "caller")
    else:
        message = f"the choice `required` was sent, and the answer is {shown(reading.text)}, {_ended(reading)}"
        yield no_call(seen, message, blame="provider")


def _ended(reading: Reply) -> str:
    return f"the finish {reading.raw_finish or reading.finish!r}"


def _named(seen: CheckContext, reading: Reply) -> Iterator[Finding]:
    wanted = seen.observation.asked["tool_choice"].get("function", {}).get("name")
    called = calls_of(seen, reading) or call_as_text(seen)
    if called[:1] == [wanted]:
        yield passing(f"called {wanted!r}")
    elif wanted not in seen.tools:
        yield unjudged("the tool choice names no tool that was offered", f"{wanted!r}", "caller")
    elif called:
        yield failed(f"the choice `{wanted}` was sent, and it called {names(called)}", blame="provider")
    else:
        message = f"the choice `{wanted}` was sent, and the answer is {shown(reading.text)}, {_ended(reading)}"
        yield no_call(seen, message, blame="provider")


def required_without_tools(seen: CheckContext) -> Iterator[Finding]:
    if seen.tools or seen.observation.asked.get("tool_choice") != "required" or not seen.own:
        return
    error = seen.observation.error
    if isinstance(error, UsageError | BadRequestError):
        yield passing(describe(error))
    else:
        yield failed("a call was required and no tool offered, and nothing refused it")


def unended(seen: CheckContext) -> Finding | None:
    """Why an answer's calls are not held against their schemas; None where they are.

    As Kimi K2's vendor verifier has it, only answers that ended with ``tool_calls`` are; where a dialect has no word of
    its own for that, those that ended by themselves.
    """
    if why := unaccountable(seen):
        return why
    reading, reply = seen.reading, seen.observation.reply
    if not isinstance(reading, Reply) or seen.asked is None:
        return unjudged("no answer")
    if "tool_calls" in {reading.finish, reply.finish if reply else None}:
        return None
    if reading.finish == "stop" and "tool_calls" not in DIALECTS[seen.asked.dialect].facts.finishes.values():
        return None
    return unjudged("the answer did not end with tool_calls", _ended(reading))


def accuracy(seen: CheckContext) -> Iterator[Finding]:
    """Every call of the answers that are judged."""
    reading = seen.reading
    if not seen.tools or not isinstance(reading, Reply) or not (reading.calls or reading.errors):
        return
    if why := unended(seen):
        yield why
        return
    for number, call in enumerate(reading.calls):
        if call.name in seen.wire:
            yield fitting(seen, call, f"[{number}]")
    for bad in reading.errors:
        yield _broken(seen, bad)


def _broken(seen: CheckContext, bad: CallError) -> Finding:
    """A call whose arguments are no JSON object. Cut ones are the caller's where a limit may have cut them."""
    if bad.fault not in {"arguments", "cut_off"}:
        return unjudged("the call has no usable name", bad.detail)
    usage = seen.reading.usage if isinstance(seen.reading, Reply) else None
    if bad.fault == "cut_off" and seen.limits.tokens is not None and (usage is None or usage.completion is None):
        return unjudged(BY_LIMIT, f"the arguments {shown(bad.raw)} end early, and no token count says why", "caller")
    blame: Blame = "provider" if bad.fault == "cut_off" else "model"
    message = f"{bad.name}: arguments that are no JSON object: {shown(bad.raw)}"
    return failed(message, f"[{bad.index}]", blame=blame, cause=f"arguments [{bad.index}]")


def fitting(seen: CheckContext, call: ToolCall, path: str, message: str = "") -> Finding:
    """Whether a call of the wire fits the schema that was sent for its tool."""
    own = seen.wire.get(call.name, call.name)
    if call.name in seen.limits.deferred:
        return unjudged("the tool's schema was left for a search to load", own, "caller")
    sent = seen.asked.schemas.get(call.name) if seen.asked else None
    try:
        unfit = recorded_misfit(call.parameters, sent)
        lost = recorded_misfit(call.parameters, seen.tools.get(own)) if seen.own and not unfit else None
    except UnreadableSchemaError as error:
        return unjudged("the tool's schema can't be read", f"{own}: {error}", "caller")
    said = f"{own}({shown(call.parameters)})"
    if lost:
        return unjudged("the schema lost on its way what the call breaks", f"{said}: {lost}", "litellm")
    if unfit:
        return failed(f"{said} does not fit the tool's schema: {unfit}", path, blame="model", cause=f"misfit {path}")
    return passing(message or f"{own} fits its schema")


# A feature of JSON schema, and whether a schema uses it.
_FEATURES: dict[str, Callable[[str], bool]] = {
    "enum": lambda text: '"enum"' in text,
    "anyOf": lambda text: '"anyOf"' in text or '"oneOf"' in text,
    "$ref": lambda text: '"$ref"' in text,
    "array": lambda text: '"array"' in text,
    "nested": lambda text: text.count('"properties"') > 1,
}


def schemas(seen: CheckContext) -> Iterator[Finding]:
    if not seen.tools:
        return
    used = {
        name: [feature for feature, uses in _FEATURES.items() if uses(json.dumps(schema))]
        for name, schema in seen.tools.items()
    }
    error, reading = seen.observation.error, seen.reading
    features = sorted({feature for found in used.values() for feature in found})
    if isinstance(error, BadRequestError) and features and seen.own:
        yield unsupported(f"schemas with {', '.join(features)} were refused: {describe(error)}")
    if not isinstance(reading, Reply):
        return
    why = unended(seen)
    for number, call in enumerate(reading.calls):
        if together := ", ".join(used.get(seen.wire.get(call.name, ""), ())):
            yield why or fitting(seen, call, f"[{number}]", f"{together} honoured")


def wanted_json(seen: CheckContext) -> dict[str, Json] | None:
    """The schema that the answer must fit, ``{}`` for any JSON; None where no JSON was asked for."""
    if seen.asked is not None and seen.asked.json is not None:
        return seen.asked.json
    asked = seen.observation.asked
    form = asked.get("response_format")
    if isinstance(form, dict) and form.get("type") in {"json_object", "json_schema"}:
        schema = (form.get("json_schema") or {}).get("schema")
        return schema if isinstance(schema, dict) else {}
    return {} if asked.get("message_return_type") == "json" else None


def _parsed(text: str) -> tuple[bool, Json]:
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, None


def _answer_in_json(seen: CheckContext) -> Iterator[Reply | Finding]:
    """The answer that must be JSON; a finding where it can't be judged; nothing where none was asked for."""
    if isinstance(seen.observation.error, UnsupportedError):
        yield unsupported(describe(seen.observation.error))
        return
    reading, reply = seen.reading, seen.observation.reply
    if not isinstance(reading, Reply) or reading.calls or reading.errors or (reply and reply.calls):
        return
    if why := unaccountable(seen):
        yield why
    elif seen.limits.continues:
        yield unjudged("the answer goes on from the caller's own beginning", "", "caller")
    elif reading.provider_calls and not reading.text:
        yield unjudged("the provider's own tools answered")
    elif reply is not None:
        yield reply


def _not_json(reply: Reply) -> Finding:
    cause = "no json" if reply.text.strip() else "empty"
    return failed(f"JSON was asked for, and the text is {shown(reply.text)}", blame="provider", cause=cause)


def json_mode(seen: CheckContext) -> Iterator[Finding]:
    if wanted_json(seen) is None:
        return
    for reply in _answer_in_json(seen):
        if isinstance(reply, Finding):
            yield reply
        else:
            ok, _ = _parsed(reply.text)
            yield passing("one JSON value") if ok else _not_json(reply)


def json_schema(seen: CheckContext) -> Iterator[Finding]:
    wanted = wanted_json(seen)
    if not wanted:
        return
    for reply in _answer_in_json(seen):
        if isinstance(reply, Finding):
            yield reply
            continue
        ok, value = _parsed(reply.text)
        if not ok:
            yield _not_json(reply)
            continue
        try:
            unfit = recorded_misfit(value, wanted)
        except UnreadableSchemaError as error:
            yield unjudged("the answer's schema can't be read", str(error), "caller")
            continue
        wrong = f"the answer {shown(value)} does not fit: {unfit}" if unfit else None
        yield judged(wrong, "the answer fits its schema", blame="provider", cause="json misfit")


CHECKS = (
    CardCheck(
        "C1",
        "auto",
        "left to itself (auto), the model answers",
        "choice",
        _if_chosen("auto", _auto),
        asks=_when("auto"),
        about="model",
        blame="model",
        needs="an answer to a question with tools",
    ),
    CardCheck(
        "C2",
        "none",
        "told to call nothing, it calls nothing",
        "choice",
        _if_chosen("none", _no_call),
        asks=_when("none"),
        about="model",
        blame="provider",
        needs="a question with the choice `none`",
    ),
    CardCheck(
        "C3",
        "required",
        "told to call, it calls",
        "choice",
        _if_chosen("required", _required),
        asks=_when("required"),
        about="model",
        blame="provider",
        needs="a question with the choice `required`",
    ),
    CardCheck(
        "C4",
        "named",
        "told which tool to call, it calls that",
        "choice",
        _if_chosen("named", _named),
        asks=_when("named"),
        about="model",
        blame="provider",
        needs="a question whose choice names a tool",
    ),
    CardCheck(
        "C6",
        "schema accuracy",
        "calls fit their tools' schemas",
        "schema",
        accuracy,
        threshold=SCHEMA_ACCURACY,
        about="model",
        blame="model",
        needs="a call in an answer that ended with tool_calls",
    ),
    CardCheck(
        "C7",
        "schemas",
        "enum, anyOf, $ref, lists and nested objects are accepted and honoured",
        "schema",
        schemas,
        about="model",
        blame="model",
        needs="a call of a tool with such a schema",
    ),
    CardCheck(
        "J1",
        "JSON",
        "asked for JSON, the text is one JSON value",
        "JSON",
        json_mode,
        about="model",
        blame="provider",
        needs="an answer in JSON mode",
    ),
    CardCheck(
        "J2",
        "JSON schema",
        "asked for JSON of a schema, the value fits it",
        "JSON",
        json_schema,
        about="model",
        blame="provider",
        needs="an answer for which a JSON schema was given",
    ),
)
REFUSALS = (
    CardCheck(
        "C5",
        "required without tools",
        "a required call without tools is refused",
        "choice",
        required_without_tools,
        about="wire",
        needs="the card's own question",
    ),
)
