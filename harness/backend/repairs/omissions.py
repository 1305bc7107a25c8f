"""What litellm leaves out of an answer, read from the provider's own text where that was seen, and of a request.

Only what no object of litellm's holds: everything else is taken from litellm.
"""

from __future__ import annotations

import contextlib
import copy
import json
from typing import TYPE_CHECKING

from harness.core.chat import CallError, ProviderCall, Usage
from harness.dialects.carried import shaped
from harness.dialects.facts import add_result, at, dicts, grow
from harness.dialects.framing.sse import loads
from harness.dialects.gemini.partial_calls import partial, take_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.chat import Json


def anthropic_runs(sent: str) -> tuple[ProviderCall, ...]:
    """The tools that Anthropic ran itself, its own and those of an MCP server, in the order of their blocks, and what
    came of them.

    litellm 1.109.1 gives its own as calls of the client's, 1.110.2 in a place apart, and those of MCP not at all.
    """
    blocks: dict[Json, dict[str, Json]] = {}
    pieces: dict[Json, str] = {}
    for event in events(sent):
        if not isinstance(event, dict) or isinstance(event.get("index"), (dict, list)):
            continue
        content = event.get("content")
        blocks |= dict(enumerate(content if isinstance(content, list) else ()))
        place = event.get("index")
        if event.get("type") == "content_block_start":
            blocks[place] = event.get("content_block") or {}
        grow(pieces, place, at(event, ("delta", "partial_json")))
    ran: list[ProviderCall] = []
    for place, one in blocks.items():
        kind = str(at(one, ("type",)))
        if kind in ("server_tool_use", "mcp_tool_use"):
            given = _object(pieces.get(place)) or one.get("input") or {}
            ran.append(ProviderCall(str(one.get("name") or ""), given, str(one.get("id") or "")))
        elif kind.endswith("_tool_result"):
            result = {key: value for key, value in one.items() if key not in ("type", "tool_use_id", "caller")}
            add_result(ran, kind.removesuffix("_tool_result"), str(one.get("tool_use_id") or ""), result)
    return tuple(ran)


def _object(told: Json) -> dict[str, Json]:
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(told) if isinstance(told, str) else told
    return told if isinstance(told, dict) else {}


def executed_tools(sent: str) -> tuple[ProviderCall, ...]:
    """What Groq's compound models ran: of two pieces of one index the second has the output."""
    ran: dict[Json, dict[str, Json]] = {}
    for event in events(sent) if '"executed_tools"' in sent else ():
        choice = at(event, ("choices", 0))
        used = at(choice, ("delta", "executed_tools")) or at(choice, ("message", "executed_tools"))
        for one in used if isinstance(used, list) else ():
            if isinstance(one, dict):
                ran[one.get("index")] = ran.get(one.get("index"), {}) | one
    frame = ("index", "type", "arguments")
    return tuple(
        ProviderCall(
            str(one.get("type") or ""),
            _object(one.get("arguments")),
            "",
            {key: value for key, value in one.items() if key not in frame} or None,
        )
        for one in ran.values()
    )


def gemini_runs(sent: str) -> tuple[ProviderCall, ...]:
    """What Gemini ran itself: code, as calls named ``code_execution``, and its other tools; with what came of them."""
    ran: list[ProviderCall] = []
    for event in events(sent):
        for part in dicts(at(event, ("candidates", 0, "content", "parts"))):
            for kind in _GEMINI_RUNS:
                told = part.get(kind)
                if not isinstance(told, dict):
                    continue
                name, call_id = str(told.get("toolType") or "code_execution"), str(told.get("id") or "")
                if kind == "executableCode":
                    ran.append(ProviderCall(name, {key: told.get(key) for key in ("language", "code")}, call_id))
                elif kind == "toolCall":
                    ran.append(ProviderCall(name, _object(told.get("args")), call_id))
                else:
                    result = {key: value for key, value in told.items() if key not in ("id", "toolType")}
                    add_result(ran, name, call_id, result)
    return tuple(ran)


_GEMINI_RUNS = ("executableCode", "toolCall", "codeExecutionResult", "toolResponse")


def with_bedrocks_results(ran: tuple[ProviderCall, ...], sent: str) -> tuple[ProviderCall, ...]:
    """The calls that Bedrock ran itself, with what came of them: litellm drops the blocks that say it."""
    made = list(ran)
    streamed: dict[Json, dict[str, Json]] = {}
    for event in events(sent):
        blocks = dicts(at(event, ("output", "message", "content")))
        results = {n: one["toolResult"] for n, one in enumerate(blocks) if isinstance(one.get("toolResult"), dict)}
        start, piece = at(event, ("contentBlockStart",)), at(event, ("contentBlockDelta",))
        if isinstance(opened := at(start, ("start", "toolResult")), dict):
            results[start.get("contentBlockIndex")] = opened
        streamed |= {place: {**one, "content": one.get("content") or []} for place, one in results.items()}
        more = at(piece, ("delta", "toolResult"))
        if isinstance(more, list) and at(piece, ("contentBlockIndex",)) in streamed:
            streamed[piece["contentBlockIndex"]]["content"] += more
    for one in streamed.values():
        result = {key: value for key, value in one.items() if key != "toolUseId"}
        add_result(made, str(one.get("type") or "").removesuffix("_result"), str(one.get("toolUseId") or ""), result)
    return tuple(made)


def with_partial_calls(response: Json, sent: str) -> Json:
    """``response`` with Gemini's calls in pieces, and those without a name, among its calls, in their places.

    It is a copy: litellm still logs its own.

    Raises ``UnreadableReplyError`` for a piece without a place or a value.
    """
    calls: list[dict[str, Json]] = []
    for event in events(sent) if '"functionCall"' in sent else ():
        for part in dicts(at(event, ("candidates", 0, "content", "parts"))):
            if isinstance(part.get("functionCall"), dict):
                number = len(calls)
                with shaped(event):
                    take_call(part["functionCall"], calls)
                for new in calls[number:]:
                    new["signature"] = part.get("thoughtSignature")
    if not any(partial(call) for call in calls):
        return response
    response = copy.deepcopy(response)
    message = response["choices"][0]["message"]
    found = list(message["tool_calls"] or ())
    for place, call in enumerate(calls):
        if partial(call):
            args = call.get("args")
            text = args if isinstance(args, str) else "" if args is None else json.dumps(args, ensure_ascii=False)
            text = (text.rstrip() or "{}")[:-1] if call.get("willContinue") else text
            signed = f"__thought__{call['signature']}" if call["signature"] else ""
            id_ = f"{call.get('id') or f'call_{place:028x}'}{signed}"
            made = {"name": call.get("name"), "arguments": text}
            found.insert(place, {"id": id_, "type": "function", "function": made})
    message["tool_calls"] = found
    return response


def unreadable_call(sent: str, index: int) -> CallError | None:
    """The call that Gemini says it could not read itself; None if it says nothing of the kind."""
    for event in events(sent):
        if at(event, ("candidates", 0, "finishReason")) == "MALFORMED_FUNCTION_CALL":
            told = at(event, ("candidates", 0, "finishMessage"))
            detail = "the provider could not read the model's call"
            return CallError("arguments", detail, told if isinstance(told, str) else "", index=index)
    return None


def ollama_ids(sent: str) -> list[str | None]:
    """The ids of Ollama's calls, in order: litellm puts random ones over them in a stream."""
    found: list[str | None] = []
    for event in events(sent):
        calls = at(event, ("message", "tool_calls"))
        for call in calls if isinstance(calls, list) else ():
            id_ = call.get("id") if isinstance(call, dict) else None
            found.append(id_ if isinstance(id_, str) else None)
    return found


def with_call_ids(body: str, messages: Sequence[Mapping[str, Json]]) -> str:
    """``body``, a request to Ollama with ``messages``, with the ids of earlier calls, which litellm 1.106.2 drops. One
    of another shape stays as it is.
    """
    if '"tool_calls"' not in body:
        return body
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return body
    sent = [call for message in dicts(at(asked, ("messages",))) for call in dicts(message.get("tool_calls"))]
    made = [call for message in messages for call in dicts(message.get("tool_calls"))]
    made = [call for call in made if call.get("type", "function") == "function"]
    if len(sent) != len(made) or all("id" in call for call in sent):
        return body
    for call, own in zip(sent, made, strict=True):
        if own.get("id"):
            call["id"] = own["id"]
    return json.dumps(asked)


def generated_text(sent: str) -> str:
    """The text of an answer of Ollama's ``/api/generate``."""
    pieces = (at(event, ("response",)) for event in events(sent))
    return "".join(piece for piece in pieces if isinstance(piece, str))


def provider_run_ids(sent: str) -> frozenset[str]:
    """The ids of Bedrock's tool uses that it ran itself: litellm drops the type that says so."""
    return frozenset(str(use.get("toolUseId")) for use in _bedrock_uses(sent) if use.get("type") == "server_tool_use")


def bedrock_names(sent: str) -> list[Json]:
    """The names of Bedrock's tool uses, in order. Where any request of the process has sent ``a/b`` as ``a_b``, litellm
    gives each call of ``a_b`` as one of ``a/b``.
    """
    return [use.get("name") for use in _bedrock_uses(sent)]


def _bedrock_uses(sent: str) -> Iterator[dict[str, Json]]:
    for event in events(sent):
        uses = [block.get("toolUse") for block in dicts(at(event, ("output", "message", "content")))]
        yield from dicts([*uses, at(event, ("contentBlockStart", "start", "toolUse"))])


def own_usage(raw: str) -> Json:
    """The token counts of a whole chat completion as it told them: litellm adds to those of some providers."""
    return next((found for event in events(raw) if isinstance(found := at(event, ("usage",)), dict)), None)


_COUNTS = (("usage",), ("message", "usage"), ("delta", "usage"), ("metadata", "usage"), ("usageMetadata",))


def counted(sent: str) -> bool:
    """Whether the provider told any token counts: where it did not, litellm counts for itself."""
    return any(at(event, place) or at(event, ("eval_count",)) for event in events(sent) for place in _COUNTS)


def gemini_usage(sent: str) -> Usage | None:
    """Gemini's counts where its own tools took part in the prompt, which litellm does not add; None where not."""
    told = [one for event in events(sent) if isinstance(one := at(event, ("usageMetadata",)), dict)]
    counts = told[-1] if told else {}
    if not isinstance(counts.get("toolUsePromptTokenCount"), int):
        return None

    def total(*names: str) -> int | None:
        known = [counts[name] for name in names if isinstance(counts.get(name), int)]
        return sum(known) if known else None

    return Usage(
        total("promptTokenCount", "toolUsePromptTokenCount"),
        total("candidatesTokenCount", "thoughtsTokenCount"),
        total("totalTokenCount"),
    )


def ends_in_call(sent: str, dialect: str) -> bool:
    """Whether the last block of a stopped answer is a call that may have had no arguments yet, as far as was seen. Text
    behind a call says that the call had ended.
    """
    if dialect == "gemini":
        return _last_call_bare(sent)
    last = ""
    for event in events(sent):
        blocks = at(event, ("content",)) if dialect == "anthropic" else at(event, ("output", "message", "content"))
        starts = at(event, ("content_block",)) if dialect == "anthropic" else at(event, ("contentBlockStart", "start"))
        if dialect == "bedrock" and "text" in (at(event, ("contentBlockDelta", "delta")) or {}):
            starts = {"text": ""}  # Bedrock starts a text without a word
        for block in (*(blocks if isinstance(blocks, list) else ()), starts):
            if isinstance(block, dict) and block:
                last = str(block.get("type") or next(iter(block)))
    return last in {"", "tool_use", "toolUse"}


def _last_call_bare(sent: str) -> bool:
    """Whether Gemini's last call had no ``args``: our own repair shows litellm an empty object for them."""
    bare = False
    for event in events(sent):
        parts = at(event, ("candidates", 0, "content", "parts"))
        for part in parts if isinstance(parts, list) else ():
            call = part.get("functionCall") if isinstance(part, dict) else None
            bare = call.get("args") is None if isinstance(call, dict) else bare
    return bare


def events(sent: str) -> Iterator[Json]:
    """``sent`` as one JSON value, or as one a line, with ``data:`` before it or without."""
    try:
        yield json.loads(sent)
    except (ValueError, RecursionError):
        for line in sent.replace("\r", "\n").split("\n"):  # inside JSON a CR is escaped
            text = line.removeprefix("data:").strip()
            if text[:1] in _STARTS and text:
                try:
                    value = loads(text)
                except (ValueError, RecursionError):
                    continue
                yield value


_STARTS = '{["-0123456789tfnNI'
"""What JSON may begin with, as Python reads it: most lines of a stream are no JSON, and an error takes its time."""
