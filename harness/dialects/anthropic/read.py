"""The reference reading of Anthropic messages: a small assembler that shares nothing with litellm or the backend.

Bedrock streams the same numbered content blocks, and its reader puts them together in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import StreamCutError
from harness.dialects.anthropic.facts import FACTS
from harness.dialects.arguments import cut_off, judged
from harness.dialects.facts import add_result, answer, answers, shaped
from harness.dialects.framing import framing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse
    from harness.dialects.facts import Facts

_KINDS = {"tool_use": "call", "server_tool_use": "provider_call", "mcp_tool_use": "provider_call"}
_BESIDE_RESULT = ("type", "tool_use_id", "caller")
_DELTAS = {"text_delta": ("text", "text"), "thinking_delta": ("reasoning", "thinking")}


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. An empty input before the length limit reads as cut off: no arguments look the same."""
    made = Message()
    if framing(response) != "whole":
        return _read_stream(response, made)
    body = answer(response, FACTS)
    with shaped(body):
        _take_head(body, made)
        for index, block in enumerate(body["content"]):
            made.start(index, _block(block))
            made.stop(index)
        made.end(body["stop_reason"])
        return made.reply(FACTS)


def _read_stream(response: HttpResponse, made: Message) -> Reply:
    try:
        for event in answers(response, FACTS):
            if event is None:
                continue  # proxies (OpenRouter's) end this wire in [DONE] too
            with shaped(event):
                _take_event(event, made)
    except StreamCutError as error:
        raise StreamCutError(str(error), made.torn()) from error
    if not made.ended:
        raise StreamCutError("the stream ended without a stop reason", made.torn())
    return made.reply(FACTS)


def _take_head(message: dict[str, Json], made: Message) -> None:
    made.begin()
    made.id, made.model = str(message.get("id") or ""), str(message.get("model") or "")
    _take_usage(message.get("usage"), made)


def _take_usage(usage: Json, made: Message) -> None:
    if usage is None:
        return
    counts = [usage.get(key) for key in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    if counts[0] is not None:
        made.prompt = sum(count or 0 for count in counts)
    if usage.get("output_tokens") is not None:
        made.completion = usage["output_tokens"] + 0


def _block(block: dict[str, Json]) -> Block:
    kind = block["type"]
    if kind == "text":
        return Block("text", block["text"] + "")
    if kind == "thinking":
        return Block("reasoning", block["thinking"] + "")
    if kind.endswith("_tool_result"):
        result = {key: value for key, value in block.items() if key not in _BESIDE_RESULT}
        return Block("provider_result", "", kind.removesuffix("_tool_result"), block.get("tool_use_id"), result)
    return Block(_KINDS.get(kind, "other"), "", block.get("name"), block.get("id"), block.get("input"))


def _take_event(event: Json, made: Message) -> None:
    kind = event["type"]
    if kind == "message_start":
        _take_head(event["message"], made)
    elif kind == "content_block_start":
        made.start(event["index"], _block(event["content_block"]))
    elif kind == "content_block_delta":
        _take_delta(made.going(event["index"]), event["delta"])
    elif kind == "content_block_stop":
        made.stop(event["index"])
    elif kind == "message_delta":
        made.end(event["delta"].get("stop_reason") or made.finish)
        made.ended = made.finish is not None
        _take_usage(event.get("usage"), made)
    elif kind == "message_stop":
        made.end(made.finish)


def _take_delta(block: Block, delta: dict[str, Json]) -> None:
    kind = delta["type"]
    if kind in _DELTAS:
        ours, key = _DELTAS[kind]
        if block.kind != ours:
            raise ValueError(f"a {kind} in a block of another kind")
        block.text += delta[key]
    elif kind == "input_json_delta":
        if block.kind in {"text", "reasoning", "provider_result"}:
            raise ValueError("arguments in a block that is no tool use")
        block.fragments = (block.fragments or "") + delta["partial_json"]


@dataclass(slots=True)
class Block:
    """One block: text, reasoning, a tool's use, or the result of one. ``fragments`` is None until a piece of arguments
    came; ``input`` of a result is the result, ``id`` that of its call.
    """

    kind: str
    text: str = ""
    name: Json = None
    id: Json = None
    input: Json = None
    fragments: str | None = None
    open: bool = True

    @property
    def arguments(self) -> Json:
        """What was sent as arguments; None where nothing was. An empty input is how a stream starts every call."""
        return self.fragments or (None if self.input == {} else self.input)


@dataclass(slots=True)
class Message:
    """A message on its way. ``ended``: the provider has named why it stopped.

    Each block is started, added to and stopped. What breaks that order is a ``ValueError``: bytes were lost, doubled or
    swapped.
    """

    blocks: dict[int, Block] = field(default_factory=dict)
    started: bool = False
    ended: bool = False
    finish: str | None = None
    prompt: int | None = None
    completion: int | None = None
    id: str = ""
    model: str = ""

    def begin(self) -> None:
        if self.started:
            raise ValueError("the message starts twice")
        self.started = True

    def start(self, index: int, block: Block) -> Block:
        if not self.started or self.ended:
            raise ValueError(f"block {index} starts outside the message")
        if index in self.blocks:
            raise ValueError(f"block {index} starts twice")
        self.blocks[index] = block
        return block

    def going(self, index: int) -> Block:
        """The block ``index``, which has started and not stopped."""
        block = self.blocks.get(index)
        if block is None or not block.open:
            raise ValueError(f"a piece of block {index}, which is not open")
        return block

    def stop(self, index: int) -> None:
        self.going(index).open = False

    def end(self, finish: Json) -> None:
        if not (finish is None or isinstance(finish, str)):
            raise ValueError(f"a stop reason that is no word: {finish!r}")
        if not self.started or any(block.open for block in self.blocks.values()):
            raise ValueError("the message ends in the middle of a block, or before its start")
        self.finish, self.ended = finish, True

    def joined(self, kind: str) -> str:
        return "".join(block.text for block in self.blocks.values() if block.kind == kind)

    def reply(self, facts: Facts) -> Reply:
        finish = facts.finish(self.finish)
        found = list(self._calls(cut=finish in STOPPED))
        usage = None
        if self.prompt is not None or self.completion is not None:
            usage = Usage(self.prompt, self.completion, (self.prompt or 0) + (self.completion or 0))
        return Reply(
            text=self.joined("text"),
            calls=tuple(call for call in found if isinstance(call, ToolCall)),
            errors=tuple(call for call in found if isinstance(call, CallError)),
            provider_calls=tuple(self._ran()),
            finish=finish,
            usage=usage,
            reasoning=self.joined("reasoning"),
            model=self.model,
            id=self.id,
            raw_finish=self.finish,
        )

    def torn(self) -> Reply:
        """What had come of a stream that was cut: every call an error, for none is known to be whole."""
        calls = enumerate(self._uses("call"))
        errors = tuple(cut_off(block.name, block.arguments, block.id, index) for index, block in calls)
        return Reply(text=self.joined("text"), errors=errors, reasoning=self.joined("reasoning"))

    def _uses(self, kind: str) -> list[Block]:
        return [block for block in self.blocks.values() if block.kind == kind]

    def _ran(self) -> list[ProviderCall]:
        made: list[ProviderCall] = []
        for block in self.blocks.values():
            if block.kind == "provider_result":
                add_result(made, str(block.name), _text(block.id) or "", block.input)
            elif block.kind == "provider_call":
                call = judged(block.name, block.arguments, block.id, 0, cut=False)
                if isinstance(call, ToolCall):
                    made.append(ProviderCall(call.name, call.parameters, call.id))
        return made

    def _calls(self, *, cut: bool) -> Iterator[ToolCall | CallError]:
        calls = self._uses("call")
        ends_in_call = bool(self.blocks) and [*self.blocks.values()][-1].kind == "call"
        for index, block in enumerate(calls):
            last = cut and ends_in_call and index == len(calls) - 1
            yield judged(block.name, block.arguments, block.id, index, cut=last)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
