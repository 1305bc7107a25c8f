"""What can go wrong on the way, as functions from one planned response to another. Nothing here touches a socket.

Those that change what the model wrote (a call's arguments, its name) read the answer with the dialect's own reader and
write it again, so that the bytes are still the provider's own. Where an answer has no place for a fault (a call in an
answer without calls) it is a ``UsageError`` that says so.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.chat import CallError
from harness.core.errors import StreamCutError, UnreadableReplyError, UsageError
from harness.core.exchange import Chunk
from harness.core.finding import count
from harness.dialects.framing import body_parts, streamed

if TYPE_CHECKING:
    from harness.core.chat import Reply
    from harness.core.exchange import HttpResponse
    from harness.dialects.dialect import Dialect
    from harness.server.outgoing import PlannedResponse

_BROKEN_JSON = '{"broken": "half a str'
_NO_OBJECT = '["no", "object"]'
_INTO_ARGUMENTS = 12


def cut(plan: PlannedResponse, after: int) -> PlannedResponse:
    """The connection closes after ``after`` bytes of the body."""
    return replace(plan, response=_shortened(_answer(plan), after), ending="cut")


def reset(plan: PlannedResponse, after: int) -> PlannedResponse:
    """A TCP reset after ``after`` bytes of the body."""
    return replace(plan, response=_shortened(_answer(plan), after), ending="reset")


def stall(plan: PlannedResponse, after: int, seconds: float) -> PlannedResponse:
    """Nothing more comes after ``after`` bytes, and the connection is dropped ``seconds`` later."""
    return replace(plan, response=_shortened(_answer(plan), after), ending="timeout", seconds=seconds)


def drip(plan: PlannedResponse, size: int, seconds: float) -> PlannedResponse:
    """The body comes ``size`` bytes at a time, ``seconds`` apart."""
    body = _answer(plan).body
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = tuple(Chunk(piece, (number + 1) * seconds) for number, piece in enumerate(pieces))
    return replace(plan, response=replace(_answer(plan), chunks=chunks), pace=1.0)


def split(plan: PlannedResponse, size: int) -> PlannedResponse:
    """The same bytes in chunks of ``size``, wherever that cuts."""
    body = _answer(plan).body
    chunks = tuple(Chunk(body[start : start + size]) for start in range(0, len(body), size))
    return replace(plan, response=replace(_answer(plan), chunks=chunks))


def doubled(plan: PlannedResponse, chunk: int) -> PlannedResponse:
    """Chunk number ``chunk`` comes twice; a negative number counts from the end."""
    chunks = _answer(plan).chunks
    if not -len(chunks) <= chunk < len(chunks):
        raise UsageError(f"the recording has {len(chunks)} chunks; there is no chunk {chunk} to double")
    index = chunk % len(chunks)
    return replace(plan, response=replace(_answer(plan), chunks=(*chunks[: index + 1], *chunks[index:])))


def without_end(plan: PlannedResponse) -> PlannedResponse:
    """A stream without its last event: ``[DONE]``, ``message_stop`` and their like. The connection ends well."""
    response = _answer(plan)
    if not streamed(response):
        raise UsageError("the recording is no stream; it has no last event to leave out")
    pieces = body_parts(response)
    while pieces and not pieces[-1].strip():
        pieces.pop()
    return replace(plan, response=_shortened(response, sum(map(len, pieces[:-1]))))


def cut_in_call(plan: PlannedResponse, dialect: Dialect, call: int) -> PlannedResponse:
    """The connection closes inside the arguments of call number ``call``, counted from 0."""
    response = _answer(plan)
    reply = _read(dialect, response)
    if call >= len(reply.calls):
        raise UsageError(f"the recording has {count(len(reply.calls), 'call')}; there is no call {call} to cut")
    after = _begun(dialect, response, call) if streamed(response) else len(response.body)
    offset = 0
    if not streamed(response):
        for one in reply.calls[: call + 1]:
            offset = _after_name(response.body, one.name, offset)
    else:
        offset = _after_name(response.body[:after], reply.calls[call].name, 0, last=True)
        if after - offset > 4 * _INTO_ARGUMENTS:  # the fragments of a stream come after the event that names the call
            return cut(plan, after)
    return cut(plan, min(offset + _INTO_ARGUMENTS, len(response.body) - 1))


def malformed(plan: PlannedResponse, dialect: Dialect, call: int, raw: str | None) -> PlannedResponse:
    """Call number ``call`` has ``raw`` for its arguments: by default half a JSON object, or, in a dialect whose
    arguments are a JSON value and no text, a list.
    """
    reply = _with_call(_read(dialect, _answer(plan)), call)
    one = reply.calls[call]
    for text in (raw,) if raw is not None else (_BROKEN_JSON, _NO_OBJECT):
        broken = CallError("arguments", "malformed on purpose", text, one.name, one.id, call)
        made = replace(reply, calls=(*reply.calls[:call], *reply.calls[call + 1 :]), errors=(broken,))
        try:
            return replace(plan, response=_written(dialect, made, _answer(plan)))
        except UsageError:
            if raw is not None:
                raise
    raise UsageError(f"{dialect.name} has no way to write malformed arguments")


def renamed(plan: PlannedResponse, dialect: Dialect, call: int, name: str) -> PlannedResponse:
    """Call number ``call`` is of the tool ``name``, which nobody offered."""
    reply = _with_call(_read(dialect, _answer(plan)), call)
    calls = tuple(replace(one, name=name) if index == call else one for index, one in enumerate(reply.calls))
    return replace(plan, response=_written(dialect, replace(reply, calls=calls), _answer(plan)))


def _answer(plan: PlannedResponse) -> HttpResponse:
    if plan.response is None:
        raise UsageError("the recording is of a connection that failed; there is no answer to spoil")
    return plan.response


def _shortened(response: HttpResponse, after: int) -> HttpResponse:
    chunks, left = [], after
    for chunk in response.chunks:
        if left > 0:
            chunks.append(replace(chunk, data=chunk.data[:left]))
        left -= len(chunk.data)
    return replace(response, chunks=tuple(chunks))


def _read(dialect: Dialect, response: HttpResponse) -> Reply:
    try:
        return dialect.read(response)
    except (StreamCutError, UnreadableReplyError) as error:
        raise UsageError(f"the recording can't be read as {dialect.name}: {error}") from error


def _with_call(reply: Reply, call: int) -> Reply:
    if call >= len(reply.calls):
        raise UsageError(f"the recording has {count(len(reply.calls), 'call')}; there is no call {call} to spoil")
    return replace(reply, errors=(), provider_calls=())


def _written(dialect: Dialect, reply: Reply, like: HttpResponse) -> HttpResponse:
    made = dialect.render(reply, stream=streamed(like), model=reply.model or "model")
    return replace(made, status=like.status)


def _begun(dialect: Dialect, response: HttpResponse, call: int) -> int:
    """The fewest bytes of a stream after which something of the arguments of ``call`` has come."""
    low, high = 0, len(response.body)
    while low < high:
        middle = (low + high) // 2
        if _holds(dialect, _shortened(response, middle), call):
            high = middle
        else:
            low = middle + 1
    return low


def _holds(dialect: Dialect, response: HttpResponse, call: int) -> bool:
    try:
        dialect.read(response)
    except StreamCutError as error:
        torn = error.reply
        return torn is not None and any(one.index == call and one.raw for one in torn.errors)
    except UnreadableReplyError:
        return False
    return True


def _after_name(body: bytes, name: str, start: int, *, last: bool = False) -> int:
    coded = json.dumps(name, ensure_ascii=False).encode()
    offset = body.rfind(coded) if last else body.find(coded, start)
    if offset < 0:
        coded = json.dumps(name).encode()
        offset = body.rfind(coded) if last else body.find(coded, start)
    return offset + len(coded) if offset >= 0 else max(start, len(body) - _INTO_ARGUMENTS - 1)
