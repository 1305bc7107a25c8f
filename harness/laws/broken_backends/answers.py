"""Backends that are wrong in what real answers showed: stopped calls, finish words, errors under status 200, framings,
content types, parts of a text, and conversations that providers refuse.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.core.chat import STOPPED, Reply
from harness.core.errors import BadRequestError, ProviderError
from harness.core.exchange import Chunk, HttpRequest, HttpResponse, header
from harness.interception import clients
from harness.laws.broken_backends.corruption import broken, on_bytes, on_error, on_events, on_reply, wrapper
from harness.laws.broken_backends.replies import errors_as_calls_if_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.chat import Json
    from harness.laws.tested_backend import Complete

_WORD = re.compile(rb'("finish_reason": ?)"(?!(?:stop|length|tool_calls|content_filter|function_call)")\w+"')


def _known_words(got: HttpResponse) -> HttpResponse:
    """OpenAI's five words are known, any other is a stop."""
    return replace(got, chunks=tuple(Chunk(_WORD.sub(rb'\1"stop"', one.data)) for one in got.chunks))


def _remade(kind: type[ProviderError] | None = None, **changed: Any) -> Callable[[ProviderError], ProviderError]:
    """An error like another, but for its class and what is ``changed``."""

    def change(error: ProviderError) -> ProviderError:
        fields: dict[str, Any] = {"status": error.status, "retry_after": error.retry_after, "provider": error.provider}
        text = changed.get("text", "{}").format(error)
        return (kind or type(error))(text, **{key: changed.get(key, value) for key, value in fields.items()})

    return change


def _by_label(got: HttpResponse) -> HttpResponse:
    """A stream is what is called one, a body what is called JSON: anything else is empty."""
    whole = got.body.lstrip()[:1] == b"{"
    right = ("json",) if whole else ("event-stream",)
    fine = any(word in (header(got.headers, "content-type") or "") for word in right)
    return got if fine else replace(got, chunks=(Chunk(b"{}"),))


def _first_part(got: HttpResponse) -> HttpResponse:
    """The first text of a content that is a list."""
    try:
        body = json.loads(got.body)
        content = body["choices"][0]["message"]["content"]
        first = next(part for part in content if part["type"] == "text")
        remaining = [part for part in content if part["type"] != "text" or part is first]
        body["choices"][0]["message"]["content"] = remaining
    except (ValueError, LookupError, TypeError, StopIteration):
        return got
    return replace(got, chunks=(Chunk(json.dumps(body).encode()),))


def _sent_anyway(unfit: Callable[[list[Json], int], bool]) -> Callable[[Complete], Complete]:
    """What the right backend would mend or refuse goes out with the request that it makes of the rest."""

    @wrapper
    def spoil(right: Complete, model: str, messages: Sequence[Json], **options: Any) -> Reply:
        conversation, outer = list(messages), clients.current()
        bad = [place for place in range(len(conversation)) if unfit(conversation, place)]
        if not bad or outer is None:
            return right(model, messages, **options)

        def answer(request: HttpRequest) -> clients.Answer:
            body = json.loads(request.body)
            body["messages"] += [conversation[place] for place in bad]
            return outer(replace(request, body=json.dumps(body).encode()))

        with clients.answering(answer):
            return right(model, [one for place, one in enumerate(conversation) if place not in bad], **options)

    return spoil


def _lone(messages: list[Json], place: int) -> bool:
    made = {call["id"] for one in messages[:place] for call in one.get("tool_calls") or ()}
    return messages[place]["role"] == "tool" and messages[place]["tool_call_id"] not in made


def _second(messages: list[Json], place: int) -> bool:
    one = messages[place]
    return one["role"] == "tool" and any(one == other for other in messages[:place])


def _blank(messages: list[Json], place: int) -> bool:
    content = messages[place].get("content")
    return messages[place]["role"] != "tool" and isinstance(content, str) and not content.strip()


def _nameless(messages: list[Json], place: int) -> bool:
    calls = messages[place].get("tool_calls") or ()
    return any(not call["function"]["name"] for call in calls) or (
        place > 0 and messages[place]["role"] == "tool" and _nameless(messages, place - 1)
    )


ANSWERS = broken(
    (
        "empty-at-filter",
        "a call that a filter or an error stopped has no arguments",
        on_reply(lambda r: r if r.finish == "length" else errors_as_calls_if_empty(r)),
    ),
    (
        "stopped-calls-dropped",
        "whole calls of a stopped answer",
        on_reply(lambda r: replace(r, calls=()) if r.finish in STOPPED else r),
    ),
    ("kin-words-are-stop", "litellm: a word that is not OpenAI's is stop", on_bytes(_known_words)),
    (
        "new-words-are-none",
        "a word that is in no table",
        on_reply(lambda r: replace(r, finish=None) if r.finish == "unknown" else r),
    ),
    (
        "failures-are-answers",
        "status 200 is an answer",
        on_error(lambda error: Reply(text=str(error), finish="stop"), in_answer=True),
    ),
    ("failure-class-lost", "a bad request", on_error(_remade(BadRequestError), in_answer=True)),
    ("failure-status-lost", "no status", on_error(_remade(status=None), in_answer=True)),
    ("failure-words-lost", "words of its own", on_error(_remade(text="it failed"), in_answer=True)),
    ("failure-wait-lost", "headers unread", on_error(_remade(retry_after=None), in_answer=True)),
    (
        "failure-with-traceback",
        "litellm: format_exc() in the message",
        on_error(_remade(text="{}\nTraceback (most recent call last):"), in_answer=True),
    ),
    (
        "mark-before-events",
        "a byte order mark takes the first event along",
        on_events(lambda body: re.sub(rb"\A\xef\xbb\xbf.*?(?:\r\n\r\n|\n\n|\r\r)", b"", body, flags=re.DOTALL)),
    ),
    ("cr-no-line-end", "split on LF", on_events(lambda body: re.sub(rb"\r(?!\n)", b" ", body))),
    (
        "last-data-line",
        "each data line overwrites the one before",
        on_events(lambda body: re.sub(rb"data:[^\r\n]*(?:\r\n|\r|\n)(?=data:)", b"", body)),
    ),
    (
        "space-wanted",
        'startswith("data: ")',
        on_events(lambda body: re.sub(rb"(?:\A|(?<=[\r\n]))data:(?! )[^\r\n]*", b":", body)),
    ),
    ("label-trusted", "the content type is believed", on_bytes(_by_label)),
    ("first-text-part", "content[0]", on_bytes(_first_part)),
    ("lone-results-sent", "a result without its call", _sent_anyway(_lone)),
    ("second-results-sent", "two results of one call", _sent_anyway(_second)),
    ("blanks-sent", "text without a visible character", _sent_anyway(_blank)),
    ("nameless-calls-sent", "an earlier call without a name", _sent_anyway(_nameless)),
)
