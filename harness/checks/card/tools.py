"""Tools on the wire: their names, legal, one to one and mapped back; and their schemas, which calls must fit, as
answers in JSON must fit the schema of the request.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from harness.checks.card.blame import BY_LIMIT, BY_STOP, continued, ended, steered, unaccountable, unjudged
from harness.checks.card.context import CardCheck, describe, failed, judged, names, passing, quirk, unsupported
from harness.checks.json_equality import parsed, shown
from harness.checks.schema import UnreadableSchemaError, recorded_misfit
from harness.core.chat import Reply
from harness.core.errors import BadRequestError, UnsupportedError
from harness.core.finding import Finding, count
from harness.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.chat import CallError, Json, ToolCall
    from harness.core.finding import Blame

SCHEMA_ACCURACY = 0.98
"""C6: the share of valid calls that Kimi K2's vendor verifier asks of a vendor."""
JSON_NOT_SENT = "the wish for JSON does not reach this provider"


def unended(context: CheckContext) -> Finding | None:
    """Why an answer's calls are not held against their schemas; None where they are.

    As Kimi K2's vendor verifier has it, only answers that ended with ``tool_calls`` are; where a dialect has no word of
    its own for that, those that ended by themselves.
    """
    if why := unaccountable(context, misfit=True):
        return why
    reading, reply = context.reading, context.observation.reply
    if not isinstance(reading, Reply) or context.request is None:
        return unjudged("no answer")
    if "tool_calls" in {reading.finish, reply.finish if reply else None}:
        return None
    if reading.finish == "stop" and "tool_calls" not in DIALECTS[context.request.dialect].facts.finishes.values():
        return None
    return unjudged("the answer did not end with tool_calls", ended(reading))


def accuracy(context: CheckContext) -> Iterator[Finding]:
    """Every call of the answers that are judged."""
    reading = context.reading
    if not context.tools or not isinstance(reading, Reply) or not (reading.calls or reading.errors):
        return
    if why := unended(context):
        yield why
        return
    for number, call in enumerate(reading.calls):
        if call.name in context.wire:
            yield fitting(context, call, f"[{number}]")
    for bad in reading.errors:
        yield steered(context) or _broken(context, bad)


def _broken(context: CheckContext, bad: CallError) -> Finding:
    """A call whose arguments are no JSON object. Cut ones are the caller's where a limit may have cut them."""
    if bad.fault not in {"arguments", "cut_off"}:
        return unjudged("the call has no usable name", bad.detail)
    usage = context.reading.usage if isinstance(context.reading, Reply) else None
    if bad.fault == "cut_off" and context.limits.tokens is not None and (usage is None or usage.completion is None):
        return unjudged(BY_LIMIT, f"the arguments {shown(bad.raw)} end early, and no token count says why", "caller")
    if context.limits.stops and not str(bad.raw).rstrip().endswith("}"):
        return unjudged(BY_STOP, f"the arguments {shown(bad.raw)} end early, the request has stop sequences", "caller")
    blame: Blame = "provider" if bad.fault == "cut_off" else "model"
    message = f"{bad.name}: arguments that are no JSON object: {shown(bad.raw)}"
    return failed(message, f"[{bad.index}]", blame=blame, cause=f"arguments [{bad.index}]")


def fitting(context: CheckContext, call: ToolCall, path: str, message: str = "") -> Finding:
    """Whether a call of the wire fits the schema that was sent for its tool."""
    own = context.wire.get(call.name, call.name)
    if call.name in context.limits.deferred:
        return unjudged("the tool's schema was left for a search to load", own, "caller")
    if call.name in context.limits.doubled:
        return unjudged("two tools of one name are offered", own, "caller")
    sent = context.request.schemas.get(call.name) if context.request else None
    try:
        unfit = recorded_misfit(call.parameters, sent, arguments=True)
        lost = (
            recorded_misfit(call.parameters, context.tools.get(own), arguments=True)
            if context.own and not unfit
            else None
        )
    except UnreadableSchemaError as error:
        return unjudged("the tool's schema can't be read", f"{own}: {error}", "caller")
    call_text = f"{own}({shown(call.parameters)})"
    if lost:
        return unjudged("the schema lost on its way what the call breaks", f"{call_text}: {lost}", "litellm")
    if unfit:
        return failed(
            f"{call_text} does not fit the tool's schema: {unfit}", path, blame="model", cause=f"misfit {path}"
        )
    return passing(message or f"{own} fits its schema")


# A feature of JSON schema, and whether a schema uses it.
_FEATURES: dict[str, Callable[[str], bool]] = {
    "enum": lambda text: '"enum"' in text,
    "anyOf": lambda text: '"anyOf"' in text or '"oneOf"' in text,
    "$ref": lambda text: '"$ref"' in text,
    "array": lambda text: '"array"' in text,
    "nested": lambda text: text.count('"properties"') > 1,
}


def schemas(context: CheckContext) -> Iterator[Finding]:
    if not context.tools:
        return
    used = {
        name: [feature for feature, uses in _FEATURES.items() if uses(json.dumps(schema))]
        for name, schema in context.tools.items()
    }
    error, reading = context.observation.error, context.reading
    features = sorted({feature for found in used.values() for feature in found})
    if isinstance(error, BadRequestError) and features and context.own:
        yield unsupported(f"schemas with {', '.join(features)} were refused: {describe(error)}")
    if not isinstance(reading, Reply):
        return
    why = unended(context)
    for number, call in enumerate(reading.calls):
        if together := ", ".join(used.get(context.wire.get(call.name, ""), ())):
            yield why or fitting(context, call, f"[{number}]", f"{together} honoured")


def requested_json(context: CheckContext) -> dict[str, Json] | None:
    """The schema that the answer must fit, ``{}`` for any JSON; None where no JSON was asked for."""
    if context.request is not None and context.request.json is not None:
        return context.request.json
    options = context.observation.asked
    form = options.get("response_format")
    if isinstance(form, dict) and form.get("type") in {"json_object", "json_schema"}:
        schema = (form.get("json_schema") or {}).get("schema")
        return schema if isinstance(schema, dict) else {}
    return {} if options.get("message_return_type") == "json" else None


def _answer_in_json(context: CheckContext, *, misfit: bool = False) -> Iterator[Reply | Finding]:
    """The answer that must be JSON; a finding where it can't be judged; nothing where none was asked for."""
    if isinstance(context.observation.error, UnsupportedError):
        yield unsupported(describe(context.observation.error))
        return
    reading, reply = context.reading, context.observation.reply
    if (
        context.own
        and context.request is not None
        and context.request.json is None
        and len(context.request.tools) == len(context.tools)
    ):
        yield unjudged(JSON_NOT_SENT, "", "litellm")  # where a tool was added, JSON is asked for by calling that
        return
    if not isinstance(reading, Reply) or reading.calls or reading.errors or (reply and reply.calls):
        return
    if why := unaccountable(context, misfit=misfit) or continued(context):
        yield why
    elif reading.provider_calls and not reading.text:
        yield unjudged("the provider's own tools answered")
    elif reply is not None:
        yield reply


def _not_json(reply: Reply) -> Finding:
    cause = "no json" if reply.text.strip() else "empty"
    return failed(f"JSON was asked for, and the text is {shown(reply.text)}", blame="provider", cause=cause)


def json_mode(context: CheckContext) -> Iterator[Finding]:
    if requested_json(context) is None:
        return
    for reply in _answer_in_json(context):
        if isinstance(reply, Finding):
            yield reply
        else:
            ok, _ = parsed(reply.text)
            yield passing("one JSON value") if ok else _not_json(reply)


def json_schema(context: CheckContext) -> Iterator[Finding]:
    schema = requested_json(context)
    if not schema:
        return
    for reply in _answer_in_json(context, misfit=True):
        if isinstance(reply, Finding):
            yield reply
            continue
        ok, value = parsed(reply.text)
        if not ok:
            yield steered(context) or _not_json(reply)
            continue
        try:
            unfit = recorded_misfit(value, schema)
        except UnreadableSchemaError as error:
            yield unjudged("the answer's schema can't be read", str(error), "caller")
            continue
        wrong = f"the answer {shown(value)} does not fit: {unfit}" if unfit else None
        yield judged(wrong, "the answer fits its schema", blame="provider", cause="json misfit")


SCHEMAS = (
    CardCheck(
        "C6",
        "schema accuracy",
        "calls fit their tools' schemas",
        "schema",
        accuracy,
        threshold=SCHEMA_ACCURACY,
        aspect="model",
        blame="model",
        needs="a call in an answer that ended with tool_calls",
    ),
    CardCheck(
        "C7",
        "schemas",
        "enum, anyOf, $ref, lists and nested objects are accepted and honoured",
        "schema",
        schemas,
        aspect="model",
        blame="model",
        needs="a call of a tool with such a schema",
    ),
    CardCheck(
        "J1",
        "JSON",
        "asked for JSON, the text is one JSON value",
        "JSON",
        json_mode,
        aspect="model",
        blame="provider",
        needs="an answer in JSON mode",
    ),
    CardCheck(
        "J2",
        "JSON schema",
        "asked for JSON of a schema, the value fits it",
        "JSON",
        json_schema,
        aspect="model",
        blame="provider",
        needs="an answer for which a JSON schema was given",
    ),
)


def _sender(context: CheckContext) -> Blame:
    """Who wrote the names that went out: this backend, or the program whose recording it is."""
    return "backend" if context.own else "caller"


def legal(context: CheckContext) -> Iterator[Finding]:
    mentions = context.mentions
    if mentions is None or not mentions.tools:
        return
    rule = context.profile.names
    mentioned = (*mentions.tools, *([mentions.choice] if mentions.choice else ()), *mentions.calls, *mentions.results)
    sent = dict.fromkeys(name for name in mentioned if isinstance(name, str))
    bad = [name for name in sent if not rule.allows(name)]
    if not bad:
        yield passing(f"{count(len(sent), 'name')} sent, all legal")
    elif context.observation.reply is not None:
        yield quirk(
            f"sent {names(bad)}, against the rule known ({rule.source}), and the provider took it",
            blame=_sender(context),
        )
    else:
        yield failed(f"sent {names(bad)}, which the provider refuses ({rule.source})", blame=_sender(context))


def injective(context: CheckContext) -> Iterator[Finding]:
    mentions = context.mentions
    if mentions is None or not mentions.tools:
        return
    doubled = sorted({name for name in mentions.tools if mentions.tools.count(name) > 1})
    offered = len(context.tools) if context.own else len(mentions.tools)
    if len(mentions.tools) < offered:
        yield failed(f"tools offered: {offered}, sent: {len(mentions.tools)}", blame=_sender(context))
    else:
        wrong = f"two tools are both sent as {names(doubled)}" if doubled else None
        yield judged(wrong, "every tool has its own name", blame=_sender(context))


def identity(context: CheckContext) -> Iterator[Finding]:
    if not context.own or not context.wire:
        return
    rule, sent = context.profile.names, {own: wire for wire, own in context.wire.items()}
    for own, wire in sent.items():
        plain = own.replace("/", "__")
        alone = sum(1 for other in sent if other.replace("/", "__") == plain) == 1
        if rule.allows(own):
            yield judged(f"{own!r} is legal, but went out as {wire!r}" if wire != own else None, f"{own!r} unchanged")
        elif alone and own != plain and rule.allows(plain):
            yield judged(f"{own!r} went out as {wire!r}" if wire != plain else None, f"{own!r} went out as {plain!r}")


def round_trip(context: CheckContext) -> Iterator[Finding]:
    if context.both is None:
        return
    reading, reply = context.both
    expected = [context.wire.get(call.name, call.name) for call in context.own_calls(reading)]
    if expected:
        found = [call.name for call in reply.calls]
        wrong = f"called were {names(expected)}, {names(found)} came back" if found != expected else None
        yield judged(wrong, f"{names(found)} came back")


def consistent(context: CheckContext) -> Iterator[Finding]:
    mentions = context.mentions
    if mentions is None or not mentions.tools or not (mentions.calls or mentions.choice):
        return
    if mentions.choice and mentions.choice not in mentions.tools:
        yield failed(
            f"tool_choice names {mentions.choice!r}, which is no tool of the request", "choice", blame=_sender(context)
        )
    elif mentions.choice:
        yield passing("tool_choice names a tool of the request", "choice")
    if mentions.calls and mentions.results:
        strange = [name for name in mentions.results if name and name not in mentions.calls]
        wrong = f"results name {names(strange)}, which was not called" if strange else None
        yield judged(wrong, "results name the calls that they answer", "results", blame=_sender(context))


def unknown(context: CheckContext) -> Iterator[Finding]:
    if context.both is None or not context.tools:
        return
    reading, reply = context.both
    if not reading.calls:
        return
    strange = [call.name for call in reading.calls if call.name not in context.wire]
    passed = [call.name for call in reply.calls if call.name not in context.tools]
    if strange and context.limits.other_tools:
        yield unjudged("tools that are no functions were offered too", names(strange), "caller")
    elif passed:
        yield failed(f"calls to {names(passed)} came back as if such a tool were offered")
    elif strange and not {error.name for error in reply.errors} >= set(strange):
        yield failed(f"{names(strange)} was called and not offered, and no error names it")
    elif strange:
        yield quirk(f"the model called {names(strange)}, which was not offered; the backend says so", blame="model")
    else:
        yield passing("every call is to a tool that was offered")


_PROVED = "a law of the backend, whatever the model: `harness prove`"

_naming = partial(CardCheck, topic="names")

NAMES = (
    _naming(
        "N1",
        "legal",
        "every tool name sent is one that the provider's rule allows",
        judge=legal,
        needs="a request with tools",
    ),
    _naming(
        "N2",
        "injective",
        "different tools have different names on the wire",
        judge=injective,
        needs="a request with tools",
    ),
    _naming(
        "N3",
        "identity",
        "a legal, free name goes out unchanged, a plain a/b as a__b",
        judge=identity,
        needs="the card's own questions",
    ),
    _naming("N4", "round trip", "the name that comes back is the tool's own", judge=round_trip, needs="a call"),
    _naming(
        "N5",
        "consistent",
        "one mapping serves tools, choice, earlier calls, results and the answer",
        judge=consistent,
        needs="a request that names its tools more than once",
    ),
    _naming("N6", "isolated", "requests under way at the same time don't mix their names", note=_PROVED),
    _naming("N7", "untouched", "the caller's own tools and messages are never changed", note=_PROVED),
    _naming("N8", "duplicates", "two tools of one name are refused before anything is sent", note=_PROVED),
    CardCheck(
        "N9",
        "unknown",
        "a call to a tool that was not offered is an error that names it",
        "answers",
        unknown,
        needs="a call",
        aspect="model",
    ),
)
