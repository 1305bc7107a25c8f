"""An answer that is there already, read by litellm's parsers and our decoder, without the call around them.

Most of what a call through litellm does has nothing to do with what the answer holds: the request, its logging and,
in a stream, a wrapper for each piece. ``parsed`` leaves that out. It reads only what goes well: an error, a stream that
broke off or an answer that litellm trips over is for ``complete``.
"""

from __future__ import annotations

import copy
import importlib
import json
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import httpx

from harness.backend.attempt import Attempt
from harness.backend.library import library
from harness.backend.repairs import BY_SDK
from harness.backend.repairs.responses import DIALECT as RESPONSES
from harness.backend.stream_watch import LineWatch
from harness.backend.tool_calls import item
from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.backend.request import PreparedRequest
    from harness.core.chat import Json, Reply
    from harness.core.exchange import HttpResponse

_FINE = 200


@dataclass(slots=True)
class _Log:
    """What stands in for litellm's log of a call: it stores the answer that it gets."""

    attempt: Attempt
    model_call_details: dict[str, Json] = field(default_factory=dict)
    optional_params: dict[str, Json] = field(default_factory=dict)
    litellm_params: dict[str, Json] = field(default_factory=dict)

    def post_call(self, original_response: Json = None, **_: Json) -> None:
        if isinstance(original_response, dict):
            original_response = json.dumps(original_response, default=str)
        if isinstance(original_response, str):
            self.attempt.store(original_response)


def parsed(request: PreparedRequest, response: HttpResponse) -> Reply | None:
    """What ``complete`` would return for ``request`` if it were answered with ``response``; None where only
    ``complete`` can read it. Raises ``StreamCutError`` for a stream that ends without a reason.
    """
    if response.status != _FINE:
        return None
    attempt = Attempt(request)
    reply: Reply | None
    try:
        sent = httpx.Response(response.status, headers=list(response.headers), content=response.body)
        sent = attempt.on_response(sent)
        if attempt.dialect == RESPONSES:
            return _over_responses(attempt, sent)
        if attempt.dialect not in DIALECTS or attempt.handling.wrapped:
            return None
        reply = _stream(attempt, sent) if request.arguments["stream"] else _whole(attempt, sent)
    except StreamCutError:
        if not attempt.handling.cut_alike:
            return None
        raise
    except Exception as error:  # noqa: BLE001 - whatever litellm raises, `complete` raises the right error for it
        reply = None if attempt.begun else attempt.rescued(error)
    return reply


def _over_responses(attempt: Attempt, sent: httpx.Response) -> Reply | None:
    """The reply of OpenAI's Responses, which is read from its own text."""
    if not attempt.request.arguments["stream"]:
        attempt.store(sent.text)
        return attempt.reply(None)
    attempt.begun = True
    watch = attempt.watch = LineWatch(attempt.request.provider, attempt.dialect)
    for _ in chain(watch.feed(sent.content), watch.finish()):
        pass
    return attempt.streamed_reply(None)


def _whole(attempt: Attempt, sent: httpx.Response) -> Reply:
    name = _name(attempt)
    answer = _config(attempt.request.provider, name).transform_response(
        model=name,
        raw_response=sent,
        model_response=library().ModelResponse(),
        logging_obj=_Log(attempt),
        request_data={},
        messages=copy.deepcopy(attempt.request.arguments["messages"]),  # it counts their tokens where nobody did
        optional_params={},
        litellm_params={},
        encoding=None,
    )
    return attempt.reply(answer)


def _stream(attempt: Attempt, sent: httpx.Response) -> Reply | None:
    attempt.begun = True
    watch = attempt.watch = LineWatch(attempt.request.provider, attempt.dialect)
    name = _name(attempt)
    if attempt.handling.binary:
        pieces = _parser(attempt.handling.parser)(model=name).iter_bytes(watch.frames([sent.content]))
    else:
        pieces = _pieces(attempt, name, chain(watch.feed(sent.content), watch.finish()))
    for piece in pieces:
        attempt.assembly.add(piece)
    if not attempt.handling.openai_shape and not attempt.handling.binary:
        attempt.assembly.usage = _counted(attempt.assembly.usage, ended=watch.ended or watch.finish_word is not None)
    return None if watch.foreign else attempt.streamed_reply(None)


def _pieces(attempt: Attempt, name: str, lines: Iterator[str]) -> Json:
    provider = attempt.request.provider
    if provider in BY_SDK:
        return _events(lines)
    if attempt.handling.parser:
        log = {"logging_obj": _Log(attempt)} if attempt.handling.parser_logs else {}
        return _parser(attempt.handling.parser)(lines, sync_stream=True, **log)
    made = _config(provider, name).get_model_response_iterator(streaming_response=lines, sync_stream=True)
    return map(_as_chunk, made)


def _events(lines: Iterator[str]) -> Iterator[Json]:
    for line in lines:
        if line.startswith("data:") and (text := line.removeprefix("data:").strip()) != "[DONE]":
            event = json.loads(text)
            if isinstance(event, dict) and event.get("error"):
                raise UnreadableReplyError("an error in the stream, for which the SDK has an exception", raw=text)
            yield event


def _as_chunk(piece: Json) -> Json:
    """The short form that some of litellm's parsers have for a piece, as a chunk like the others."""
    if not isinstance(piece, dict) or "is_finished" not in piece:
        return piece
    delta = {"content": piece["text"], "tool_calls": [piece["tool_use"]] if piece.get("tool_use") else None}
    finish = piece["finish_reason"] if piece["is_finished"] else None
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": piece.get("usage")}


def _counted(usage: Json, *, ended: bool) -> Json:
    """The counts of a stream as litellm's wrapper gives them: when it has ended, and added up, whatever total came."""
    if usage is None or not ended:
        return None
    prompt, completion = (item(usage, key) or 0 for key in ("prompt_tokens", "completion_tokens"))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _name(attempt: Attempt) -> str:
    """The model's name as litellm's parsers know it: without the provider."""
    return str(attempt.request.arguments["model"]).partition("/")[2]


@cache
def _config(provider: str, name: str) -> Any:
    litellm = library()
    if provider in BY_SDK:
        return litellm.OpenAIGPTConfig()
    return litellm.utils.ProviderConfigManager.get_provider_chat_config(name, litellm.LlmProviders(provider))


@cache
def _parser(at: tuple[str, str]) -> Any:
    library()
    module, name = at
    return getattr(importlib.import_module(module), name)
