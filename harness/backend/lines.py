"""A watch on the lines of a stream, between the connection and litellm's parsers.

litellm skips a line that is no JSON without a word, ends every stream with a reason whether one came or
not, and translates the reason that did. The watch sees what the provider sent: it tells a damaged line, notes
the provider's own last word, and shows litellm a repaired line where litellm would trip (``repairs``).

It is put on through the attributes of the one stream object at hand (``completion_stream.streaming_response``);
where litellm has no such object (the OpenAI SDK, Bedrock's binary events), the stream goes unwatched.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.backend.repairs import REPAIRS
from harness.backend.words import stands_at
from harness.errors import UnreadableReplyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

# Where each dialect's events keep the word for how the answer ended.
WORD_STANDS: dict[str, tuple[str | int, ...]] = {
    "openai": ("choices", 0, "finish_reason"),
    "anthropic": ("delta", "stop_reason"),
    "gemini": ("candidates", 0, "finishReason"),
    "ollama": ("done_reason",),
    "ollama_generate": ("done_reason",),
    "cohere": ("delta", "finish_reason"),
}


@dataclass(slots=True)
class LineWatch:
    """``said`` is the provider's own word for how it ended, ``ended`` whether its dialect's terminator came, ``seen``
    every line so far.
    """

    provider: str
    dialect: str
    said: str | None = None
    ended: bool = False
    seen: list[str] = field(default_factory=list)
    _doubtful: str = ""

    def put_on(self, stream: Any) -> bool:
        """Watch the lines of litellm's ``stream``; False where it has none."""
        parser = getattr(stream, "completion_stream", None)
        lines = getattr(parser, "streaming_response", None)
        if self.dialect not in WORD_STANDS or parser is None or lines is None:
            return False
        watched = self._sync(lines) if hasattr(lines, "__next__") else self._async(lines)
        parser.streaming_response = watched
        parser.response_iterator = watched
        return True

    def _sync(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            yield from self._passed(line)

    async def _async(self, lines: AsyncIterable[str]) -> AsyncIterator[str]:
        async for line in lines:
            for passed in self._passed(line):
                yield passed

    def _passed(self, line: str) -> Iterator[str]:
        text = _payload(line)
        self.seen.append(text)
        if text == "[DONE]":
            self.ended = True
        if text in ("", "[DONE]"):
            # Cohere's parser takes every line for JSON.
            if self.dialect != "cohere":
                yield line
            return
        if self._doubtful:
            raise UnreadableReplyError("a line in the middle of the stream is no JSON", raw=self._doubtful)
        try:
            event = json.loads(text)
        except ValueError:
            yield from self._broken(line, text)
            return
        self._note(event)
        repair = REPAIRS.get(self.provider)
        repaired = repair(event) if repair is not None and isinstance(event, dict) else event
        yield line if repaired is event and self.dialect != "cohere" else self._written(repaired)

    def _broken(self, line: str, text: str) -> Iterator[str]:
        if self.dialect == "gemini":
            # Gemini may send one event over many lines; litellm puts them together.
            yield line
        else:
            # The last line of a stream that broke off is half a line; only more behind it makes it damage.
            self._doubtful = text

    def _note(self, event: Any) -> None:
        said = stands_at(event, WORD_STANDS[self.dialect])
        if isinstance(said, str) and said:
            self.said = said
        if isinstance(event, dict):
            blocked = stands_at(event, ("promptFeedback", "blockReason"))
            if isinstance(blocked, str) and self.dialect == "gemini":
                self.said = self.said or "SAFETY"
            self.ended = self.ended or event.get("done") is True or event.get("type") in ("message_stop", "message-end")

    def _written(self, event: Any) -> str:
        # Escaped, for some of litellm's readers take U+2028 and its like for the end of a line.
        text = json.dumps(event)
        return text if self.dialect in ("cohere", "ollama", "ollama_generate") else f"data: {text}"


def _payload(line: str | bytes) -> str:
    text = (line.decode("utf-8", "replace") if isinstance(line, bytes) else line).strip()
    if text.startswith("data:"):
        return text.removeprefix("data:").strip()
    return text if text.startswith(("{", "[")) else ""
