"""The laws without litellm: our names and decoder on what the reference reader makes of a provider's bytes.

Thousands of examples in the time of a few calls. What lies between the bytes and the decoder (litellm, streams cut
on the way, requests at the same time) is not in it: that is what ``ask`` is for.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

from harness.backend.repairs.omissions import generated_text
from harness.backend.request import prepare_request as prepared
from harness.backend.response import read_reply
from harness.core.chat import ToolCall
from harness.core.exchange import HttpRequest
from harness.dialects import DIALECTS
from harness.dialects.arguments import strict_json
from harness.dialects.dialect import Mentions, ordered
from harness.laws.provider_options import ASKED
from harness.laws.question import conversation, offered, options, served
from harness.laws.trial import Trial

if TYPE_CHECKING:
    from harness.backend.request import PreparedRequest as Prepared
    from harness.core.chat import CallError, Json, Reply
    from harness.core.exchange import HttpResponse
    from harness.laws.question import Question

BLIND = frozenset({"N6", "D14", "S2", "S3", "S4"})
"""Laws that no bare trial can break: they are about requests at the same time, tools that the provider ran, and bytes
on the way.
"""

TYPED = frozenset({"anthropic", "bedrock"})
"""Dialects whose whole answers hold arguments as JSON, broken ones too: a text there stands in quotes."""


def bare(question: Question) -> Trial:
    """The trial of ``question`` with the reader in litellm's place."""
    given = (conversation(question), offered(question), options(question))
    before = copy.deepcopy(given)
    requests: tuple[HttpRequest, ...] = ()
    mentions = Mentions()
    response: HttpResponse | None = None
    reply: Reply | None = None
    error: Exception | None = None
    try:
        asked = _prepared(question, *given)
        requests = (_request(asked),)
        mentions = DIALECTS["openai"].mentions(requests[0])
        response = served(question, mentions.tools)
        reply = _read(question, response, asked)
    except Exception as raised:  # noqa: BLE001 - whatever is raised is what is judged
        error = raised
    return Trial(question, requests, mentions, response, reply, error, untouched=given == before)


def _prepared(question: Question, messages: list[Json], tools: list[Json], more: dict[str, Json]) -> Prepared:
    return prepared(ASKED[question.provider][0], messages, tools, more, stream=question.stream)


def _request(asked: Prepared) -> HttpRequest:
    return HttpRequest("POST", "http://provider.test/v1/chat/completions", (), json.dumps(asked.arguments).encode())


def _read(question: Question, response: HttpResponse, asked: Prepared) -> Reply:
    found = question.dialect.read(response)
    typed = question.dialect.name in TYPED and not question.stream
    calls = [_call(one, typed=typed) for one in ordered(found)]
    sent = response.body.decode(errors="replace")
    message = {"content": found.text or None, "tool_calls": calls or None, "reasoning_content": found.reasoning}
    if question.dialect.name == "ollama_generate":
        message = {"content": generated_text(sent)}  # it has no calls: the decoder finds them in the text
    counts = found.usage
    usage = counts and {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.total,
    }
    return read_reply(
        {"choices": [{"message": message, "finish_reason": found.finish}], "usage": usage},
        names=asked.names,
        turn=asked.turn,
        provider=asked.provider,
        json_answer=asked.json_answer,
        said=found.finish or "",
        sent=sent,
        dialect=question.dialect.name,
    )


def _call(one: ToolCall | CallError, *, typed: bool) -> dict[str, Json]:
    if isinstance(one, ToolCall):
        arguments = json.dumps(one.parameters)
    else:
        arguments = json.dumps(one.raw) if typed and not _is_json(one.raw) else one.raw
    return {"id": one.id or None, "type": "function", "function": {"name": one.name, "arguments": arguments}}


def _is_json(text: str) -> bool:
    try:
        strict_json(text)
    except ValueError:
        return False
    return True
