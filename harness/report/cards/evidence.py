"""What proves a page's cells: each cited exchange once, as values that a page can show, within a bound.

A page must open quickly and travel by mail: what is too long is shortened, and what is too much is left out with the
command that shows it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.core.chat import Reply
from harness.dialects.decoded import read
from harness.report import safe_text
from harness.report.cards.matrix import ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.core.card import Card, Cell
    from harness.core.chat import Json
    from harness.core.exchange import Exchange, Headers, HttpResponse
    from harness.core.finding import Evidence

    Loader = Callable[[str, int], Exchange | None]

MOST_BYTES = 3_000_000
"""Of all exchanges of a page together, as JSON."""
_BODY, _CAME, _DECODED, _HEADER = 12_000, 16_000, 8_000, 300
_CHUNKS, _HEADERS, _CALLS = 80, 40, 20


def cited(cell: Cell) -> Iterator[tuple[str, int]]:
    """Every exchange that a cell cites, those of its findings first."""
    proofs: list[Evidence] = [one.evidence for one in cell.findings if one.evidence is not None]
    for proof in (*proofs, *cell.evidence):
        for place in proof.exchanges:
            yield proof.cassette, place


def exchanges(cards: Sequence[Card], load: Loader, most: int = MOST_BYTES) -> dict[str, dict[str, Json]]:
    """The cited exchanges by cassette and place, gravest cells first for as long as ``most`` bytes allow.

    One that ``load`` does not find is None; one for which no room was left is not there.
    """
    cells = sorted((cell for card in cards for cell in card.cells), key=lambda cell: ORDER.index(cell.verdict))
    wanted = dict.fromkeys(place for cell in cells for place in cited(cell))
    found: dict[str, dict[str, Json]] = {}
    left = most
    for cassette, place in wanted:
        exchange = load(cassette, place)
        words = None if exchange is None else shown(exchange)
        left -= len(json.dumps(words))
        if left < 0:
            break
        found.setdefault(safe_text.line(cassette), {})[str(place)] = words
    return found


def shown(exchange: Exchange) -> dict[str, Json]:
    """One exchange: what was asked, what came in its chunks, and what the reference reader decodes."""
    request, response = exchange.request, exchange.response
    words: dict[str, Json] = {
        "line": safe_text.line(f"{request.method} {request.url}"),
        "headers": _headers(request.headers),
        "body": _text(request.body, _BODY),
        "decoded": [[name, safe_text.block(text, _DECODED)] for name, text in _decoded(exchange)],
    }
    if response is not None:
        words["came"] = _came(response)
    if exchange.failure:
        words["failure"] = safe_text.line(f"{exchange.failure.kind} {exchange.failure.detail}".strip())
    if not exchange.complete:
        words["failure"] = "the client stopped reading here; what would have followed is unknown"
    return words


def _headers(headers: Headers) -> list[list[str]]:
    return [[safe_text.line(name, _HEADER), safe_text.line(value, _HEADER)] for name, value in headers[:_HEADERS]]


def _text(data: bytes, longest: int) -> str:
    """At most ``longest`` characters: only as many bytes as can matter are decoded."""
    text = safe_text.block(data[: 4 * longest].decode(errors="backslashreplace"), longest)
    return text if len(data) <= 4 * longest else f"{text}\n… ({len(data):,} bytes in all)"


def _came(response: HttpResponse) -> dict[str, Json]:
    chunks: list[Json] = []
    left = _CAME
    for chunk in response.chunks[:_CHUNKS]:
        if left <= 0:
            break
        text = _text(chunk.data, left)
        left -= len(text)
        chunks.append([round(chunk.at, 3), text])
    return {
        "status": response.status,
        "bytes": len(response.body),
        "count": len(response.chunks),
        "headers": _headers(response.headers),
        "chunks": chunks,
    }


def _decoded(exchange: Exchange) -> Iterator[tuple[str, str]]:
    reply = read(exchange)
    if isinstance(reply, Reply):
        yield from _reply(reply)
    else:
        yield "nothing", reply or "this is no answer of a dialect that is read here"


def _reply(reply: Reply) -> Iterator[tuple[str, str]]:
    for name in ("text", "reasoning", "refusal"):
        if value := getattr(reply, name):
            yield name, value
    for kind, calls in (("call", reply.calls), ("run by the provider", reply.provider_calls)):
        for call in calls[:_CALLS]:
            yield kind, json.dumps(call.as_dict(), indent=2, ensure_ascii=False)
    for error in reply.errors[:_CALLS]:
        yield "unreadable call", f"{error.name} ({error.fault}: {error.detail}), sent: {error.raw}"
    own = f" (the provider's word: {reply.raw_finish})" if reply.raw_finish else ""
    yield "finish", f"{reply.finish or 'not said'}{own}"
    if usage := reply.usage:
        yield "tokens", f"{usage.prompt} prompt, {usage.completion} completion, {usage.total} total"
