"""What was asked for: tool choice, the tools' schemas, and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.checks.card.call_comparison import misfit_of
from harness.checks.card.context import CardCheck, describe, failed, judged, names, passing, quirk, unsupported
from harness.checks.json_equality import shown
from harness.core.errors import BadRequestError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.chat import Json, Reply
    from harness.core.finding import Finding

SCHEMA_ACCURACY = 0.98
"""C6: the share of valid calls that Kimi K2's vendor verifier asks of a vendor."""
_STARTS_A_CALL = {"{", "[", "<"}


def choice(seen: CheckContext) -> str | None:
    """``auto``, ``none``, ``required`` or ``named``; None where no tools are offered."""
    if not seen.tools:
        return None
    chosen = seen.observation.asked.get("tool_choice")
    return "named" if isinstance(chosen, dict) else chosen or "auto"


def _when(kind: str) -> Callable[[CheckContext], bool]:
    return lambda seen: choice(seen) == kind


def _told_to(kind: str, judge: Callable[[CheckContext, Reply], Finding]) -> Callable[[CheckContext], Iterator[Finding]]:
    """A check of the answers to questions of this kind; a provider that refuses the kind does not support it."""

    def check(seen: CheckContext) -> Iterator[Finding]:
        if choice(seen) != kind:
            return
        error, reply = seen.observation.error, seen.observation.reply
        if reply is not None:
            yield judge(seen, reply)
        elif isinstance(error, UnsupportedError) or (
            seen.own and kind != "auto" and isinstance(error, BadRequestError)
        ):
            yield unsupported(f"refused: {describe(error)}")

    return check


def _auto(_: CheckContext, reply: Reply) -> Finding:
    return passing(f"{len(reply.calls)} calls" if reply.calls else "answered in text")


def _no_call(_: CheckContext, reply: Reply) -> Finding:
    called = [call.name for call in reply.calls]
    return failed(f"told to call nothing, it called {names(called)}") if called else passing("no call")


def _required(_: CheckContext, reply: Reply) -> Finding:
    if reply.calls or reply.errors:
        return passing(f"called {names(call.name for call in reply.calls)}")
    if reply.finish == "length" and reply.text.lstrip()[:1] in _STARTS_A_CALL:
        return quirk(f"it was cut at its limit before a call was whole: {shown(reply.text)}")
    return failed(f"told to call a tool, it said {shown(reply.text)}, and ended with {reply.finish}")


def _named(seen: CheckContext, reply: Reply) -> Finding:
    wanted = seen.observation.asked["tool_choice"].get("function", {}).get("name")
    called = [call.name for call in reply.calls]
    if called[:1] == [wanted]:
        return passing(f"called {wanted!r}")
    got = names(called) if called else f"nothing, and said {shown(reply.text)}"
    return failed(f"told to call {wanted!r}, it called {got}")


def required_without_tools(seen: CheckContext) -> Iterator[Finding]:
    if seen.tools or seen.observation.asked.get("tool_choice") != "required" or not seen.own:
        return
    error = seen.observation.error
    if isinstance(error, UsageError | BadRequestError):
        yield passing(describe(error))
    else:
        yield failed("a call was required and no tool offered, and nothing refused it")


def accuracy(seen: CheckContext) -> Iterator[Finding]:
    reply = seen.observation.reply
    for number, call in enumerate(reply.calls if reply else ()):
        schema = seen.tools.get(call.name)
        if schema is not None:
            unfit = misfit_of(call.parameters, schema)
            wrong = f"{call.name}({shown(call.parameters)}): {unfit}" if unfit else None
            yield judged(wrong, f"{call.name} fits its schema", f"[{number}]")
    for bad in reply.errors if reply else ():
        if bad.fault in {"arguments", "cut_off"}:
            yield failed(f"{bad.name}: arguments that are no JSON object: {shown(bad.raw)}", f"[{bad.index}]")


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
    error = seen.observation.error
    features = sorted({feature for found in used.values() for feature in found})
    if isinstance(error, BadRequestError) and features and seen.own:
        yield unsupported(f"schemas with {', '.join(features)} were refused: {describe(error)}")
    reply = seen.observation.reply
    for call in reply.calls if reply else ():
        if together := ", ".join(used.get(call.name, ())):
            unfit = misfit_of(call.parameters, seen.tools[call.name])
            yield judged(unfit and f"{call.name}({shown(call.parameters)}): {unfit}", f"{together} honoured", together)


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


def json_mode(seen: CheckContext) -> Iterator[Finding]:
    wanted = wanted_json(seen)
    if wanted is None:
        return
    if isinstance(seen.observation.error, UnsupportedError):
        yield unsupported(describe(seen.observation.error))
    reply = seen.observation.reply
    if reply is None or reply.calls or reply.refusal:
        return
    ok, _ = _parsed(reply.text)
    cut = " (cut at its limit)" if reply.finish == "length" else ""
    yield judged(None if ok else f"no JSON{cut}: {shown(reply.text)}", "one JSON value")


def json_schema(seen: CheckContext) -> Iterator[Finding]:
    wanted = wanted_json(seen)
    reply = seen.observation.reply
    if not wanted or reply is None or reply.calls or reply.refusal:
        return
    ok, value = _parsed(reply.text)
    unfit = misfit_of(value, wanted) if ok else f"no JSON: {shown(reply.text)}"
    yield judged(unfit and f"the answer does not fit: {unfit}", "the answer fits its schema")


CHECKS = (
    CardCheck(
        "C1", "auto", "left to itself (auto), the model answers", "choice", _told_to("auto", _auto), asks=_when("auto")
    ),
    CardCheck(
        "C2", "none", "told to call nothing, it calls nothing", "choice", _told_to("none", _no_call), asks=_when("none")
    ),
    CardCheck(
        "C3", "required", "told to call, it calls", "choice", _told_to("required", _required), asks=_when("required")
    ),
    CardCheck(
        "C4",
        "named",
        "told which tool to call, it calls that",
        "choice",
        _told_to("named", _named),
        asks=_when("named"),
    ),
    CardCheck(
        "C5", "required without tools", "a required call without tools is refused", "choice", required_without_tools
    ),
    CardCheck("C6", "schema accuracy", "calls fit their tools' schemas", "schema", accuracy, threshold=SCHEMA_ACCURACY),
    CardCheck(
        "C7", "schemas", "enum, anyOf, $ref, lists and nested objects are accepted and honoured", "schema", schemas
    ),
    CardCheck("J1", "JSON", "asked for JSON, the text is one JSON value", "JSON", json_mode),
    CardCheck("J2", "JSON schema", "asked for JSON of a schema, the value fits it", "JSON", json_schema),
)
