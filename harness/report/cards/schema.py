"""The JSON schema of a document of cards, for editors and other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from harness.core.card import Mode
from harness.core.exchange import ProvenanceKind
from harness.core.finding import Blame, Verdict
from harness.report.cards.reading import FORMAT, VERSION

if TYPE_CHECKING:
    from harness.core.chat import Json

_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_SHARE: Json = {"type": "number", "minimum": 0, "maximum": 1}


def schema() -> Json:
    """JSON Schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Behaviour cards of toolcall-harness",
        **_object(
            {
                "format": {"const": FORMAT},
                "version": {"const": VERSION},
                "harness": {**_TEXT, "description": "the version that wrote this document"},
                "litellm": _TEXT,
                "cards": _list("card"),
            }
        ),
        "$defs": {
            "card": _card(),
            "cell": _cell(),
            "rate": _rate(),
            "finding": _finding(),
            "evidence": _object({"cassette": _TEXT, "exchanges": {"type": "array", "items": _COUNT}}),
            "provenance": _provenance(),
            "verdict": {"enum": list(get_args(Verdict))},
        },
    }


def _card() -> Json:
    recordings = {"type": "object", "additionalProperties": _named("provenance")}
    measures = {"type": "object", "additionalProperties": _named("rate")}
    return _object(
        {
            "model": _TEXT,
            "provider": _TEXT,
            "harness": {**_TEXT, "description": "the version that decoded"},
            "litellm": {**_TEXT, "description": "the version that decoded"},
            "recordings": {**recordings, "description": "where each cited cassette is from, by its path"},
            "measures": {**measures, "description": "rates that belong to no single check, by name"},
            "finishes": {
                "type": "object",
                "additionalProperties": {"type": "array", "items": _TEXT},
                "description": "how each answer to each probe ended, repeat by repeat",
            },
            "cells": _list("cell"),
        }
    )


def _cell() -> Json:
    mode = {"enum": list(get_args(Mode)), "description": "empty for what is about the recording and not about one mode"}
    return _object(
        {"check": _TEXT, "mode": mode, "verdict": _named("verdict"), "rate": _named("rate")},
        {
            "infra": {**_COUNT, "description": "answers that the infrastructure kept from being judged"},
            "unsupported": _COUNT,
            "findings": _list("finding"),
            "evidence": _list("evidence"),
            "note": {**_TEXT, "description": "of an unseen cell: why nothing was judged"},
            "excluded": {
                "type": "object",
                "additionalProperties": _COUNT,
                "description": "how many were not judged, by reason",
            },
        },
    )


def _rate() -> Json:
    words = {"held": _COUNT, "n": _COUNT, "low": _SHARE, "high": _SHARE}
    return {**_object(words), "description": "held of n, with its Wilson 95 % interval; 0 to 1 where n is 0"}


def _finding() -> Json:
    needed = {"check": _TEXT, "verdict": _named("verdict"), "message": _TEXT}
    blame = {
        "enum": list(get_args(Blame)),
        "description": "whose doing it is; model and provider alone make a cell fail",
    }
    cause = {**_TEXT, "description": "what went wrong, or why it was not judged: equal causes of one answer count once"}
    return _object(needed, {"path": _TEXT, "evidence": _named("evidence"), "blame": blame, "cause": cause})


def _provenance() -> Json:
    recorded = {**_TEXT, "description": "an ISO 8601 time in UTC"}
    kind = {"enum": list(get_args(ProvenanceKind))}
    return _object({"kind": kind, "recorded": recorded, "source": _TEXT, "litellm": _TEXT, "harness": _TEXT})


def _object(needed: dict[str, Json], more: dict[str, Json] | None = None) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": {**needed, **(more or {})},
        "required": list(needed),
        "additionalProperties": False,
    }


def _named(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _list(name: str) -> Json:
    return {"type": "array", "items": _named(name)}
