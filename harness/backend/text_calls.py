"""Calls that a model wrote as text, because its server has no native ones.

Taken only when the whole content is such a call, of a closed list of shapes, to a tool that was offered.
Prose with JSON in it, and a JSON answer that merely looks like one, stay text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.dialects.json_strict import NotJson, parse

if TYPE_CHECKING:
    from harness.backend.names import NameTable
    from harness.core.chat import Json

_FENCE = re.compile(r"```(?:json|tool_call|tool_code)?[ \t]*\r?\n(?P<inside>.*?)\r?\n?[ \t]*```", re.DOTALL)
_NAMES = {"name", "function_name", "tool_name"}
_ARGUMENTS = {"arguments", "parameters"}
_BESIDE = {"id", "type"}


def calls_in_text(text: str, names: NameTable) -> list[tuple[str, Json, Json]]:
    """Own name, arguments and id of each call that ``text`` wholly is; ``[]`` where it is anything else."""
    content = text.strip()
    fenced = _FENCE.fullmatch(content)
    if fenced:
        content = fenced["inside"].strip()
    if not content.startswith(("{", "[")) or not content.endswith(("}", "]")):
        return []
    try:
        value = parse(content)
    except NotJson:
        return []
    written = value if isinstance(value, list) else [value]
    calls = [_call(one, names) for one in written]
    return [] if None in calls else [call for call in calls if call is not None]


def _call(value: Json, names: NameTable) -> tuple[str, Json, Json] | None:
    if not isinstance(value, dict):
        return None
    name_keys, argument_keys = _NAMES & value.keys(), _ARGUMENTS & value.keys()
    if len(name_keys) != 1 or len(argument_keys) != 1 or value.keys() - name_keys - argument_keys - _BESIDE:
        return None
    if value.get("type", "function") not in ("function", "tool_call"):
        return None
    name = value[name_keys.pop()]
    if not isinstance(name, str):
        return None
    # The model saw wire names, but prompts written by people speak of the tools by their own.
    own = names.own_offered(name) or name
    return (own, value[argument_keys.pop()], value.get("id")) if own in names.offered else None
