"""What is known of a dialect's wire, as values that its reader, its writer and the backend share.

Each dialect has its own ``facts`` module, with the source of every word.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, Protocol

from harness.core.chat import ProviderCall
from harness.core.errors import ProviderError, UnreadableReplyError, by_status
from harness.core.exchange import header
from harness.dialects.framing import json_whole, pieces
from harness.dialects.framing.sse import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harness.core.chat import Finish, Json
    from harness.core.exchange import HttpResponse

    Path = tuple[str | int, ...]


class Failure(Protocol):
    """The error that one decoded event, line or body of a 200 answer reports; None where it reports none.

    ``kind`` is the event's type, where the framing names one.
    """

    def __call__(self, event: Json, kind: str = "") -> ProviderError | None: ...


def no_failure(event: Json, kind: str = "") -> ProviderError | None:
    """A dialect in which a 200 answer reports no error."""
    del event, kind
    return None


@dataclass(frozen=True, slots=True)
class ModelList:
    """How an API lists its models: at which path (a regular expression), and the body for the models' names."""

    path: str
    body: Callable[[Sequence[str]], Json]


def _rows(names: Sequence[str]) -> Json:
    """OpenAI's list and Anthropic's in one, for they share their path."""
    common = {"type": "model", "object": "model", "created": 0, "owned_by": "recorded"}
    data = [{"id": one, **common, "display_name": one} for one in names]
    return {"object": "list", "data": data, "has_more": False}


TAGS = ModelList(r"/api/tags$", lambda names: {"models": [{"name": one, "model": one} for one in names]})
"""Ollama's."""
RESOURCES = ModelList(
    r"/v1(beta|alpha)/models$", lambda names: {"models": [{"name": f"models/{one}"} for one in names]}
)
"""Google's."""
ROWS = ModelList(r"/models$", _rows)
MODEL_LISTS = (TAGS, RESOURCES, ROWS)
"""Every kind of list, those of the more particular path first."""


_PAGE = {"type": "web_search_result", "url": "https://example.com/x", "encrypted_content": "eA==", "title": "A page"}
_WEB_SEARCH = ProviderCall("web_search", {"query": "x"}, "srvtoolu_1", {"content": [_PAGE]})


@dataclass(frozen=True, slots=True)
class Facts:
    """``finishes`` maps the provider's finish words to ours; ``finish_at`` is where the word stands in a whole answer,
    ``stream_finish_at`` where in an event. ``numbers`` are finish words that some answers give as numbers.

    ``terminator`` is the data of the event that ends a stream, ``last_line`` a regular expression of the line that
    does. An event has one of ``event_keys``: a stream without any is in some other dialect. ``thinks_in_text``:
    models write their reasoning into the text, as a ``<think>`` block in front. ``object_arguments``: arguments are
    a JSON object, not text, in whole answers or always; ``object_results``: a tool's result is one too.
    ``call_ids``: calls have ids. ``tools_in_prompt``: the API knows no tools, litellm writes them into the prompt.
    ``own_schemas``: a subset of JSON Schema, in which references are written out and keywords left out. ``runs`` is
    a call that the provider runs and its result, ``runs_under`` the quirk under which an answer holds such.
    ``tool_marks`` are what may be set for each tool beside its schema (``chat_request.MARKS``),
    ``tool_search`` the tool that must stand beside those that are loaded later or lie in a namespace, and
    ``dropped_options`` options that litellm refuses here, or drops.
    ``empty_is_nothing`` says that a call whose arguments never came has an empty object on this wire.
    ``counts_on_request``: a stream ends with token counts only where the request sets that.
    ``refuses_blank_text`` says that the API refuses text without a visible character, ``pairs_results`` that each
    tool result must answer one earlier call, once, ``empty_result_is_a_list`` that a tool result of nothing is a
    list without parts. ``key_header`` carries the key, as a bearer token in ``authorization``, bare in any other.
    ``images`` are the ways in which a user's message may hold images (as ``data``, by ``url``), with ``image_results``
    a tool's result too; ``separate_images``: in a list of bare base64 beside the text; ``image_details``: each may
    say in which detail it is to be read. ``resigned``: why a request can't be sent again as it is. ``models`` is how
    the API lists its models.
    ``failure`` finds an error inside a 200 answer.

    ``state`` is the kind that goes back with the next turn: signed or redacted ``thinking`` blocks, ``signed`` ones
    alone, reasoning ``details``, reasoning ``items``, or thought ``signatures`` of texts and calls.
    """

    finishes: Mapping[str, Finish]
    finish_at: Path = ()
    stream_finish_at: Path = ()
    numbers: Mapping[int, str] = field(default_factory=dict)
    terminator: str = ""
    last_line: str = ""
    event_keys: tuple[str, ...] = ()
    thinks_in_text: bool = False
    call_ids: bool = True
    tools_in_prompt: bool = False
    object_results: bool = False
    own_schemas: bool = False
    state: Literal["", "thinking", "signed", "details", "items", "signatures"] = ""
    dropped_options: frozenset[str] = frozenset()
    tool_marks: tuple[str, ...] = ()
    tool_search: Mapping[str, Json] | None = None
    runs: ProviderCall = _WEB_SEARCH
    runs_under: str = ""
    object_arguments: Literal["never", "whole", "always"] = "never"
    empty_is_nothing: bool = False
    counts_on_request: bool = False
    refuses_blank_text: bool = False
    pairs_results: bool = True
    empty_result_is_a_list: bool = False
    images: frozenset[str] = frozenset()
    image_results: bool = False
    separate_images: bool = False
    image_details: bool = False
    key_header: str = "authorization"
    resigned: str = ""
    models: ModelList | None = None
    failure: Failure = no_failure

    def finish(self, word: str | None) -> Finish | None:
        """Our word for the provider's: None where it named none, ``unknown`` for a word that is not in the table."""
        return self.finishes.get(word, "unknown") if word else None

    def word(self, value: Json) -> str | None:
        """The finish word that ``value`` is, a number written out; None for anything else."""
        if isinstance(value, int) and not isinstance(value, bool):
            return self.numbers.get(value, str(value))
        return value if isinstance(value, str) else None


def at(value: Json, path: Path) -> Json:
    """What stands in ``value`` at a path of keys and indices; None where the path leads nowhere."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def dicts(value: Json) -> list[dict[str, Json]]:
    """The objects of a list, in order; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def grow(values: dict[Json, Json], key: Json, piece: Json) -> None:
    """Put a piece of a text behind what ``values`` has of it. What is no text, before or now, is passed over."""
    if isinstance(piece, str):
        before = values.get(key)
        values[key] = before + piece if isinstance(before, str) else piece


def add_result(ran: list[ProviderCall], name: str, call_id: str, result: dict[str, Json]) -> None:
    """Give ``result`` to the call of its id, or without an id to the first of its ``name`` that has none, for
    results come in the order of their calls; one of an earlier turn's call stands alone.
    """
    for index, call in enumerate(ran):
        if call.result is None and (call.id == call_id if call_id else call.name == name):
            ran[index] = replace(call, result=result)
            return
    ran.append(ProviderCall(name, {}, call_id, result))


def provider_error(
    message: str, *, status: int | None = None, retry_after: float | None = None, provider: str = ""
) -> ProviderError:
    """The error of the class that belongs to ``status``."""
    return by_status(status)(message, status=status, retry_after=retry_after, provider=provider)


def answers(response: HttpResponse, facts: Facts) -> Iterator[Json]:
    """Each piece as ``pieces`` gives it. Raises ``ProviderError`` for one that reports an error."""
    for kind, piece in pieces(response):
        error = None if piece is None else facts.failure(piece, kind)
        if error is not None:
            raise with_wait(error, response.headers)
        yield piece


def answer(response: HttpResponse, facts: Facts) -> Json:
    """A whole body's JSON value. Raises ``ProviderError`` for one that reports an error."""
    body = json_whole(response.body)
    error = facts.failure(body)
    if error is not None:
        raise with_wait(error, response.headers)
    return body


def without_thinking(text: str, reasoning: str) -> tuple[str, str]:
    """``text`` and ``reasoning``, where a ``<think>`` block in front of the text is the only reasoning that came."""
    found = None if reasoning else _THINKING.match(text)
    return (found["text"], found["thought"]) if found else (text, reasoning)


_THINKING = re.compile(r"\s*<(?P<tag>think|thinking)>(?P<thought>.*?)</(?P=tag)>(?P<text>.*)", re.DOTALL)


class shaped:  # noqa: N801 - it is used as ``contextlib``'s are; a class, for a stream enters it thousands of times
    """Turn a missing, mistyped or misplaced field of ``piece``, a part of an answer, into ``UnreadableReplyError``."""

    __slots__ = ("_piece",)

    def __init__(self, piece: Json) -> None:
        self._piece = piece

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, _MISSHAPEN):
            raise UnreadableReplyError(f"no shape of this dialect: {error!r}", dumps(self._piece)) from error


_MISSHAPEN = (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError)


def with_wait(error: ProviderError, headers: Iterable[tuple[str, str]]) -> ProviderError:
    """``error`` with the wait of the answer's headers, where its own body names none."""
    if error.retry_after is None:
        error.retry_after = retry_after(headers)
    return error


def retry_after(headers: Iterable[tuple[str, str]]) -> float | None:
    """The seconds to wait that a response names: ``retry-after-ms``, or ``Retry-After`` in seconds or as a date.

    A date counts from the response's own Date, or from now where it has none. None where there is no wait.
    """
    headers = tuple(headers)
    milliseconds = seconds(header(headers, "retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = header(headers, "retry-after") or ""
    number = seconds(value)
    if number is not None:
        return number
    until = _date(value)
    if until is None:
        return None
    since = _date(header(headers, "date") or "") or datetime.now(UTC)
    return max(0.0, (until - since).total_seconds())


def seconds(value: Json) -> float | None:
    """A duration as a number of seconds: ``3``, ``"1.5"``, ``"12s"``; None for anything else, and below zero."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    with suppress(ValueError, OverflowError):
        number = float(value.strip().removesuffix("s") if isinstance(value, str) else value)
        if math.isfinite(number) and number >= 0:
            return number
    return None


def _date(value: str) -> datetime | None:
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        found = parsedate_to_datetime(value)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def status_of(value: Json) -> int | None:
    """An HTTP error status, given as a number or as its digits."""
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:  # noqa: PLR2004 - a status has three digits
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value in range(400, 600) else None
