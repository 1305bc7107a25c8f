"""Answers in JSON, held against what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.card.blame import continued, steered, unaccountable, unjudged
from harness.checks.card.context import CardCheck, describe, failed, judged, passing, unsupported
from harness.checks.json_equality import parsed, shown
from harness.checks.schema import UnreadableSchemaError, recorded_misfit
from harness.core.chat import Reply
from harness.core.errors import UnsupportedError
from harness.core.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.chat import Json


NOT_SENT = "the wish for JSON does not reach this provider"


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
        yield unjudged(NOT_SENT, "", "litellm")  # where a tool was added, JSON is asked for by calling that
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
