"""A watch on a stream, between the connection and litellm's parsers.

litellm skips a piece that is no JSON without a word, reads some framings and not others, ends every stream with a
reason whether one came or not, and translates the reason that did. The watch sees what the provider sent: it reads the
framing itself, raises the errors that stand in a stream, stores the provider's own finish word, and hands litellm each
event in the plainest form, repaired where litellm would trip (``repairs``).

It is attached through the attributes of the one stream object at hand: ``completion_stream.streaming_response`` of
litellm's own parsers, ``completion_stream.response`` of the OpenAI SDK's, the generator of Bedrock's binary events, and
the one below the objects that litellm makes of the events of OpenAI's Responses. What is not text goes unwatched.
"""

from __future__ import annotations

import base64
import contextlib
import inspect
import json
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import httpx

from harness.backend.repairs import handling
from harness.backend.repairs.responses import DIALECT as RESPONSES
from harness.backend.repairs.responses import ENDS, showable
from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.dialects import DIALECTS
from harness.dialects.bedrock.facts import frame_failure
from harness.dialects.facts import Facts, at, with_wait
from harness.dialects.framing import Feed
from harness.dialects.framing.eventstream import frames
from harness.dialects.framing.sse import DONE, texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

    from harness.core.exchange import Headers
    from harness.dialects.framing.eventstream import Frame
    from harness.dialects.framing.sse import SseEvent

_DONE_ESCAPED = DONE.replace("D", "\\u0044")


@dataclass(slots=True)
class LineWatch:
    """``finish_word`` is the provider's own word for how it ended, ``ended`` whether its dialect's terminator came,
    ``received`` the text of every event so far, ``usage`` the last token counts of a stream of OpenAI's dialect.
    ``foreign`` says that what came was something else than events of this dialect, so that the rest means nothing.
    """

    provider: str
    dialect: str
    finish_word: str | None = None
    ended: bool = False
    received: list[str] = field(default_factory=list)
    usage: dict[str, Any] | None = None
    foreign: bool = False
    headers: Headers = ()
    _known: bool = False
    _feed: Feed = field(default_factory=Feed)
    _rest: bytes = b""

    @property
    def facts(self) -> Facts:
        """What is known of the dialect."""
        return DIALECTS[self.dialect].facts

    def attach(self, stream: Any) -> bool:
        """Watch litellm's ``stream``; False where there is nothing to watch."""
        source = getattr(stream, "completion_stream", None)
        if self.dialect not in DIALECTS or not self.facts.event_keys or source is None:
            return False
        if inspect.isgenerator(source) or inspect.isasyncgen(source):
            return self._attach_to_frames(stream, source)
        lines = getattr(source, "streaming_response", None)
        if self.dialect == RESPONSES:
            return self._attach_to_bridge(lines)
        if lines is not None:
            watched = self._lines(lines) if hasattr(lines, "__next__") else self._async_lines(lines)
            source.streaming_response = watched
            source.response_iterator = watched
            return True
        response = getattr(source, "response", None)
        if not isinstance(response, httpx.Response):
            return False
        self.headers = tuple(response.headers.multi_items())
        source.response = _rewritten(response, self, asynchronous=hasattr(source, "__anext__"))
        return True

    def _attach_to_bridge(self, source: Any) -> bool:
        """Litellm's iterator of Responses events: below it a decoder reads the bytes of a response, not begun yet."""
        events: Any = getattr(source, "stream_iterator", None)
        response = getattr(source, "response", None)
        asynchronous = inspect.isasyncgen(events)
        if not isinstance(response, httpx.Response) or not (asynchronous or inspect.isgenerator(events)):
            return False
        names = events.ag_frame.f_locals if asynchronous else inspect.getgeneratorlocals(events)
        decoder = names.get("self")
        if decoder is None:
            return False
        self.headers = tuple(response.headers.multi_items())
        body = _rewritten(response, self, asynchronous=asynchronous)
        made = decoder.aiter_bytes(body.aiter_bytes()) if asynchronous else decoder.iter_bytes(body.iter_bytes())
        source.stream_iterator = made
        return True

    def _attach_to_frames(self, stream: Any, source: Any) -> bool:
        """Bedrock's: a generator, not begun yet, of a decoder that reads the bytes of an inner one."""
        asynchronous = inspect.isasyncgen(source)
        names = dict(source.ag_frame.f_locals if asynchronous else inspect.getgeneratorlocals(source))
        decoder, iterator = names.get("self"), names.get("iterator")
        if not handling(self.dialect).binary or decoder is None or iterator is None:
            return False
        headers = names.get("response_headers")
        self.headers = tuple((str(name), str(value)) for name, value in (headers or {}).items())
        more = {"response_headers": headers} if headers is not None else {}
        if asynchronous:
            stream.completion_stream = decoder.aiter_bytes(self._async_frames(iterator), **more)
        else:
            stream.completion_stream = decoder.iter_bytes(self.frames(iterator), **more)
        return True

    def _lines(self, lines: Iterator[Any]) -> Iterator[Any]:
        response = _response_of(lines)
        if response is not None:
            self.headers = tuple(response.headers.multi_items())
            for data in response.iter_bytes():
                yield from self.feed(data)
        else:
            for line in lines:
                yield from self._line(line)
        yield from self.finish()

    async def _async_lines(self, lines: AsyncIterable[Any]) -> AsyncIterator[Any]:
        response = _response_of(lines)
        if response is not None:
            self.headers = tuple(response.headers.multi_items())
            async for data in response.aiter_bytes():
                for line in self.feed(data):
                    yield line
        else:
            async for one in lines:
                for line in self._line(one):
                    yield line
        for line in self.finish():
            yield line

    def _line(self, line: Any) -> Iterator[Any]:
        if isinstance(line, (str, bytes)):
            data = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
            yield from self.feed(data.rstrip(b"\r\n") + b"\n")
        else:
            self.foreign = True
            yield line

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines for litellm of ``data``, the next bytes of the body."""
        return chain.from_iterable(map(self._lines_of, self._feed.feed(data)))

    def finish(self) -> Iterator[str]:
        """The lines for what was left at the end of the body. Half an event is a cut, which is found elsewhere."""
        try:
            left = self._feed.end()
        except StreamCutError:
            return iter(())
        return chain.from_iterable(map(self._lines_of, left))

    def _lines_of(self, event: SseEvent) -> Iterator[str]:
        for text in texts(event):
            yield from self._text(text, event)

    def _text(self, text: str, event: SseEvent) -> Iterator[str]:
        if text == DONE:
            self.ended = self.ended or self.facts.terminator == DONE
            if not handling(self.dialect).bare_lines and self.facts.terminator == DONE:
                yield f"data: {DONE}"
            return
        self.received.append(text.replace("\n", " "))  # an event may stand on several lines, and is stored on one
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            self._raise_failure(text if event.type == "error" else None, event.type)
            if event.whole:
                raise UnreadableReplyError("an event of the stream is no JSON", raw=text) from error
            return
        self._raise_failure(value, event.type)
        self._known |= isinstance(value, dict) and any(key in value for key in self.facts.event_keys)
        self.foreign = not self._known
        self._record(value)
        if self.dialect == RESPONSES and not showable(value):
            return
        repair = handling(self.dialect).repair
        yield self._written(repair(value) if repair is not None and isinstance(value, dict) else value)

    def _raise_failure(self, value: Any, kind: str) -> None:
        error = None if value is None else self.facts.failure(value, kind)
        if error is not None:
            error.provider = self.provider
            raise with_wait(error, self.headers)

    def _record(self, value: Any) -> None:
        self.finish_word = self.facts.word(at(value, self.facts.stream_finish_at)) or self.finish_word
        if not isinstance(value, dict):
            return
        if handling(self.dialect).openai_shape:
            usage = value.get("usage") or at(value, ("x_groq", "usage"))  # Groq has a place of its own for it
            self.usage = usage if isinstance(usage, dict) else self.usage
        elif isinstance(at(value, ("promptFeedback", "blockReason")), str):
            self.finish_word = self.finish_word or "SAFETY"
        # Older Ollamas end with "done" and no reason.
        done = value.get("done") is True or value.get("type") in ("message_stop", "message-end", *ENDS)
        self.ended = self.ended or done

    def _written(self, value: Any) -> str:
        # Escaped, for some of litellm's readers take U+2028 and its like for the end of a line, and any line that holds
        # the terminator for the last one.
        text = json.dumps(value).replace(DONE, _DONE_ESCAPED)
        return text if handling(self.dialect).bare_lines else f"data: {text}"

    def frames(self, data: Iterable[bytes]) -> Iterator[bytes]:
        """Bedrock's bytes, passed on when their events have been recorded."""
        for one in data:
            if self._take_frames(one):
                yield one

    async def _async_frames(self, data: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for one in data:
            if self._take_frames(one):
                yield one

    def _take_frames(self, data: bytes) -> bool:
        """Record the frames that have ended; False of a JSON object in their place: no frame has two gigabytes."""
        self._rest += data
        if self._rest.startswith(b"{"):
            with contextlib.suppress(ValueError, RecursionError):
                self._raise_failure(json.loads(self._rest), "")
            return False
        while len(self._rest) >= 4 and len(self._rest) >= (size := int.from_bytes(self._rest[:4])) > 0:  # noqa: PLR2004 - a length is four bytes
            whole, self._rest = self._rest[:size], self._rest[size:]
            for frame in frames(whole):
                self._take_frame(frame)
        return True

    def _take_frame(self, frame: Frame) -> None:
        try:
            value = json.loads(frame.payload or b"{}")
        except (ValueError, RecursionError):
            value = {}
        error = frame_failure(frame.headers, value)
        if error is not None:
            error.provider = self.provider
            raise with_wait(error, self.headers)
        event = _inner(value) if "bytes" in value else {frame.headers.get(":event-type", ""): value}
        self._raise_failure(event, "")
        self._known |= any(key in event for key in self.facts.event_keys)
        self.foreign = not self._known
        self.received.append(json.dumps(event))
        self._record(event)


def _inner(payload: Any) -> dict[str, Any]:
    """Anthropic's event in a frame of InvokeModel."""
    try:
        event = json.loads(base64.b64decode(payload["bytes"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _response_of(lines: Any, depth: int = 3) -> httpx.Response | None:
    """The response that a generator of lines reads, itself or through another: bytes hold more than lines do."""
    frame = getattr(lines, "gi_frame", None) or getattr(lines, "ag_frame", None)
    for value in () if frame is None or not depth else frame.f_locals.values():
        found = value if isinstance(value, httpx.Response) else _response_of(value, depth - 1)
        if found is not None:
            return found
    return None


def _rewritten(response: httpx.Response, watch: LineWatch, *, asynchronous: bool) -> httpx.Response:
    """A response like ``response`` whose body is the lines of ``watch`` for its own."""
    return with_body(response, stream=_AsyncBytes(response, watch) if asynchronous else _SyncBytes(response, watch))


def with_body(response: httpx.Response, **body: Any) -> httpx.Response:
    """A response like ``response`` with another body: ``text``, or a ``stream``."""
    framed = ("content-encoding", "content-length", "transfer-encoding")
    headers = [pair for pair in response.headers.multi_items() if pair[0].lower() not in framed]
    request = response._request  # noqa: SLF001 - the public attribute raises where there is none
    return httpx.Response(response.status_code, headers=headers, request=request, **body)


class _SyncBytes(httpx.SyncByteStream):
    """The body that the OpenAI SDK reads, past the watch."""

    def __init__(self, response: httpx.Response, watch: LineWatch) -> None:
        self._old, self._watch = response, watch

    def __iter__(self) -> Iterator[bytes]:
        for data in self._old.iter_bytes():
            yield from _as_events(self._watch.feed(data))
        yield from _as_events(self._watch.finish())

    def close(self) -> None:
        self._old.close()


class _AsyncBytes(httpx.AsyncByteStream):
    """As above, awaited."""

    def __init__(self, response: httpx.Response, watch: LineWatch) -> None:
        self._old, self._watch = response, watch

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._old.aiter_bytes():
            for event in _as_events(self._watch.feed(data)):
                yield event
        for event in _as_events(self._watch.finish()):
            yield event

    async def aclose(self) -> None:
        await self._old.aclose()


def _as_events(lines: Iterable[str]) -> Iterator[bytes]:
    return (f"{line}\n\n".encode() for line in lines)
