"""From what litellm hands over to calls: strict, one call at a time, never raising for what a model wrote.

"The model called nothing" and "we couldn't read it" are different answers: each call becomes a ``ToolCall``
or a ``CallError`` with the raw text in it. Good ids stay as they are, missing ones are made.

Calls that a model wrote as text, because its server has no native ones, are taken only where the whole content is such
a call, of a closed list of shapes, to a tool that was offered: prose with JSON in it, and a JSON answer that merely
looks like one, stay text.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, ProviderCall, ToolCall
from harness.dialects.json_strict import NotJson, check, parse
from harness.dialects.providers import profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.backend.names import NameTable
    from harness.core.chat import CallFault, Json

# Anthropic's ids of tools that it runs itself; litellm hands them over as if the client were to run them.
PROVIDER_RUN = ("srvtoolu_", "mcptoolu_")


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as it was sent, not judged yet. ``arguments`` is a text, an object, or None.

    ``decoded`` says that it has been through here before, and its name is the tool's own.
    """

    name: Json
    arguments: Json
    id: Json = None
    custom: bool = False
    decoded: bool = False


@dataclass(frozen=True, slots=True)
class DecodedCalls:
    """The calls of one answer: good ones, bad ones, and those that the provider ran itself.

    ``from_text`` says that they were read from the content, which then is no text for people; ``custom`` are the ids
    of good calls whose input came as a free text.
    """

    calls: tuple[ToolCall, ...] = ()
    errors: tuple[CallError, ...] = ()
    provider_calls: tuple[ProviderCall, ...] = ()
    custom: tuple[str, ...] = ()
    from_text: bool = False


def decode_message(
    message: Json,
    *,
    finish: str | None = None,
    names: NameTable | None = None,
    turn: int = 0,
    provider: str = "",
    json_answer: bool = False,
    cut: str = "",
    sent: str = "",
    empty_is_nothing: bool = False,
    provider_run_ids: frozenset[str] = frozenset(),
    call_names: Sequence[Json] = (),
    text: str | None = None,
) -> DecodedCalls:
    """Every call of a message. ``turn`` counts the assistant's earlier messages (for ids made here);
    ``json_answer`` says that JSON was requested, so that JSON in the content is the answer and no call;
    ``cut`` says why the message is only a part: then no call in it is good. ``sent`` is the provider's own text, as far
    as it was received (for ids). ``empty_is_nothing`` says that ``{}`` is what a call has whose arguments never came;
    ``provider_run_ids`` are those of calls that the provider ran itself; ``call_names`` are the names of all calls, and
    ``text`` is the message's text, where they are known better.
    """
    raw = list(_raw_calls(message))
    if len(call_names) == len(raw):
        raw = [replace(call, name=name) for call, name in zip(raw, call_names, strict=True)]
    ids = settle_ids([call.id if isinstance(call.id, str) else None for call in raw], turn, provider, sent)
    if cut:
        halves = (_half(call, made, index, cut, names) for index, (call, made) in enumerate(zip(raw, ids, strict=True)))
        return DecodedCalls(errors=tuple(halves))
    if not raw and names is not None and names.offered and not json_answer:
        written = calls_in_text(text_of(message) if text is None else text, names)
        if written:
            raw = [RawCall(*one) for one in written]
            ids = settle_ids([call.id if isinstance(call.id, str) else None for call in raw], turn, provider)
            decoded = _decode(raw, ids, finish, None)
            return DecodedCalls(decoded.calls, decoded.errors, from_text=True)
    return _decode(raw, ids, finish, names, empty_is_nothing=empty_is_nothing, provider_run_ids=provider_run_ids)


def read_arguments(raw: Json) -> dict[str, Json]:
    """The object that a call's arguments are. ``""``, ``"null"`` and None are ``{}``; else raises ``NotJson``."""
    if raw is None or raw in ("", "null"):
        return {}
    if isinstance(raw, str):
        raw = parse(raw)
    else:
        check(raw)
    if not isinstance(raw, dict):
        raise NotJson(f"the arguments are {_KINDS.get(type(raw), 'no object')}, not an object")
    return raw


def item(value: Json, key: str) -> Json:
    """A field of a dict or of one of litellm's objects; None where there is none."""
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)


def text_of(message: Json) -> str:
    """The text of a message: its content, or the text parts of a content that is a list (Mistral)."""
    content = item(message, "content")
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))  # Cloudflare's JSON mode
    if isinstance(content, (list, tuple)):
        parts = (part if isinstance(part, str) else item(part, "text") for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    return ""


_KINDS: dict[type, str] = {list: "a list", str: "a string", int: "a number", float: "a number", bool: "a truth value"}


def _raw_calls(message: Json) -> Iterable[RawCall]:
    calls = item(message, "tool_calls")
    for call in calls if isinstance(calls, (list, tuple)) else ():
        yield _raw_call(call)
    legacy = item(message, "function_call")
    # Snowflake puts an empty one beside real calls: no name and nothing in it is no call.
    if not calls and legacy is not None and (item(legacy, "name") or item(legacy, "arguments")):
        yield RawCall(item(legacy, "name"), item(legacy, "arguments"))


def _raw_call(call: Json) -> RawCall:
    function, custom = item(call, "function"), item(call, "custom")
    if function is not None:
        return RawCall(item(function, "name"), item(function, "arguments"), item(call, "id"))
    if custom is not None:
        return RawCall(item(custom, "name"), item(custom, "input"), item(call, "id"), custom=True)
    parameters = item(call, "parameters")
    arguments = item(call, "arguments") if parameters is None else parameters
    return RawCall(item(call, "name"), arguments, item(call, "id"), decoded=True)


def _decode(
    raw: Sequence[RawCall],
    ids: Sequence[str],
    finish: str | None,
    names: NameTable | None,
    *,
    empty_is_nothing: bool = False,
    provider_run_ids: frozenset[str] = frozenset(),
) -> DecodedCalls:
    calls: list[ToolCall] = []
    errors: list[CallError] = []
    provider_calls: list[ProviderCall] = []
    custom: list[str] = []
    for index, (call, made) in enumerate(zip(raw, ids, strict=True)):
        provider_run = made.startswith(PROVIDER_RUN) or made in provider_run_ids
        cut = finish in STOPPED and index == len(raw) - 1
        if cut and empty_is_nothing and call.arguments in ("{}", {}):
            call = replace(call, arguments="")  # noqa: PLW2901 - the same call, as its provider meant it
        found = _decode_one(call, made, index, cut=cut, names=None if provider_run else names)
        if isinstance(found, CallError):
            errors.append(found)
        elif provider_run:
            provider_calls.append(ProviderCall(found.name, found.parameters, found.id))
        else:
            calls.append(found)
            custom += [found.id] if call.custom else []
    return DecodedCalls(tuple(calls), tuple(errors), tuple(provider_calls), tuple(custom))


def _decode_one(call: RawCall, made: str, index: int, *, cut: bool, names: NameTable | None) -> ToolCall | CallError:
    def broken(fault: CallFault, detail: str) -> CallError:
        return CallError(fault, detail, _text(call.arguments), name=name, id=made, index=index)

    name = call.name if isinstance(call.name, str) else None
    if not name:
        return broken("name", f"the call has no usable name, but {call.name!r}")
    if names is not None and not (call.decoded and name in names.offered):
        own = names.own_offered(name)
        if own is None:
            name = names.own.get(name, name)
            sent = names.wire.get(name, name) if name in names.offered else name
            why = f"no tool {name!r} was offered"
            return broken("unknown_tool", why if sent == name else f"{why} under that name: it went out as {sent!r}")
        name = own
    if call.custom:
        # OpenAI's custom tools take one free text, which is no JSON.
        return ToolCall(name, {"input": _text(call.arguments)}, made)
    if cut and (call.arguments is None or call.arguments in ("", "null")):
        return broken("cut_off", "the answer was stopped before the arguments came")
    try:
        return ToolCall(name, read_arguments(call.arguments), made)
    except NotJson as error:
        return broken("cut_off" if cut else "arguments", str(error))


def _half(call: RawCall, made: str, index: int, why: str, names: NameTable | None) -> CallError:
    name = call.name if isinstance(call.name, str) else None
    if names is not None and name is not None:
        name = names.own.get(name, name)
    return CallError("cut_off", why, _text(call.arguments), name=name, id=made, index=index)


def _text(arguments: Json) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)


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
    calls = [_written_call(one, names) for one in written]
    return [] if None in calls else [call for call in calls if call is not None]


def _written_call(value: Json, names: NameTable) -> tuple[str, Json, Json] | None:
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


# The shapes of the random ids that litellm makes up where a provider sends none.
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LITELLMS_OWN = re.compile(f"(call_)?{_UUID}|call_[0-9a-f]{{28}}")

SIGNED = "__thought__"
"""What litellm puts between the id of a call and Gemini's signature of it, which must go back with it."""

_ALPHANUMERIC = string.digits + string.ascii_letters


def made_id(turn: int, index: int, provider: str = "") -> str:
    """The id of call ``index`` of the answer after ``turn`` earlier ones: the same on each replay.

    Mistral takes nine letters and digits only; elsewhere it is ``call_<turn>_<index>``.
    """
    made = f"call_{turn}_{index}"
    return nine_letters(made) if profile(provider).exact_id_length else made


def nine_letters(text: str) -> str:
    """Nine letters and digits that stand for ``text``: 53 bits of its digest."""
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
    letters = []
    for _ in range(9):
        number, rest = divmod(number, len(_ALPHANUMERIC))
        letters.append(_ALPHANUMERIC[rest])
    return "".join(letters)


def settle_ids(ids: Sequence[str | None], turn: int = 0, provider: str = "", raw: str = "") -> list[str]:
    """An id for each call: those present byte for byte, missing and doubled ones made.

    The first of two equal ids keeps it. A made id never equals one that is present. ``raw`` is what the provider
    sent, as far as it was received: an id of litellm's making that does not stand in it counts as missing, for it is
    another one on each replay.
    """
    used = {one for one in ids if one}
    known: set[str] = set()
    settled = []
    for index, one in enumerate(ids):
        core, signed, signature = (one or "").partition(SIGNED)
        if raw and LITELLMS_OWN.fullmatch(core) and core not in raw:
            settled.append(made_id(turn, index, provider) + signed + signature)
        elif one and one not in known:
            settled.append(one)
        else:
            made, attempt = made_id(turn, index, provider), 0
            while made in used:
                attempt += 1
                made = (
                    nine_letters(f"{made}{attempt}")
                    if profile(provider).exact_id_length
                    else f"call_{turn}_{index}_{attempt}"
                )
            used.add(made)
            settled.append(made)
        known.add(settled[-1])
    return settled
