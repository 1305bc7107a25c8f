"""OpenAI's Responses API, as openai, azure, xai, deepseek, openrouter, Bedrock's mantle and llama.cpp speak it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.exchange import Chunk, HttpResponse
from harness.dialects.dialect import Dialect
from harness.dialects.framing.sse import dumps
from harness.dialects.openai_chat import error
from harness.dialects.openai_responses.detectors import DETECTORS
from harness.dialects.openai_responses.facts import FACTS, FAILURES, PATHS, QUIRKS
from harness.dialects.openai_responses.read import read
from harness.dialects.openai_responses.render import answer, streamed
from harness.dialects.openai_responses.request import mentions, read_chat
from harness.dialects.rendering import refused_quirks, varying

if TYPE_CHECKING:
    from harness.core.chat import Reply


@varying
def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. A completed answer ends in ``tool_calls`` where it has calls, else in ``stop``."""
    refused_quirks(quirks, QUIRKS | FAILURES, "openai_responses")
    made = answer(reply, quirks, model, stream=stream)
    if stream:
        return streamed(made)
    body = dumps(made.body(made.status, [] if made.has("failed") else made.items))
    return HttpResponse(200, (("content-type", "application/json"),), (Chunk(body.encode()),))


OPENAI_RESPONSES = Dialect(
    name="openai_responses",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=PATHS,
    facts=FACTS,
    quirks=QUIRKS,
    failures=FAILURES,
    request=read_chat,
    detectors=DETECTORS,
)
