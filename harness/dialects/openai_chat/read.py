"""The reference reading of chat completions: a small assembler that shares nothing with litellm or the backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.dialects.arguments import cut_off, judged, strict_json
from harness.dialects.facts import answer, answers, shaped, without_thinking
from harness.dialects.framing import framing
from harness.dialects.framing.sse import dumps
from harness.dialects.openai_chat.facts import FACTS

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse


@dataclass(slots=True)
class _Call:
    """A call on its way: the strings are fragments put together, ``arguments`` None until any came."""

    index: Json
    id: Json = None
    name: Json = None
    arguments: Json = None
    custom: bool = False

    @property
    def parameters(self) -> Json:
        """Its arguments; the free text of a custom tool is its one parameter, whatever it looks like."""
        return {"input": self.arguments} if self.custom and isinstance(self.arguments, str) else self.arguments


@dataclass(slots=True)
class _Message:
    """An answer on its way. ``ended``: the provider has marked its end."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    finish: str | None = None
    ended: bool = False
    usage: Usage | None = None
    id: str = ""
    model: str = ""
    calls: list[_Call] = field(default_factory=list)
    ran: dict[Json, ProviderCall] = field(default_factory=dict)
    function_call: _Call | None = None

    @property
    def all_calls(self) -> list[_Call]:
        """The calls; the legacy one only where there is no other."""
        return self.calls or ([self.function_call] if self.function_call else [])


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. Of several choices the first is read."""
    made = _Message()
    if framing(response) != "whole":
        return _read_stream(response, made)
    body = answer(response, FACTS)
    with shaped(body):
        choice = _choice(body, made)
        if choice is None:
            raise UnreadableReplyError("an answer without choices", dumps(body))
        made.finish = _word(choice.get("finish_reason"))
        filtered = made.finish == "content_filter"  # azure then leaves the message out
        _take({} if filtered and "message" not in choice else choice["message"], made, whole=True)
    return _reply(made)


def _read_stream(response: HttpResponse, made: _Message) -> Reply:
    try:
        for chunk in answers(response, FACTS):
            if chunk is None:
                made.ended = True
            else:
                with shaped(chunk):
                    _take_chunk(chunk, made)
    except StreamCutError as error:
        raise StreamCutError(str(error), _torn(made)) from error
    if not made.ended:
        raise StreamCutError("the stream ended without a finish reason or [DONE]", _torn(made))
    return _reply(made)


def _take_chunk(chunk: Json, made: _Message) -> None:
    choice = _choice(chunk, made)
    if choice is None:
        return
    _take(choice.get("delta") or choice.get("message") or {}, made)
    if _word(choice.get("finish_reason")):
        made.finish, made.ended = choice["finish_reason"], True


def _choice(body: Json, made: _Message) -> dict[str, Json] | None:
    """The first choice of a body or chunk, if it has one; what stands beside it goes into ``made``."""
    made.id, made.model = _word(body.get("id")) or made.id, _word(body.get("model")) or made.model
    made.usage = _usage(body) or made.usage
    firsts: list[dict[str, Json]] = [choice for choice in body.get("choices") or () if not choice.get("index")]
    return firsts[0] if firsts else None


def _usage(body: dict[str, Json]) -> Usage | None:
    usage = body.get("usage") or (body.get("x_groq") or {}).get("usage")
    if not usage:
        return None
    return Usage(*(_count(usage.get(key)) for key in ("prompt_tokens", "completion_tokens", "total_tokens")))


def _count(value: Json) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError(f"{value!r} is no count")


def _word(value: Json) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is no text")


def _take(message: dict[str, Json], made: _Message, *, whole: bool = False) -> None:
    content = message.get("content")
    if isinstance(content, list):
        made.reasoning += "".join(_thought(part) for part in content)
        made.refusal += "".join(part.get("refusal") or "" for part in content if isinstance(part, dict))
        content = "".join(_part_text(part) for part in content)
    elif isinstance(content, (dict, int, float)):
        content = dumps(content)  # Cloudflare's JSON mode answers with the value itself
    made.text += content or ""
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if reasoning or "reasoning_details" in message:
        made.reasoning += reasoning or _detailed(message)
    made.refusal += message.get("refusal") or ""
    for call in message.get("tool_calls") or ():
        _take_call(call, made.calls, whole=whole)
    for used in message.get("executed_tools") or ():
        before = made.ran.get(used.get("index"))
        came = {key: value for key, value in used.items() if key not in ("index", "type", "arguments")}
        result = {**(before.result or {} if before else {}), **came} or None
        made.ran[used.get("index")] = ProviderCall(used["type"] + "", strict_json(used["arguments"]), "", result)
    legacy = message.get("function_call")
    if legacy and (legacy.get("name") or legacy.get("arguments")):
        made.function_call = made.function_call or _Call(None)
        _fill(made.function_call, legacy)


def _part_text(part: Json) -> str:
    """The text of a part of the content, of whatever type but reasoning."""
    if isinstance(part, str):
        return part
    return "" if part.get("type") in {"thinking", "reasoning"} else part.get("text") or ""


def _thought(part: Json) -> str:
    """Mistral's reasoning is a part of the content, itself a list of parts."""
    if isinstance(part, str) or part.get("type") not in {"thinking", "reasoning"}:
        return ""
    inner = part.get("thinking") or part.get("text")
    return "".join(one.get("text") or "" for one in inner) if isinstance(inner, list) else inner or ""


def _detailed(message: dict[str, Json]) -> str:
    """OpenRouter's ``reasoning_details``, where nothing else holds the reasoning."""
    details = message.get("reasoning_details") or ()
    return "".join(one.get("text") or one.get("summary") or "" for one in details if isinstance(one, dict))


def _take_call(call: dict[str, Json], calls: list[_Call], *, whole: bool) -> None:
    """Put a call, or in a stream a fragment of one, where it belongs."""
    function = call.get("function") or call.get("custom") or {}
    index, call_id = call.get("index"), call.get("id")
    placed = isinstance(index, int) and index >= 0
    same = [one for one in calls if (one.index == index if placed else call_id and one.id == call_id)]
    known = same[-1] if same and not whole else None
    if known is None and not whole and not placed and not call_id and not function.get("name") and calls:
        known = calls[-1]  # a nameless fragment without index or id goes on with the call before it
    if known is not None and placed and call_id and known.id and call_id != known.id and function.get("name"):
        known = None  # another call under the same index
    if known is None:
        known = _Call(index if placed else None)
        calls.append(known)
    known.id = known.id or call_id
    known.custom = known.custom or bool(call.get("custom") and not call.get("function"))
    _fill(known, function)


def _fill(call: _Call, function: dict[str, Json]) -> None:
    call.name = call.name or function.get("name")
    piece = function.get("arguments", function.get("input"))
    if isinstance(piece, str) and isinstance(call.arguments, str):
        call.arguments += piece
    elif piece is not None:
        call.arguments = piece


def _reply(made: _Message) -> Reply:
    finish = FACTS.finish(made.finish)
    text, reasoning = without_thinking(made.text, made.reasoning)
    last = len(made.all_calls) - 1
    found = [
        judged(call.name, call.parameters, call.id, index, cut=finish in STOPPED and index == last)
        for index, call in enumerate(made.all_calls)
    ]
    return Reply(
        text=text,
        calls=tuple(call for call in found if isinstance(call, ToolCall)),
        errors=tuple(call for call in found if isinstance(call, CallError)),
        provider_calls=tuple(made.ran.values()),
        finish=finish,
        usage=made.usage,
        reasoning=reasoning,
        refusal=made.refusal,
        model=made.model,
        id=made.id,
        raw_finish=made.finish,
    )


def _torn(made: _Message) -> Reply:
    """What had come of a stream that was cut: every call an error, for none is known to be whole."""
    calls = enumerate(made.all_calls)
    errors = tuple(cut_off(call.name, call.arguments, call.id, index) for index, call in calls)
    return Reply(text=made.text, errors=errors, reasoning=made.reasoning, refusal=made.refusal, usage=made.usage)
