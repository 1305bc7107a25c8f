"""Calls held against the schemas of their tools, and answers in JSON against what was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.checks.card.blame import BY_LIMIT, BY_STOP, continued, ended, steered, unaccountable, unjudged
from harness.checks.card.context import CardCheck, describe, failed, judged, passing, unsupported
from harness.checks.json_equality import parsed, shown
from harness.checks.schema import UnreadableSchemaError, recorded_misfit
from harness.core.chat import Reply
from harness.core.errors import BadRequestError, UnsupportedError
from harness.core.finding import Finding
from harness.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.chat import CallError, Json, ToolCall
    from harness.core.finding import Blame

SCHEMA_ACCURACY = 0.98
"""C6: the share of valid calls that Kimi K2's vendor verifier asks of a vendor."""
JSON_NOT_SENT = "the wish for JSON does not reach this provider"


def unended(seen: CheckContext) -> Finding | None:
    """Why an answer's calls are not held against their schemas; None where they are.

    As Kimi K2's vendor verifier has it, only answers that ended with ``tool_calls`` are; where a dialect has no word of
    its own for that, those that ended by themselves.
    """
    if why := unaccountable(seen, misfit=True):
        return why
    reading, reply = seen.reading, seen.observation.reply
    if not isinstance(reading, Reply) or seen.asked is None:
        return unjudged("no answer")
    if "tool_calls" in {reading.finish, reply.finish if reply else None}:
        return None
    if reading.finish == "stop" and "tool_calls" not in DIALECTS[seen.asked.dialect].facts.finishes.values():
        return None
    return unjudged("the answer did not end with tool_calls", ended(reading))


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
        yield steered(seen) or _broken(seen, bad)


def _broken(seen: CheckContext, bad: CallError) -> Finding:
    """A call whose arguments are no JSON object. Cut ones are the caller's where a limit may have cut them."""
    if bad.fault not in {"arguments", "cut_off"}:
        return unjudged("the call has no usable name", bad.detail)
    usage = seen.reading.usage if isinstance(seen.reading, Reply) else None
    if bad.fault == "cut_off" and seen.limits.tokens is not None and (usage is None or usage.completion is None):
        return unjudged(BY_LIMIT, f"the arguments {shown(bad.raw)} end early, and no token count says why", "caller")
    if seen.limits.stops and not str(bad.raw).rstrip().endswith("}"):
        return unjudged(BY_STOP, f"the arguments {shown(bad.raw)} end early, the request has stop sequences", "caller")
    blame: Blame = "provider" if bad.fault == "cut_off" else "model"
    message = f"{bad.name}: arguments that are no JSON object: {shown(bad.raw)}"
    return failed(message, f"[{bad.index}]", blame=blame, cause=f"arguments [{bad.index}]")


def fitting(seen: CheckContext, call: ToolCall, path: str, message: str = "") -> Finding:
    """Whether a call of the wire fits the schema that was sent for its tool."""
    own = seen.wire.get(call.name, call.name)
    if call.name in seen.limits.deferred:
        return unjudged("the tool's schema was left for a search to load", own, "caller")
    if call.name in seen.limits.doubled:
        return unjudged("two tools of one name are offered", own, "caller")
    sent = seen.asked.schemas.get(call.name) if seen.asked else None
    try:
        unfit = recorded_misfit(call.parameters, sent, arguments=True)
        lost = recorded_misfit(call.parameters, seen.tools.get(own), arguments=True) if seen.own and not unfit else None
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


def _answer_in_json(seen: CheckContext, *, misfit: bool = False) -> Iterator[Reply | Finding]:
    """The answer that must be JSON; a finding where it can't be judged; nothing where none was asked for."""
    if isinstance(seen.observation.error, UnsupportedError):
        yield unsupported(describe(seen.observation.error))
        return
    reading, reply = seen.reading, seen.observation.reply
    if seen.own and seen.asked is not None and seen.asked.json is None and len(seen.asked.tools) == len(seen.tools):
        yield unjudged(JSON_NOT_SENT, "", "litellm")  # where a tool was added, JSON is asked for by calling that
        return
    if not isinstance(reading, Reply) or reading.calls or reading.errors or (reply and reply.calls):
        return
    if why := unaccountable(seen, misfit=misfit) or continued(seen):
        yield why
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
            ok, _ = parsed(reply.text)
            yield passing("one JSON value") if ok else _not_json(reply)


def json_schema(seen: CheckContext) -> Iterator[Finding]:
    wanted = wanted_json(seen)
    if not wanted:
        return
    for reply in _answer_in_json(seen, misfit=True):
        if isinstance(reply, Finding):
            yield reply
            continue
        ok, value = parsed(reply.text)
        if not ok:
            yield steered(seen) or _not_json(reply)
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
