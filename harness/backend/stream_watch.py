"""A watch on the lines of a stream, between the connection and litellm's parsers.

litellm skips a line that is no JSON without a word, ends every stream with a reason whether one came or
not, and translates the reason that did. The watch sees what the provider sent: it tells a damaged line, notes
the provider's own last word, and shows litellm a repaired line where litellm would trip (``repairs``).

It is put on through the attributes of the one stream object at hand: ``completion_stream.streaming_response`` of
litellm's own parsers, ``completion_stream.response`` of the OpenAI SDK's. Bedrock's binary events go unwatched, and so
does what is not a line of text: litellm makes objects of the events of OpenAI's Responses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from harness.backend.finish_words import as_word, stands_at
from harness.backend.repairs import REPAIRS
from harness.core.errors import UnreadableReplyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

# What an event of each dialect has; a stream without any of it is in some other dialect.
KEYS: dict[str, tuple[str, ...]] = {
    "openai": ("choices", "error", "object"),
    "anthropic": ("type", "error"),
    "gemini": ("candidates", "promptFeedback", "usageMetadata", "error"),
    "ollama": ("message", "done", "error"),
    "ollama_generate": ("response", "done", "error"),
    "cohere": ("type", "event_type", "error"),
}

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
    every line so far, ``usage`` the token counts that a stream of OpenAI's dialect told last. ``foreign`` says that
    what came was something else than lines of this dialect, so that the rest means nothing.
    """

    provider: str
    dialect: str
    said: str | None = None
    ended: bool = False
    seen: list[str] = field(default_factory=list)
    usage: dict[str, Any] | None = None
    foreign: bool = False
    _doubtful: str = ""
    _known: bool = False

    def put_on(self, stream: Any) -> bool:
        """Watch the lines of litellm's ``stream``; False where it has none."""
        source = getattr(stream, "completion_stream", None)
        if self.dialect not in WORD_STANDS or source is None:
            return False
        lines = getattr(source, "streaming_response", None)
        if lines is not None:
            watched = self._sync(lines) if hasattr(lines, "__next__") else self._async(lines)
            source.streaming_response = watched
            source.response_iterator = watched
            return True
        response = getattr(source, "response", None)
        if not isinstance(response, httpx.Response) or "content-encoding" in response.headers:
            return False
        asynchronous = isinstance(response.stream, httpx.AsyncByteStream) and hasattr(source, "__anext__")
        response.stream = _AsyncBytes(response, self) if asynchronous else _SyncBytes(response, self)
        return True

    def _sync(self, lines: Iterable[Any]) -> Iterator[Any]:
        for line in lines:
            yield from self.passed(line)

    async def _async(self, lines: AsyncIterable[Any]) -> AsyncIterator[Any]:
        async for line in lines:
            for passed in self.passed(line):
                yield passed

    def passed(self, line: Any) -> Iterator[Any]:
        """What litellm is shown in the place of ``line``."""
        if not isinstance(line, (str, bytes)):
            self.foreign = True
            yield line
            return
        text = _payload(line)
        if not text and line[:1] in (":", b":"):
            return  # litellm takes a comment behind the finish reason for the end
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
        self._known |= isinstance(event, dict) and any(key in event for key in KEYS[self.dialect])
        self.foreign = not self._known and self.dialect != "gemini"  # whose events may stand over many lines
        self._note(event)
        repair = REPAIRS.get(self.provider)
        repaired = repair(event) if repair is not None and isinstance(event, dict) else event
        yield line if repaired is event and self.dialect != "cohere" else self._written(repaired)

    def _broken(self, line: str | bytes, text: str) -> Iterator[str | bytes]:
        if self.dialect == "gemini":
            # Gemini may send one event over many lines; litellm puts them together.
            yield line
        else:
            # The last line of a stream that broke off is half a line; only more behind it makes it damage.
            self._doubtful = text

    def _note(self, event: Any) -> None:
        self.said = as_word(stands_at(event, WORD_STANDS[self.dialect])) or self.said
        if not isinstance(event, dict):
            return
        if self.dialect == "openai":
            usage = event.get("usage") or stands_at(event, ("x_groq", "usage"))  # Groq has a place of its own for it
            self.usage = usage if isinstance(usage, dict) else self.usage
        elif isinstance(stands_at(event, ("promptFeedback", "blockReason")), str):
            self.said = self.said or "SAFETY"
        # Older Ollamas end with "done" and no reason.
        done = event.get("done") is True or event.get("type") in ("message_stop", "message-end")
        self.ended = self.ended or done

    def _written(self, event: Any) -> str:
        # Escaped, for some of litellm's readers take U+2028 and its like for the end of a line.
        text = json.dumps(event)
        return text if self.dialect in ("cohere", "ollama", "ollama_generate") else f"data: {text}"


class _Bytes:
    """The body that the OpenAI SDK reads, line by line past the watch."""

    def __init__(self, response: httpx.Response, watch: LineWatch) -> None:
        self._old, self._watch, self._rest = response.stream, watch, b""

    def _take(self, data: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            text = line.decode(errors="surrogateescape")
            for passed in self._watch.passed(text):
                yield passed.encode(errors="surrogateescape") + b"\n"


class _SyncBytes(_Bytes, httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._old, httpx.SyncByteStream)
        for data in self._old:
            yield from self._take(data)
        yield from self._take(b"\n")

    def close(self) -> None:
        assert isinstance(self._old, httpx.SyncByteStream)
        self._old.close()


class _AsyncBytes(_Bytes, httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._old, httpx.AsyncByteStream)
        async for data in self._old:
            for line in self._take(data):
                yield line
        for line in self._take(b"\n"):
            yield line

    async def aclose(self) -> None:
        assert isinstance(self._old, httpx.AsyncByteStream)
        await self._old.aclose()


def _payload(line: str | bytes) -> str:
    text = (line.decode("utf-8", "replace") if isinstance(line, bytes) else line).strip()
    if text.startswith("data:"):
        return text.removeprefix("data:").strip()
    return text if text.startswith(("{", "[")) else ""
