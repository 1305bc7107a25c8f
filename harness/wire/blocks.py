"""Numbered content blocks, as Anthropic and Bedrock stream them, put together for the reference readers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.chat import CallError, Finish, Reply, ToolCall, Usage
from harness.wire.arguments import judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json


@dataclass(slots=True)
class Block:
    """One block: text, reasoning, or a tool's use. ``fragments`` is None until a piece of arguments came."""

    kind: str
    text: str = ""
    name: Json = None
    id: Json = None
    input: Json = None
    fragments: str | None = None

    @property
    def arguments(self) -> Json:
        return self.input if self.fragments is None else self.fragments


@dataclass(slots=True)
class Message:
    """A message on its way. ``ended`` says that the provider has said why it stopped."""

    blocks: dict[int, Block] = field(default_factory=dict)
    finish: str | None = None
    ended: bool = False
    prompt: int | None = None
    completion: int | None = None
    id: str = ""
    model: str = ""

    def block(self, index: int, kind: str) -> Block:
        """The block ``index``, made if it is new: Bedrock starts text blocks without a word."""
        return self.blocks.setdefault(index, Block(kind))

    def joined(self, kind: str) -> str:
        return "".join(block.text for block in self.blocks.values() if block.kind == kind)

    def reply(self, finishes: dict[str, Finish]) -> Reply:
        finish = finishes.get(self.finish or "")
        found = list(self._calls(cut=finish == "length"))
        theirs = [judged(one.name, one.arguments, one.id, 0, cut=False) for one in self._uses("provider_call")]
        usage = None
        if self.prompt is not None or self.completion is not None:
            usage = Usage(self.prompt, self.completion, (self.prompt or 0) + (self.completion or 0))
        return Reply(
            text=self.joined("text"),
            calls=tuple(call for call in found if isinstance(call, ToolCall)),
            errors=tuple(call for call in found if isinstance(call, CallError)),
            provider_calls=tuple(call for call in theirs if isinstance(call, ToolCall)),
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
            CallError("cut_off", "the stream ended here", block.fragments or "", block.name, block.id or "", place)
            for place, block in enumerate(self._uses("call"))
        )
        return Reply(text=self.joined("text"), errors=errors, reasoning=self.joined("reasoning"))

    def _uses(self, kind: str) -> list[Block]:
        return [block for block in self.blocks.values() if block.kind == kind]

    def _calls(self, *, cut: bool) -> Iterator[ToolCall | CallError]:
        calls = self._uses("call")
        ends_in_call = bool(self.blocks) and [*self.blocks.values()][-1].kind == "call"
        for place, block in enumerate(calls):
            last = cut and ends_in_call and place == len(calls) - 1
            empty = block.fragments in {None, ""} and block.input in (None, {})
            yield judged(block.name, None if empty else block.arguments, block.id, place, cut=last)
