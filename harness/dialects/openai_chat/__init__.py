"""OpenAI chat completions, as openai and its many kin speak it. Kin differ by quirks, which are data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects.chat_request import json_body
from harness.dialects.dialect import Dialect, Mentions
from harness.dialects.openai_chat.detectors import DETECTORS
from harness.dialects.openai_chat.facts import FACTS, FAILURES, QUIRKS
from harness.dialects.openai_chat.read import read
from harness.dialects.openai_chat.render import answer, streamed, whole
from harness.dialects.openai_chat.request import read_chat
from harness.dialects.rendering import error_response, refused_quirks, varying

if TYPE_CHECKING:
    from harness.core.chat import Json, Reply
    from harness.core.exchange import HttpRequest, HttpResponse

_SERVERS_FAULT = 500


@varying
def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. A refusal is a field of the message here, not a finish reason.

    Every broken call can be sent. A call without arguments can't stand last in a reply that ran into its length limit
    under a quirk that sends nothing for them: that would mean cut off.
    """
    refused_quirks(quirks, QUIRKS | FAILURES, "openai")
    made = answer(reply, quirks, model, stream=stream)
    return streamed(made) if stream else whole(made)


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``; Ollama's and Cohere's requests have the same shape.

    Tools without a name are the provider's own (web search and the like), and left out.
    """
    try:
        return _mentions(json_body(request.body))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return Mentions()  # another API's request, or none


def _mentions(body: Json) -> Mentions:
    messages = body.get("messages") or ()
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    legacy = [message["function_call"] for message in messages if message.get("function_call")]
    results = [message for message in messages if message.get("role") in {"tool", "function"}]
    choice = body.get("tool_choice")
    return Mentions(
        tools=tuple(filter(None, map(_named, body.get("tools") or body.get("functions") or ()))),
        choice=_named(choice) or None if isinstance(choice, dict) else None,
        calls=tuple(_named(call) for call in [*calls, *legacy]),
        results=tuple(name for message in results if (name := message.get("name") or message.get("tool_name"))),
        call_ids=tuple(call["id"] for call in calls if call.get("id")),
        result_ids=tuple(message["tool_call_id"] for message in results if message.get("tool_call_id")),
    )


def _named(thing: Json) -> str:
    return str((thing.get("function") or thing.get("custom") or thing).get("name") or "")


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """OpenAI's error shape; its codes as public recordings have them."""
    codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
    kind = "server_error" if status >= _SERVERS_FAULT else "invalid_request_error"
    fields = {"message": message, "type": "requests" if status == 429 else kind, "param": None}  # noqa: PLR2004 - too many
    return error_response(status, {"error": {**fields, "code": codes.get(status)}}, retry_after=retry_after)


OPENAI = Dialect(
    name="openai",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r"/chat/completions$", r"/publishers/mistralai/models/[^/]+:(?:stream)?[rR]awPredict$"),
    facts=FACTS,
    quirks=QUIRKS,
    failures=FAILURES,
    request=read_chat,
    detectors=DETECTORS,
)
