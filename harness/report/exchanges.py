"""One recorded exchange for people: request, response as it came, and what it decodes to."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from harness.core.chat import ProviderCall
from harness.core.finding import count
from harness.dialects import read_answer
from harness.dialects.mcp import answer_lines, request_line
from harness.report import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Reply
    from harness.core.exchange import Exchange, Headers, HttpResponse, Provenance

_MOST_TEXT = 60
_MOST_LINES = 3


def heading(path: str, provenance: Provenance, number: int) -> str:
    """The cassette, its provenance and who answered."""
    made = f"{provenance.kind}, recorded {provenance.recorded or 'at an unknown time'}"
    made += f" with litellm {provenance.litellm}" if provenance.litellm else ""
    lines = [f"{path}: {count(number, 'exchange')}", made, provenance.source]
    return "".join(f"{safe_text.line(line)}\n" for line in lines if line)


def short(number: int, exchange: Exchange) -> str:
    """The exchange in a line: what was asked, how it went, and what it decodes to."""
    request = exchange.request
    request_text = request_line(request.body)
    what = f"{request_text}, {request.url}" if request_text else f"{request.method} {request.url}"
    return safe_text.line(f"{number}: {what} → {_outcome(exchange)}") + "\n"


def whole(number: int, exchange: Exchange) -> str:
    """The exchange in full, each part under its heading, its text marked by a bar at the left."""
    request, response = exchange.request, exchange.response
    parts = [f"\nrequest {number}: {request.method} {request.url}", *_headers(request.headers), *_body(request.body)]
    if response:
        parts += [f"\nresponse: {response.status}, {_size(response)}", *_headers(response.headers), *_came(response)]
    if exchange.failure:
        parts.append(f"\nfailure: {exchange.failure.kind} {exchange.failure.detail}")
    if not exchange.complete:
        parts.append("\nthe client stopped reading here; what would have followed is unknown")
    parts += ["\ndecoded:", *_decoded(exchange)]
    return "".join(f"{part}\n" if part.startswith("  │ ") else f"{_heading(part)}\n" for part in parts)


def _heading(text: str) -> str:
    return ("\n" if text.startswith("\n") else "") + safe_text.line(text.lstrip("\n"))


def _bar(text: str) -> Iterator[str]:
    for line in safe_text.block(text).split("\n"):
        yield f"  │ {line}"


def _headers(headers: Headers) -> Iterator[str]:
    for name, value in headers:
        yield from _bar(f"{name}: {value}")


def _body(body: bytes) -> Iterator[str]:
    if not body:
        return
    text = body.decode(errors="backslashreplace")
    with contextlib.suppress(ValueError, RecursionError):  # what is no JSON is shown as it came
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    yield from _bar("")
    yield from _bar(text)


def _came(response: HttpResponse) -> Iterator[str]:
    """A whole body, indented if it is JSON; a stream chunk by chunk, each with its time."""
    if len(response.chunks) == 1:
        yield from _body(response.body)
        return
    for number, chunk in enumerate(response.chunks):
        yield f"chunk {number}, after {chunk.at:g} s:"
        yield from _bar(chunk.data.decode(errors="backslashreplace").rstrip("\r\n"))


def _size(response: HttpResponse) -> str:
    number = len(response.chunks)
    return f"{len(response.body):,} bytes in {count(number, 'chunk')}"


def _outcome(exchange: Exchange) -> str:
    parts = []
    if exchange.response:
        parts.append(f"{exchange.response.status}, {_size(exchange.response)}")
    if exchange.failure:
        parts.append(f"{exchange.failure.kind} {exchange.failure.detail}".strip())
    if lines := answer_lines(exchange):
        return f"{', '.join(parts)}: {'; '.join(lines[-_MOST_LINES:])}"
    reply = read_answer(exchange)
    if reply is None or isinstance(reply, str):
        return ", ".join(parts)
    decoded = [json.dumps(reply.text[:_MOST_TEXT], ensure_ascii=False)] if reply.text else []
    decoded += [f"{call.name}({json.dumps(call.parameters, ensure_ascii=False)})" for call in reply.calls]
    decoded += [f"{error.name}: unreadable ({error.fault})" for error in reply.errors]
    return f"{', '.join(parts)}: {', '.join(decoded) or 'nothing'} [{reply.finish or 'no finish'}]"


def _decoded(exchange: Exchange) -> Iterator[str]:
    if request := request_line(exchange.request.body):
        yield from _bar(f"asked: {request}")
        for line in answer_lines(exchange):
            yield from _bar(line)
        return
    reply = read_answer(exchange)
    if reply is None:
        yield from _bar("nothing: this is no answer of a dialect that is read here")
    elif isinstance(reply, str):
        yield from _bar(reply)
    else:
        for name, text in reply_parts(reply):
            yield from _bar(f"{name}: {text}")


def reply_parts(reply: Reply, most: int | None = None) -> Iterator[tuple[str, str]]:
    """The parts of a reply, each with its name; of calls of a kind ``most``. The text is the model's, as it stands."""
    for name in ("text", "reasoning", "refusal"):
        if value := getattr(reply, name):
            yield name, value
    for kind, calls in (("call", reply.calls), ("run by the provider", reply.provider_calls)):
        for call in calls[:most]:
            yield kind, f"{call.name} (id {call.id!r}) {json.dumps(call.parameters, indent=2, ensure_ascii=False)}"
            if isinstance(call, ProviderCall) and call.result is not None:
                yield "its result", json.dumps(call.result, indent=2, ensure_ascii=False)
    for error in reply.errors[:most]:
        yield f"unreadable call {error.index}", f"{error.name} ({error.fault}: {error.detail}), sent: {error.raw}"
    own = f" (the provider's word: {reply.raw_finish})" if reply.raw_finish else ""
    yield "finish", f"{reply.finish or 'not reported'}{own}"
    if usage := reply.usage:
        yield "tokens", f"{usage.prompt} prompt, {usage.completion} completion, {usage.total} total"
