"""Numbered content blocks, as Anthropic and Bedrock stream them, put together for the reference readers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, ProviderCall, Reply, ToolCall, Usage
from harness.dialects.arguments import judged
from harness.dialects.facts import add_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.dialects.facts import Facts


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
    """A message on its way. ``ended`` says that the provider has said why it stopped.

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
        errors = tuple(
            CallError("cut_off", "the stream ended here", _raw(block), _word(block.name), _word(block.id) or "", place)
            for place, block in enumerate(self._uses("call"))
        )
        return Reply(text=self.joined("text"), errors=errors, reasoning=self.joined("reasoning"))

    def _uses(self, kind: str) -> list[Block]:
        return [block for block in self.blocks.values() if block.kind == kind]

    def _ran(self) -> list[ProviderCall]:
        made: list[ProviderCall] = []
        for block in self.blocks.values():
            if block.kind == "provider_result":
                add_result(made, str(block.name), _word(block.id) or "", block.input)
            elif block.kind == "provider_call":
                call = judged(block.name, block.arguments, block.id, 0, cut=False)
                if isinstance(call, ToolCall):
                    made.append(ProviderCall(call.name, call.parameters, call.id))
        return made

    def _calls(self, *, cut: bool) -> Iterator[ToolCall | CallError]:
        calls = self._uses("call")
        ends_in_call = bool(self.blocks) and [*self.blocks.values()][-1].kind == "call"
        for place, block in enumerate(calls):
            last = cut and ends_in_call and place == len(calls) - 1
            yield judged(block.name, block.arguments, block.id, place, cut=last)


def _word(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _raw(block: Block) -> str:
    sent = block.arguments
    return sent if isinstance(sent, str) else "" if sent is None else json.dumps(sent, ensure_ascii=False)
