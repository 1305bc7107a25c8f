"""The conversation so far, made fit for the provider it goes to: ids and arguments of earlier calls, and state.

A history may come from another provider: Kimi's ids (``functions.x:0``) hold characters that Bedrock refuses,
xAI's are longer than OpenAI's 40, Mistral wants nine letters and digits. A call and its result are always
given the same new id, and two ids never become one. State that a model wants back goes to no other model: that would
refuse it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from harness.backend.repairs.raw_answer import STATE_ITEMS, STATE_ORIGIN
from harness.backend.tool_calls import SIGNED, made_id, nine_letters
from harness.core.errors import UsageError
from harness.dialects import DIALECTS
from harness.dialects.facts import Facts
from harness.dialects.name_rules import ANY_ID
from harness.dialects.providers import profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.core.chat import Json
    from harness.dialects.providers import Profile


def turns(messages: Iterable[Mapping[str, Json]]) -> int:
    """How often the assistant has spoken."""
    return sum(message.get("role") == "assistant" for message in messages)


def fit_messages(
    messages: Sequence[Mapping[str, Json]], provider: str, rules: Profile | None = None, *, continued: bool = False
) -> list[dict[str, Json]]:
    """Copies of ``messages`` with ids that ``rules``, or those of ``provider``, accept and arguments as JSON text.

    A call without an id is given the one that this backend would have made for it. Raises ``UsageError`` for a
    tool result without the id of its call, for one whose call was not made, for a second one of the same call, and for
    a blank user message, where the provider refuses such. ``continued``: the provider has the earlier messages.
    """
    rules = rules or profile(provider)
    facts = _facts(rules.dialect)
    identified = _identified(messages)
    if facts.pairs_results and not continued:
        _check_pairs(identified)
    if facts.refuses_blank_text:
        identified = list(_without_blanks(identified, rules.dialect))
    ids = legal_ids((one for message in identified for one in _ids(message)), rules)
    return [_with_ids(message, ids) for message in identified]


def _facts(dialect: str) -> Facts:
    return DIALECTS[dialect].facts if dialect in DIALECTS else Facts({})


def legal_ids(ids: Iterable[str], rules: Profile) -> dict[str, str]:
    """For each id the one to send: itself where it is legal, else one made from its digest."""
    originals = list(dict.fromkeys(ids))
    # Where no rule is known an id is never touched: Gemini's carry a signature in them.
    if rules.ids is ANY_ID:
        return {one: one for one in originals}
    legal = {one: one for one in originals if _fits(one, rules)}
    taken = set(legal)
    for one in originals:
        if one not in legal:
            legal[one] = _stand_in(one, rules, taken)
            taken.add(legal[one])
    return legal


def _fits(one: str, rules: Profile) -> bool:
    return rules.ids.allows(one) and (not rules.exact_id_length or len(one) == rules.ids.longest)


def _stand_in(one: str, rules: Profile, taken: set[str]) -> str:
    attempt = 0
    while True:
        salted = f"{one}{attempt or ''}"
        digest = hashlib.sha256(salted.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        made = nine_letters(salted) if rules.exact_id_length else f"call_{digest}"
        if made not in taken:
            return made
        attempt += 1


_SLOTS = ("function", "custom")


def _identified(messages: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    turn = 0
    found: list[dict[str, Json]] = []
    for index, message in enumerate(messages):
        copy = dict(message)
        for number, call in enumerate(copy.get("tool_calls") or ()):
            if not any(isinstance(call.get(slot), dict) for slot in _SLOTS):
                raise UsageError(f"call {number} of message {index} names no function; give it one, or leave it out")
        if copy.get("tool_calls"):
            copy["tool_calls"] = [_call(call, turn, number) for number, call in enumerate(copy["tool_calls"])]
        if copy.get("role") == "tool" and not copy.get("tool_call_id"):
            raise UsageError(
                f"message {index} is a tool's result without tool_call_id; give it the id of the call it answers"
            )
        if copy.get("role") == "tool" and copy.get("content") is None:
            copy["content"] = ""
        turn += copy.get("role") == "assistant"
        found.append(copy)
    return found


def _check_pairs(messages: Sequence[Mapping[str, Json]]) -> None:
    """Refuse a result that answers no call, or a call that has its answer."""
    waiting: Counter[str] = Counter()
    made: set[str] = set()
    for index, message in enumerate(messages):
        calls = [str(call["id"]) for call in message.get("tool_calls") or ()]
        waiting.update(calls)
        made.update(calls)
        if message.get("role") != "tool":
            continue
        one = str(message["tool_call_id"])
        if one not in made:
            raise UsageError(
                f"message {index} is the result of call {one!r}, which no earlier message makes; "
                "send the assistant's message with that call too, or leave the result out"
            )
        if not waiting[one]:
            raise UsageError(f"message {index} is a second result of call {one!r}; send one result for each call")
        waiting[one] -= 1


def _without_blanks(messages: Iterable[dict[str, Json]], wire: str) -> Iterator[dict[str, Json]]:
    """The messages without blank text. A result that holds nothing else is empty; an assistant's message that says and
    calls nothing is left out.
    """
    for index, message in enumerate(messages):
        content = message.get("content")
        if isinstance(content, list):
            content = [part for part in content if not (_is_text(part) and _blank(part.get("text")))]
        empty = not content or _blank(content)
        if message.get("role") == "tool":
            yield {**message, "content": [] if empty and DIALECTS[wire].facts.empty_result_is_a_list else content or ""}
        elif not empty:
            yield {**message, "content": content}
        elif message.get("role") == "user":
            raise UsageError(f"message {index} is blank, which {wire} refuses; say something in it, or leave it out")
        elif message.get("tool_calls") or message.get("function_call"):
            yield {**message, "content": None}


def _is_text(part: Json) -> bool:
    return isinstance(part, dict) and part.get("type") == "text"


def _blank(text: Json) -> bool:
    return isinstance(text, str) and not text.strip()


def _call(call: Mapping[str, Json], turn: int, index: int) -> dict[str, Json]:
    copy = {**call, "id": call.get("id") or made_id(turn, index)}
    function = copy.get("function")
    if not copy.get("type"):
        copy["type"] = next(slot for slot in _SLOTS if isinstance(copy.get(slot), dict))
    if isinstance(function, dict):
        arguments = function.get("arguments")
        # Every provider reads a JSON text here; "" and an object are what some answer with.
        if not isinstance(arguments, str):
            arguments = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
        copy["function"] = {**function, "arguments": arguments or "{}"}
    return copy


def _ids(message: Mapping[str, Json]) -> Iterable[str]:
    for call in message.get("tool_calls") or ():
        yield str(call["id"])
    if message.get("tool_call_id"):
        yield str(message["tool_call_id"])


def _with_ids(message: dict[str, Json], ids: Mapping[str, str]) -> dict[str, Json]:
    if message.get("tool_calls"):
        message["tool_calls"] = [{**call, "id": ids[str(call["id"])]} for call in message["tool_calls"]]
    if message.get("tool_call_id"):
        message["tool_call_id"] = ids[str(message["tool_call_id"])]
    return message


def fit_state(messages: Iterable[Mapping[str, Json]], model: str, dialect: str) -> Iterator[dict[str, Json]]:
    """The messages with what state ``model`` takes back, where litellm looks for it, and without any other.

    A message without an origin is the caller's own, or litellm's, and keeps what the dialect knows.
    """
    kind = _facts(dialect).state
    unsigned: dict[str, str] = {}
    for message in messages:
        copy = dict(message)
        fields = dict(copy.pop(_STATE_FIELDS, None) or {})
        origin = fields.pop(STATE_ORIGIN, None)
        ours = origin in (None, model)
        items = fields.pop(STATE_ITEMS, None)
        if not ours:
            fields = {}
        for name, kinds in _ACCEPTED.items():
            if name in copy and (not ours or (origin is not None and kind not in kinds)):
                del copy[name]
        if copy.get("tool_calls"):
            if not ours or kind != "signatures":
                ids = (call.get("id") for call in copy["tool_calls"])
                unsigned |= {one: one.partition(SIGNED)[0] for one in ids if isinstance(one, str)}
            copy["tool_calls"] = [_without_signature(call, unsigned, ours=ours) for call in copy["tool_calls"]]
        if copy.get("tool_call_id") in unsigned:
            copy["tool_call_id"] = unsigned[copy["tool_call_id"]]
        if fields:
            copy[_STATE_FIELDS] = fields
        if items and ours and kind == "items" and copy.get("role") == "assistant":
            yield from _by_items(copy, items)
        else:
            yield copy


_STATE_FIELDS = "provider_specific_fields"
# The fields of a message that hold state, and the kinds of state (``Facts.state``) of the dialects that take them back.
_ACCEPTED: Mapping[str, tuple[str, ...]] = {
    "thinking_blocks": ("thinking", "signed"),
    "reasoning_content": ("details",),
    "reasoning_details": ("details",),
    "reasoning_items": ("items",),
}


def _without_signature(call: Mapping[str, Json], ids: Mapping[str, str], *, ours: bool) -> dict[str, Json]:
    """A call under an id without the signature that litellm puts behind Gemini's, where that must not go."""
    made = {key: value for key, value in call.items() if ours or key != "extra_content"}
    return {**made, "id": ids[call["id"]]} if call.get("id") in ids else made


def _by_items(message: dict[str, Json], items: list[Json]) -> Iterator[dict[str, Json]]:
    """An assistant's turn as one message for each run of items, so that each reasoning item keeps its place."""
    calls = {str(call.get("id")): call for call in message.get("tool_calls") or ()}
    fields = {_STATE_FIELDS: message[_STATE_FIELDS]} if _STATE_FIELDS in message else {}
    reasoning: list[Json] = []
    for item in items:
        kind = item.get("type")
        if kind == "reasoning":
            reasoning.append(item)
            continue
        made = _turn(reasoning)
        if kind == "message":
            made["content"] = item.get("text") or ""
        elif item.get("call_id") in calls:
            made["tool_calls"] = [calls.pop(item["call_id"])]
        else:
            continue
        reasoning = []
        yield {**made, **fields}
        fields = {}
    if calls or reasoning:
        yield {**_turn(reasoning), **({"tool_calls": list(calls.values())} if calls else {})}


def _turn(reasoning: list[Json]) -> dict[str, Json]:
    return {"role": "assistant", "content": None, **({"reasoning_items": reasoning} if reasoning else {})}
