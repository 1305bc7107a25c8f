"""A dialect that no provider speaks: all that the house does with one is tried with it, and no file names it but tests.

A request is ``{"model", "ask": [{"who", "what"}], "kit": [{"name", "takes"}], "flow"}``; an answer is one object, or
with ``flow`` a line for each part: ``say`` a piece of text, ``use`` a call, and at last ``why`` it ended.
"""

from __future__ import annotations

import json

from harness.core.chat import CallError, Finish, Reply, ToolCall, Usage
from harness.core.errors import StreamCutError, UsageError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects.arguments import judged
from harness.dialects.chat_request import ChatRequest, dicts, tool
from harness.dialects.dialect import Dialect, Mentions
from harness.dialects.facts import Facts, answers, provider_error, shaped
from harness.dialects.framing.sse import chunks, dumps
from harness.dialects.providers import Profile
from harness.dialects.rendering import argument, check, ends_cut, ordered, pieces, refused_quirks

WORDS: dict[str, Finish] = {"done": "stop", "used": "tool_calls", "full": "length"}
_OURS = {ours: word for word, ours in WORDS.items()}
QUIRKS = {"no_cost": "no counts are given"}


def failure(event, kind=""):
    del kind
    return provider_error(event["oops"], status=500, provider="toy") if "oops" in event else None


FACTS = Facts(finishes=WORDS, finish_at=("why",), stream_finish_at=("why",), key_header="x-toy", failure=failure)


def render(reply, *, stream=False, quirks=frozenset(), model="model"):
    refused_quirks(quirks, QUIRKS, "toy")
    check(reply, {*_OURS, None}, "the toy")
    if reply.provider_calls or reply.reasoning:
        raise UsageError("the toy has no place for that")
    calls = [_use(call, reply) for call in ordered(reply)]
    end = {"why": _OURS.get(reply.finish), "model": reply.model or model}
    if reply.usage and "no_cost" not in quirks:
        end["cost"] = [reply.usage.prompt or 0, reply.usage.completion or 0]
    if stream:
        parts = [{"say": piece} for piece in pieces(reply.text)] + [{"use": [one]} for one in calls] + [end]
        lines = (dumps(one).encode() + b"\n" for one in parts)
        return HttpResponse(200, (("content-type", "application/x-ndjson"),), chunks(lines))
    whole = {"say": reply.text, "use": calls, **end}
    return HttpResponse(200, (("content-type", "application/json"),), (Chunk(dumps(whole).encode()),))


def _use(call, reply):
    given = argument(call, "the toy", text=True, cut=ends_cut(reply, call), bare=False)
    return {"name": call.name or "", "with": given if isinstance(given, str) else dumps(given), "no": call.id or ""}


def read(response):
    said, used, end = "", [], None
    try:
        for part in answers(response, FACTS):
            with shaped(part):
                said += part.get("say") or ""
                used += part.get("use") or ()
                end = part if "why" in part else None
    except StreamCutError as error:
        raise StreamCutError(str(error), Reply(text=said)) from error
    if end is None:
        raise StreamCutError("the stream ended without why", Reply(text=said))
    finish = FACTS.finish(end["why"])
    with shaped(used):
        found = [
            judged(one["name"], one["with"], one["no"], place, cut=finish == "length" and one is used[-1])
            for place, one in enumerate(used)
        ]
    cost = end.get("cost")
    return Reply(
        text=said,
        calls=tuple(one for one in found if isinstance(one, ToolCall)),
        errors=tuple(one for one in found if isinstance(one, CallError)),
        finish=finish,
        usage=Usage(*cost, sum(cost)) if cost else None,
        model=end.get("model") or "",
        raw_finish=end["why"],
    )


def read_chat(body, path):
    del path
    return ChatRequest(
        dialect="toy",
        model=body.get("model") or "",
        tools=tuple(
            tool(one.get("name"), one.get("about"), one.get("takes"), one) for one in dicts(body.get("kit") or [])
        ),
        stream=body.get("flow") is True,
        messages=tuple({"role": one.get("who"), "content": one.get("what")} for one in dicts(body.get("ask") or [])),
    )


def mentions(request):
    try:
        return Mentions(tools=tuple(one["name"] for one in json.loads(request.body).get("kit") or ()))
    except (ValueError, KeyError, AttributeError):
        return Mentions()


def error(status, message, *, retry_after=None):
    wait = (("retry-after", f"{retry_after:g}"),) if retry_after is not None else ()
    return HttpResponse(
        status, (("content-type", "application/json"), *wait), (Chunk(dumps({"oops": message}).encode()),)
    )


TOY = Dialect("toy", render, read, mentions, error, (r"/toy/talk$",), FACTS, QUIRKS, request=read_chat)
ROW = Profile(
    name="toy",
    dialect="toy",
    hosts=(r"toy\.test",),
    model="toy/one",
    options={"api_base": "http://toy.test"},
    litellm=False,
)
