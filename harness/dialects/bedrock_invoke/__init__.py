"""Claude behind Bedrock's InvokeModel: Anthropic's own body, and Anthropic's events inside AWS's binary frames.

Other families have bodies of their own there, which are not known here: the model's name shows it.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects.anthropic.detectors import DETECTORS as ANTHROPICS_DETECTORS
from harness.dialects.anthropic.facts import FACTS as ANTHROPICS
from harness.dialects.anthropic.facts import FAILURES, QUIRKS
from harness.dialects.anthropic.read import read as read_anthropic
from harness.dialects.anthropic.render import mentions
from harness.dialects.anthropic.render import render as render_anthropic
from harness.dialects.anthropic.request import read_chat as read_anthropics
from harness.dialects.bedrock.facts import FACTS as BEDROCKS
from harness.dialects.bedrock.facts import frame_failure
from harness.dialects.bedrock.read import EVENT_STREAM
from harness.dialects.bedrock.render import error
from harness.dialects.chat_request import ChatRequest, model_in
from harness.dialects.dialect import Dialect
from harness.dialects.facts import with_wait
from harness.dialects.framing import eventstream, framing
from harness.dialects.framing.sse import write
from harness.dialects.rendering import LABELS, VARIANTS, varying

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json, Reply
    from harness.dialects.detection import Detector, ParsedAnswer

_CLAUDE = r"/model/[^/]*(anthropic|claude)[^/]*"
_HEADERS = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}


@varying
def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``: Anthropic's answer, each event of a stream in a frame."""
    made = render_anthropic(reply, stream=stream, quirks=quirks, model=model)
    if not stream:
        return made
    frames = tuple(Chunk(_frame(chunk.data)) for chunk in made.chunks if b"data:" in chunk.data)
    return HttpResponse(200, (("content-type", EVENT_STREAM),), frames)


def _frame(event: bytes) -> bytes:
    lines = re.split(rb"\r\n|\r|\n", event)
    data = b"\n".join(line.removeprefix(b"data:").removeprefix(b" ") for line in lines if line.startswith(b"data:"))
    payload = {"bytes": base64.b64encode(data).decode(), "p": "abcdefgh"[: len(data) % 8]}
    return eventstream.write(_HEADERS, json.dumps(payload, separators=(",", ":")).encode())


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``."""
    if framing(response) != "frames":
        found = BEDROCKS.failure(_json(response.body))
        if found is not None:
            raise with_wait(found, response.headers)
        return read_anthropic(response)
    events, cut = list[bytes](), False
    try:
        events.extend(_events(response))
    except StreamCutError:
        cut = True
    others = (pair for pair in response.headers if pair[0].lower() != "content-type")
    headers = (("content-type", "text/event-stream"), *others)
    made = replace(response, headers=headers, chunks=tuple(map(Chunk, events)))
    reply = read_anthropic(made)
    if cut:
        raise StreamCutError("the stream ends inside a frame", reply)
    return reply


def _events(response: HttpResponse) -> Iterator[bytes]:
    for frame in eventstream.frames(response.body):
        payload = _json(frame.payload)
        found = frame_failure(frame.headers, payload)
        if found is not None:
            raise with_wait(found, response.headers)
        try:
            event = base64.b64decode(payload["bytes"], validate=True).decode()
        except (ValueError, KeyError, TypeError) as broken:
            raise UnreadableReplyError(f"a frame without an event: {broken!r}", repr(frame.payload[:200])) from broken
        yield write(event.replace("\n", " ").replace("\r", " "), event=str((_json(event.encode()) or {}).get("type")))


def _json(text: bytes) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_chat(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``: the model and whether to stream stand in the path."""
    streams = path.endswith("-with-response-stream")
    model = model_in(path.removesuffix("-with-response-stream").removesuffix("/invoke"))
    return replace(read_anthropics(body, path), dialect="bedrock_invoke", model=model, stream=streams)


def _inside(detector: Detector) -> Detector:
    """A detector of Anthropic's, for the events inside the frames."""

    def detect(answer: ParsedAnswer) -> bool | None:
        inner = [_json(base64.b64decode(one["bytes"])) if "bytes" in one else one for one in answer.objects]
        return detector(replace(answer, events=tuple((str(one.get("type")), one) for one in inner)))

    return detect


# Events stand in frames, not in lines of text.
_FRAMED = {name: what for name, what in QUIRKS.items() if name not in {"no_padding", *VARIANTS} - LABELS.keys()}

_DETECTORS = {name: _inside(ANTHROPICS_DETECTORS[name]) for name in _FRAMED if name in ANTHROPICS_DETECTORS}

BEDROCK_INVOKE = Dialect(
    name="bedrock_invoke",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(rf"{_CLAUDE}/invoke$", rf"{_CLAUDE}/invoke-with-response-stream$"),
    facts=replace(ANTHROPICS, resigned=BEDROCKS.resigned, images=BEDROCKS.images, models=None, last_line=""),
    quirks=_FRAMED,
    failures=FAILURES,
    request=read_chat,
    detectors=_DETECTORS,
)
