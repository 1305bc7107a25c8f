"""litellm's own peculiarities, one dialect at a time: what it can't read as it comes, loses, or does otherwise.

The table of all is at the end. What litellm leaves out is read from the provider's own text where that was received;
everything else is taken from litellm.
"""

from __future__ import annotations

import contextlib
import copy
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.backend.repairs import events
from harness.backend.repairs.raw_answer import gemini_usage, json_values
from harness.core.chat import CallError, ProviderCall
from harness.dialects.facts import add_result, at, dicts, grow, shaped
from harness.dialects.gemini.partial_calls import partial, take_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.core.chat import Json, Reply


@dataclass(frozen=True, slots=True)
class Handling:
    """What litellm 1.109.1 does with one dialect and with no other, and what makes up for it.

    ``openai_shape``: its answers have the shape that litellm hands over, and a stream's counts are the wire's own;
    elsewhere litellm counts tokens where none came. ``bare_lines``: litellm's parser takes each line for JSON.
    ``binary``: its stream is read by a decoder of frames, and litellm makes up a bad gateway where one breaks off.
    ``unlogged``: litellm never shows the text of its whole answers, which is then taken from the HTTP client.
    ``empty_is_nothing``: litellm writes ``{}`` for arguments that never came. ``text_only``: the API has no calls,
    litellm makes them of JSON text. ``cut_alike``: its parsers read what came of a cut stream as its whole call does.

    ``wrapped``: another API's answer inside frames, which only the whole call unwraps.

    ``parser`` is the module and class of the stream's parser, where the provider's configuration names none;
    ``parser_logs`` says that it needs a log. ``call_ids`` and ``provider_run_ids`` find in the provider's own text the
    ids of calls that litellm replaced, and those of calls that the provider ran, ``call_names`` the names of all calls,
    in order, where litellm gives others. ``repair`` makes a whole answer, or an event, one that litellm can read,
    ``with_calls`` puts calls that litellm can't read into an answer, ``completed`` adds to a reply what only that text
    holds. ``request_body`` puts into a request what litellm leaves out of its messages.
    """

    openai_shape: bool = False
    bare_lines: bool = False
    binary: bool = False
    unlogged: bool = False
    empty_is_nothing: bool = False
    text_only: bool = False
    cut_alike: bool = False
    wrapped: bool = False
    parser: tuple[str, str] | None = None
    parser_logs: bool = False
    call_ids: Callable[[str], list[str | None]] | None = None
    provider_run_ids: Callable[[str], frozenset[str]] = lambda _sent: frozenset()
    call_names: Callable[[str], list[Json]] = lambda _sent: []
    repair: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    with_calls: Callable[[Json, str], Json] = lambda response, _sent: response
    completed: Callable[[Reply, str], Reply] = lambda reply, _sent: reply
    request_body: Callable[[str, Sequence[Mapping[str, Json]]], str] = lambda body, _messages: body


def anthropic_runs(sent: str) -> tuple[ProviderCall, ...]:
    """The tools that Anthropic ran itself, its own and those of an MCP server, in the order of their blocks, and what
    came of them.

    litellm 1.109.1 gives its own as calls of the client's, 1.110.2 in a separate field, and those of MCP not at all.
    """
    blocks: dict[Json, dict[str, Json]] = {}
    pieces: dict[Json, str] = {}
    for event in json_values(sent):
        if not isinstance(event, dict) or isinstance(event.get("index"), (dict, list)):
            continue
        content = event.get("content")
        blocks |= dict(enumerate(content if isinstance(content, list) else ()))
        index = event.get("index")
        if event.get("type") == "content_block_start":
            blocks[index] = event.get("content_block") or {}
        grow(pieces, index, at(event, ("delta", "partial_json")))
    ran: list[ProviderCall] = []
    for index, one in blocks.items():
        kind = str(at(one, ("type",)))
        if kind in ("server_tool_use", "mcp_tool_use"):
            parameters = _object(pieces.get(index)) or one.get("input") or {}
            ran.append(ProviderCall(str(one.get("name") or ""), parameters, str(one.get("id") or "")))
        elif kind.endswith("_tool_result"):
            result = {key: value for key, value in one.items() if key not in ("type", "tool_use_id", "caller")}
            add_result(ran, kind.removesuffix("_tool_result"), str(one.get("tool_use_id") or ""), result)
    return tuple(ran)


def _object(value: Json) -> dict[str, Json]:
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else {}


def executed_tools(sent: str) -> tuple[ProviderCall, ...]:
    """What Groq's compound models ran: of two pieces of one index the second has the output."""
    ran: dict[Json, dict[str, Json]] = {}
    for event in json_values(sent) if '"executed_tools"' in sent else ():
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
    for event in json_values(sent):
        for part in dicts(at(event, ("candidates", 0, "content", "parts"))):
            for kind in _GEMINI_RUNS:
                run = part.get(kind)
                if not isinstance(run, dict):
                    continue
                name, call_id = str(run.get("toolType") or "code_execution"), str(run.get("id") or "")
                if kind == "executableCode":
                    ran.append(ProviderCall(name, {key: run.get(key) for key in ("language", "code")}, call_id))
                elif kind == "toolCall":
                    ran.append(ProviderCall(name, _object(run.get("args")), call_id))
                else:
                    result = {key: value for key, value in run.items() if key not in ("id", "toolType")}
                    add_result(ran, name, call_id, result)
    return tuple(ran)


_GEMINI_RUNS = ("executableCode", "toolCall", "codeExecutionResult", "toolResponse")


def with_bedrocks_results(ran: tuple[ProviderCall, ...], sent: str) -> tuple[ProviderCall, ...]:
    """The calls that Bedrock ran itself, with what came of them: litellm drops the blocks that say it."""
    made = list(ran)
    streamed: dict[Json, dict[str, Json]] = {}
    for event in json_values(sent):
        blocks = dicts(at(event, ("output", "message", "content")))
        results = {n: one["toolResult"] for n, one in enumerate(blocks) if isinstance(one.get("toolResult"), dict)}
        start, piece = at(event, ("contentBlockStart",)), at(event, ("contentBlockDelta",))
        if isinstance(opened := at(start, ("start", "toolResult")), dict):
            results[start.get("contentBlockIndex")] = opened
        streamed |= {index: {**one, "content": one.get("content") or []} for index, one in results.items()}
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
    for event in json_values(sent) if '"functionCall"' in sent else ():
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
    for index, call in enumerate(calls):
        if partial(call):
            args = call.get("args")
            text = args if isinstance(args, str) else "" if args is None else json.dumps(args, ensure_ascii=False)
            text = (text.rstrip() or "{}")[:-1] if call.get("willContinue") else text
            signed = f"__thought__{call['signature']}" if call["signature"] else ""
            id_ = f"{call.get('id') or f'call_{index:028x}'}{signed}"
            made = {"name": call.get("name"), "arguments": text}
            found.insert(index, {"id": id_, "type": "function", "function": made})
    message["tool_calls"] = found
    return response


def unreadable_call(sent: str, index: int) -> CallError | None:
    """The call that Gemini says it could not read itself; None if it says nothing of the kind."""
    for event in json_values(sent):
        if at(event, ("candidates", 0, "finishReason")) == "MALFORMED_FUNCTION_CALL":
            message = at(event, ("candidates", 0, "finishMessage"))
            detail = "the provider could not read the model's call"
            return CallError("arguments", detail, message if isinstance(message, str) else "", index=index)
    return None


def ollama_ids(sent: str) -> list[str | None]:
    """The ids of Ollama's calls, in order: litellm puts random ones over them in a stream."""
    found: list[str | None] = []
    for event in json_values(sent):
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
        request = json.loads(body)
    except (ValueError, RecursionError):
        return body
    sent = [call for message in dicts(at(request, ("messages",))) for call in dicts(message.get("tool_calls"))]
    made = [call for message in messages for call in dicts(message.get("tool_calls"))]
    made = [call for call in made if call.get("type", "function") == "function"]
    if len(sent) != len(made) or all("id" in call for call in sent):
        return body
    for call, own in zip(sent, made, strict=True):
        if own.get("id"):
            call["id"] = own["id"]
    return json.dumps(request)


def bedrock_run_ids(sent: str) -> frozenset[str]:
    """The ids of Bedrock's tool uses that it ran itself: litellm drops the type that says so."""
    return frozenset(str(use.get("toolUseId")) for use in _bedrock_uses(sent) if use.get("type") == "server_tool_use")


def bedrock_names(sent: str) -> list[Json]:
    """The names of Bedrock's tool uses, in order. Where any request of the process has sent ``a/b`` as ``a_b``, litellm
    gives each call of ``a_b`` as one of ``a/b``.
    """
    return [use.get("name") for use in _bedrock_uses(sent)]


def _bedrock_uses(sent: str) -> Iterator[dict[str, Json]]:
    for event in json_values(sent):
        uses = [block.get("toolUse") for block in dicts(at(event, ("output", "message", "content")))]
        yield from dicts([*uses, at(event, ("contentBlockStart", "start", "toolUse"))])


def ends_in_call(sent: str, dialect: str) -> bool:
    """Whether the last block of a stopped answer is a call that may have had no arguments yet, as far as it was
    received. Text behind a call shows that the call had ended.
    """
    if dialect == "gemini":
        return _last_call_bare(sent)
    last = ""
    for event in json_values(sent):
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
    for event in json_values(sent):
        parts = at(event, ("candidates", 0, "content", "parts"))
        for part in parts if isinstance(parts, list) else ():
            call = part.get("functionCall") if isinstance(part, dict) else None
            bare = call.get("args") is None if isinstance(call, dict) else bare
    return bare


def _with_geminis_own(reply: Reply, sent: str) -> Reply:
    unreadable = unreadable_call(sent, len(reply.calls) + len(reply.errors))
    return replace(
        reply,
        usage=gemini_usage(sent) or reply.usage,
        provider_calls=gemini_runs(sent),
        errors=reply.errors if unreadable is None else (*reply.errors, unreadable),
    )


def _with_executed(reply: Reply, sent: str) -> Reply:
    ran = executed_tools(sent)
    return replace(reply, provider_calls=(*reply.provider_calls, *ran)) if ran else reply


def _with_bedrocks_results(reply: Reply, sent: str) -> Reply:
    ran = with_bedrocks_results(reply.provider_calls, sent) if "toolResult" in sent else reply.provider_calls
    return replace(reply, provider_calls=ran) if reply.finish is not None else reply


def _with_anthropics_runs(reply: Reply, sent: str) -> Reply:
    ran = anthropic_runs(sent)
    return replace(reply, provider_calls=ran) if ran and reply.finish is not None else reply


_HANDLING: Mapping[str, Handling] = {
    "openai": Handling(openai_shape=True, cut_alike=True, repair=events.openai, completed=_with_executed),
    "anthropic": Handling(
        cut_alike=True,
        parser=("litellm.llms.anthropic.chat.handler", "ModelResponseIterator"),
        repair=events.anthropic,
        completed=_with_anthropics_runs,
    ),
    "gemini": Handling(
        parser=("litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini", "ModelResponseIterator"),
        parser_logs=True,
        repair=events.gemini,
        with_calls=with_partial_calls,
        completed=_with_geminis_own,
    ),
    "openai_responses": Handling(openai_shape=True, cut_alike=True),
    "bedrock_invoke": Handling(binary=True, wrapped=True, repair=events.anthropic, completed=_with_anthropics_runs),
    "bedrock": Handling(
        binary=True,
        parser=("litellm.llms.bedrock.chat.invoke_handler", "AWSEventStreamDecoder"),
        repair=events.bedrock,
        provider_run_ids=bedrock_run_ids,
        call_names=bedrock_names,
        completed=_with_bedrocks_results,
    ),
    "cohere": Handling(bare_lines=True, unlogged=True, empty_is_nothing=True, repair=events.cohere),
    "ollama": Handling(bare_lines=True, call_ids=ollama_ids, request_body=with_call_ids),
    "ollama_generate": Handling(bare_lines=True, text_only=True, unlogged=True),
}
_PLAIN = Handling()

BY_SDK = frozenset({"openai", "azure", "cerebras", "llamafile", "vercel_ai_gateway", "zai"})
"""Providers that litellm calls through OpenAI's SDK, whose stream hands over each event as it came."""

ALLOWED_TOOLS = frozenset({"openai", "azure"})
"""Providers to which litellm sends a ``tool_choice`` of ``allowed_tools``."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {"azure": {"max_retries": 0}}
"""Options of one provider: litellm's ``num_retries`` does not reach the client that it makes for Azure."""


def handling(dialect: str) -> Handling:
    """What litellm does with ``dialect`` alone."""
    return _HANDLING.get(dialect, _PLAIN)
