"""Values of foreign files as ours: each is converted, or the interaction is left out with the reason; and what could
be taken over of a file.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from harness.cassette.format import document, encodings
from harness.cassette.importers.bounded import Foreign, Lines
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, header

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.chat import Json
    from harness.core.exchange import Headers

REQUEST_BODY, RESPONSE_BODY = "request body", "response body"
_LONGEST = 1e6  # seconds: a longer one is no response time


class SkippedError(Exception):
    """Why an interaction can't be taken over. It never leaves this folder: it becomes a ``Skipped``."""


@dataclass(frozen=True, slots=True)
class ImportedExchanges:
    """An interaction as an exchange.

    ``recorded`` is an ISO 8601 time in UTC, empty where the file has none; ``cassette`` names the recording that it
    belongs to, where one file holds several; ``source`` is more about its origin.
    """

    exchange: Exchange
    recorded: str = ""
    cassette: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An interaction that was not taken over: where it stands, and why. ``secret``: it would have leaked one."""

    place: str
    reason: str
    secret: bool = False


Interactions: TypeAlias = Iterator[tuple[str, Callable[[], ImportedExchanges]]]
"""Each interaction's place in its file, and what reads it or raises ``SkippedError``."""


class Format(NamedTuple):
    """One recorder's files. ``looks`` knows them by their shape, ``interactions`` reads them; ``prepared`` puts
    placeholders where the recorder writes nothing of a URL. ``lists`` are the names that lead to its interactions, by
    which a large file is read element by element; ``paired``: two lists of one length, a request and its response each.
    """

    name: str
    title: str
    looks: Callable[[Json], bool]
    interactions: Callable[[Json], Interactions]
    prepared: Callable[[Json], Json] = lambda document: document
    lists: tuple[str, ...] = ()
    paired: bool = False


def one_list(
    name: str, title: str, looks: Callable[[Json], bool], path: str, read: Callable[[Json], ImportedExchanges]
) -> Format:
    """A ``Format`` whose interactions stand in one list, at the dotted ``path``, each as ``read`` takes it."""

    def interactions(document: Json) -> Interactions:
        *outer, last = path.split(".")
        for one in outer:
            document = inner(document, one)
        yield from each(document.get(last), path, read)

    return Format(name, title, looks, interactions, lists=(path,))


def each(value: Json, name: str, read: Callable[[Json], ImportedExchanges]) -> Interactions:
    """The interactions of a list called ``name``."""
    if not isinstance(value, list):
        raise TypeError(f"`{name}` is {_called(value)}, not a list")
    for number, one in enumerate(value):
        yield f"{name}[{number}]", partial(read, one)


def first(value: Json, name: str) -> dict[str, Json]:
    """The first object in the list ``name`` of a document: by it the formats recognise their files."""
    entries = value.get(name) if isinstance(value, dict) else None
    return next((one for one in entries if isinstance(one, dict)), {}) if isinstance(entries, list) else {}


def inner(value: Json, name: str) -> dict[str, Json]:
    """``value[name]`` where that is an object, else an empty one."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def obj(value: Json, name: str) -> dict[str, Json]:
    """``value[name]``, which must be an object."""
    if not isinstance(value, dict):
        raise SkippedError(f"it is {_called(value)}, not an object")
    if name not in value or value[name] is None:
        raise SkippedError(f"it has no {name}")
    if not isinstance(value[name], dict):
        raise SkippedError(f"its {name} is {_called(value[name])}, not an object")
    made: dict[str, Json] = value[name]
    return made


def text(value: Json, name: str) -> str:
    """``value[name]``, which must be a text."""
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise SkippedError(f"its {name} is {_called(found)}, not text")
    return found


def raw(value: Json, what: str) -> bytes:
    """The bytes of a body that stands as text or binary; none for null."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise SkippedError(f"its {what} is {_called(value)}, not text")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise SkippedError(f"its {what} holds half a surrogate pair, which is no text") from error


def unbase64(value: str, what: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SkippedError(f"its {what} is no base64: {error}") from error


def json_bytes(value: Json, what: str) -> bytes:
    """``value`` as JSON: the recorder has the value and not how it was written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise SkippedError(f"its {what} is no JSON value: {str(error)[:100]}") from error


def headers(value: Json) -> Headers:
    """Headers that stand as an object of texts or lists of texts."""
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise SkippedError(f"its headers are {_called(value)}, not an object")
    pairs = [
        (name, one) for name, entry in value.items() for one in (entry if isinstance(entry, list | tuple) else [entry])
    ]
    return tuple((_header(name), _header(one)) for name, one in pairs)


def _header(value: Json) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # Polly and hand-written files have Content-Length so
    raise SkippedError(f"a header is {_called(value)}, not text")


def moment(value: Json) -> str:
    """An ISO 8601 time in UTC from one, or from an HTTP date; empty for anything else."""
    if not isinstance(value, str):
        return ""
    for read in (dt.datetime.fromisoformat, parsedate_to_datetime):
        try:
            made = read(value)
            return (made if made.tzinfo else made.replace(tzinfo=dt.UTC)).astimezone(dt.UTC).isoformat("T", "seconds")
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return ""


def answered(response: HttpResponse) -> str:
    """The time of a response, by its Date header."""
    return moment(header(response.headers, "date"))


def response(status: Json, fields: Headers, body: bytes, seconds: float = 0) -> HttpResponse:
    """A response out of its compression. A header that names one is dropped where the body stands unpacked."""
    if type(status) is not int:
        raise SkippedError(f"its status is {_called(status)}, not a number")
    chunks = (Chunk(body, round(seconds, 3) if 0 < seconds < _LONGEST else 0),) if body else ()
    packed = HttpResponse(status, fields, chunks)
    made = encodings.decoded(packed)
    if made is packed and header(fields, "content-encoding") and _is_text(body):
        plain = tuple(pair for pair in fields if pair[0].lower() != "content-encoding")
        made = HttpResponse(status, plain, chunks)
    return made


_PLACEHOLDER = re.compile(r"<([\w.-]{1,60})>|%3C([\w.-]{1,60})%3E", re.IGNORECASE)


def filled(value: Json, fill: Mapping[str, str]) -> Json:
    """``value`` with ``<NAME>`` replaced in every text by the value of ``NAME`` in ``fill``."""
    if not fill:
        return value
    if isinstance(value, str):
        for name, text in fill.items():
            value = value.replace(f"<{name}>", text).replace(f"%3C{name}%3E", text)
        return value
    if isinstance(value, list):
        return [filled(one, fill) for one in value]
    if isinstance(value, dict):
        return {filled(key, fill): filled(one, fill) for key, one in value.items()}
    if isinstance(value, Lines):
        return Lines(tuple(filled(one, fill) for one in value.values))
    return value


def interaction(
    value: Json,
    url: str,
    status: Callable[[dict[str, Json]], Json],
    body: Callable[[dict[str, Json], str], bytes],
    seconds: Callable[[dict[str, Json]], float] = lambda _: 0,
) -> ImportedExchanges:
    """An object with a ``request``, whose URL is called ``url``, and a ``response``; ``status`` and ``seconds`` read
    the response, ``body`` reads either side, named by its second argument.
    """
    sent, received = obj(value, "request"), obj(value, "response")
    number, fields = status(received), headers(received.get("headers"))
    answer = response(number, fields, body(received, RESPONSE_BODY), seconds(received))
    content = body(sent, REQUEST_BODY)
    made = exchange(text(sent, "method"), text(sent, url), headers(sent.get("headers")), content, answer)
    return ImportedExchanges(made, moment(value.get("recorded_at")) or answered(answer))


def exchange(method: str, url: str, fields: Headers, body: bytes, answer: HttpResponse) -> Exchange:
    """The exchange, if a cassette can hold it: else the reason is raised as ``SkippedError``."""
    try:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise SkippedError(f"its URL {url[:100]!r} is no http or https URL")
        urlsplit(url).port  # noqa: B018 - raises for one that is none
        if found := _PLACEHOLDER.search(url.partition("?")[0]):
            name = found[1] or found[2]
            raise SkippedError(
                f"its URL holds the recorder's placeholder <{name}>, which no request will hold; "
                f"say what stood there: --fill {name}=VALUE"
            )
    except ValueError as error:
        raise SkippedError(f"its URL is none: {error}") from error
    made = Exchange(HttpRequest(method.upper(), url, fields, body), answer)
    try:
        line = document.to_line(document.from_exchange(made))
        line.encode()
        same = document.to_exchange(document.parsed(line)) == made
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SkippedError(f"a cassette can't hold it: {str(error)[:160]}") from error
    if not same:
        raise SkippedError("a cassette can't hold it: it would not read back as it is")
    return made


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _called(value: Json) -> str:
    if isinstance(value, Foreign):
        return f"a {value.tag.removeprefix('tag:yaml.org,2002:')[:80]}, which is never built"
    if value is None:
        return "missing"
    kinds = {dict: "an object", list: "a list", bytes: "binary", bool: "true or false", str: "text"}
    kinds |= dict.fromkeys((int, float), f"the number {str(value)[:40]}")
    return kinds.get(type(value), f"a {type(value).__name__}")
