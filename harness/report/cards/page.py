"""Cards as one HTML file: the matrix, its evidence, and what changed. It loads nothing, and nothing else runs in it.

A page must open quickly and travel by mail: each cited exchange stands in it once, what is too long is shortened, and
what is too much is left out with the command that shows it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from harness.core.card import listed
from harness.core.chat import Reply
from harness.dialects import read_answer
from harness.report import safe_text
from harness.report.cards.summary import GLYPHS, ORDER, counts, explaining, fraction, headline, interval, matrix
from harness.report.changes import by_grade, shown, sides
from harness.report.exchanges import reply_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.core.card import Card, Cell, Mode, Rate
    from harness.core.change import Change
    from harness.core.chat import Json
    from harness.core.exchange import Exchange, Headers, HttpResponse
    from harness.core.finding import Evidence
    from harness.report.cards.summary import Catalogue, Matrix

    Loader = Callable[[str, int], Exchange | None]

MOST_BYTES = 3_000_000
"""Of all exchanges of a page together, as JSON."""
_BODY, _CAME, _DECODED, _HEADER = 12_000, 16_000, 8_000, 300
_CHUNKS, _HEADERS, _CALLS = 80, 40, 20
MOST_CHANGES = 200
"""Changes of one grade on a page."""
_SCRIPTS = ("page.js", "page_matrix.js", "page_evidence.js")
_MOST_OF_CELLS = 3_000_000
_FITS = ((20, 20, 2000), (5, 5, 500), (1, 1, 160))
"""How many findings and proofs of a cell, and how long a message: from what is wanted to what always fits."""
_NAME = 120
_FEW = 6
"""Models of which all is open at once."""


def cited(cell: Cell) -> Iterator[tuple[str, int]]:
    """Every exchange that a cell cites, those of its findings first."""
    proofs: list[Evidence] = [one.evidence for one in cell.findings if one.evidence is not None]
    for proof in (*proofs, *cell.evidence):
        for place in proof.exchanges:
            yield proof.cassette, place


def shown_exchanges(cards: Sequence[Card], load: Loader, most: int = MOST_BYTES) -> dict[str, dict[str, Json]]:
    """The cited exchanges by cassette and place, gravest cells first for as long as ``most`` bytes allow.

    One that ``load`` does not find is None; one for which no room was left is not there.
    """
    cells = sorted((cell for card in cards for cell in card.cells), key=lambda cell: ORDER.index(cell.verdict))
    places = dict.fromkeys(place for cell in cells for place in cited(cell))
    found: dict[str, dict[str, Json]] = {}
    left = most
    for cassette, place in places:
        exchange = load(cassette, place)
        words = None if exchange is None else shown_exchange(exchange)
        left -= len(json.dumps(words))
        if left < 0:
            break
        found.setdefault(safe_text.line(cassette), {})[str(place)] = words
    return found


def shown_exchange(exchange: Exchange) -> dict[str, Json]:
    """One exchange: what was asked, what came in its chunks, and what the reference reader decodes."""
    request, response = exchange.request, exchange.response
    words: dict[str, Json] = {
        "line": safe_text.line(f"{request.method} {request.url}"),
        "headers": _shown_headers(request.headers),
        "body": _shown_text(request.body, _BODY),
        "decoded": [[name, safe_text.block(text, _DECODED)] for name, text in _decoded_exchange(exchange)],
    }
    if response is not None:
        words["came"] = _came(response)
    if exchange.failure:
        words["failure"] = safe_text.line(f"{exchange.failure.kind} {exchange.failure.detail}".strip())
    if not exchange.complete:
        words["failure"] = "the client stopped reading here; what would have followed is unknown"
    return words


def _shown_headers(headers: Headers) -> list[list[str]]:
    return [[safe_text.line(name, _HEADER), safe_text.line(value, _HEADER)] for name, value in headers[:_HEADERS]]


def _shown_text(data: bytes, longest: int) -> str:
    """At most ``longest`` characters: only as many bytes as can matter are decoded."""
    text = safe_text.block(data[: 4 * longest].decode(errors="backslashreplace"), longest)
    return text if len(data) <= 4 * longest else f"{text}\n… ({len(data):,} bytes in all)"


def _came(response: HttpResponse) -> dict[str, Json]:
    chunks: list[Json] = []
    left = _CAME
    for chunk in response.chunks[:_CHUNKS]:
        if left <= 0:
            break
        text = _shown_text(chunk.data, left)
        left -= len(text)
        chunks.append([round(chunk.at, 3), text])
    return {
        "status": response.status,
        "bytes": len(response.body),
        "count": len(response.chunks),
        "headers": _shown_headers(response.headers),
        "chunks": chunks,
    }


def _decoded_exchange(exchange: Exchange) -> Iterator[tuple[str, str]]:
    reply = read_answer(exchange)
    if isinstance(reply, Reply):
        yield from reply_parts(reply, _CALLS)
    else:
        yield "nothing", reply or "this is no answer of a dialect that is read here"


def page(
    cards: Sequence[Card],
    catalogue: Catalogue,
    load: Loader,
    changes: Mapping[str, Sequence[Change]] | None = None,
    *,
    title: str = "Behaviour cards",
) -> str:
    """The file. ``load`` gives the exchange at a place in a cassette, None where there is none.

    ``changes`` are shown in a section of their own; with them alone, ``cards`` may be empty. The same values give the
    same bytes: the age of a recording is worked out by the browser that shows it.
    """
    laid = matrix(cards, catalogue)
    style, script = _part("page.css") + _bounds(), "".join(map(_part, _SCRIPTS))
    return _template().render(
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        island=_island(_data(laid, catalogue)),
        exchanges=_island(shown_exchanges(laid.cards, load)),
        title=safe_text.line(title, _NAME),
        matrix=laid,
        order=[verdict for verdict in ORDER if verdict in laid.counts],
        glyphs=GLYPHS,
        tiles=_tiles(cards, catalogue),
        changes=_changes(changes or {}),
        places={place: at for at, place in enumerate(_places(cards))},
        few=_FEW,
        width=1 + len(cards) * max(1, len(laid.modes)),
        total=sum(len(card.cells) for card in cards),
        checks=len({row.check for row in laid.rows}),
    )


@functools.cache
def _part(name: str) -> str:
    return importlib.resources.files("harness.report.cards").joinpath(name).read_text(encoding="utf-8")


def _bounds() -> str:
    """A class for each end of an interval: the policy allows no style on an element."""
    return "".join(f".l{at}{{--low:{at}%}}.h{at}{{--high:{at}%}}" for at in range(101))


@functools.cache
def _template() -> jinja2.Template:
    house = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    house.filters.update(line=safe_text.line, fraction=fraction, interval=interval)
    return house.from_string(_part("page.html"))


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _island(value: Json) -> Markup:
    """JSON that can end no script and open no comment, whatever text is in it."""
    text = json.dumps(value, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - no sign of markup is left in it


def _data(laid: Matrix, catalogue: Catalogue) -> dict[str, Json]:
    named = {row.check for row in laid.rows}
    return {
        "cards": [_card(card) for card in laid.cards],
        "checks": {check: [safe_text.line(one) for one in catalogue[check]] for check in catalogue if check in named},
        "cells": _cells(laid),
    }


def _card(card: Card) -> dict[str, Json]:
    recordings = {
        safe_text.line(path): [
            safe_text.line(one) for one in (from_.kind, from_.recorded, from_.source, from_.litellm, from_.harness)
        ]
        for path, from_ in card.recordings.items()
    }
    words = {"model": card.model, "provider": card.provider, "harness": card.harness, "litellm": card.litellm}
    return {**{name: safe_text.line(text, _NAME) for name, text in words.items()}, "recordings": recordings}


def _cells(laid: Matrix) -> list[Json]:
    """Every cell in order; in fewer words where that would be too much for a page."""
    every = [(at, cell) for at, card in enumerate(laid.cards) for cell in card.cells]
    made: list[Json] = []
    for fit in _FITS:
        made, room = [], _MOST_OF_CELLS
        for at, cell in every:
            made.append(_cell(at, cell, *fit))
            room -= len(json.dumps(made[-1]))
            if room < 0 and fit != _FITS[-1]:
                break
        else:
            break
    return made


def _places(cards: Sequence[Card]) -> Iterator[tuple[int, str, Mode]]:
    return ((at, cell.check, cell.mode) for at, card in enumerate(cards) for cell in card.cells)


def _cell(card: int, cell: Cell, findings: int, proofs: int, longest: int) -> dict[str, Json]:
    found = explaining(cell)
    found += [one for one in cell.findings if one not in found]
    words: dict[str, Json] = {
        "card": card,
        "check": safe_text.line(cell.check),
        "mode": cell.mode,
        "verdict": cell.verdict,
        "rate": [cell.rate.held, cell.rate.n, round(cell.rate.low, 4), round(cell.rate.high, 4)],
        "infra": cell.infra,
        "unsupported": cell.unsupported,
        "excluded": safe_text.line(listed(cell.excluded), longest),
        "note": safe_text.line(cell.note, longest),
        "findings": [
            {
                "check": safe_text.line(one.check, longest),
                "verdict": one.verdict,
                "path": safe_text.line(one.path, longest),
                "message": safe_text.line(one.message, longest),
                "blame": one.blame,
                "evidence": _proof(one.evidence, proofs) if one.evidence else None,
            }
            for one in found[:findings]
        ],
        "left": max(0, len(found) - findings),
        "evidence": [_proof(one, proofs) for one in cell.evidence[:proofs]],
    }
    return {name: value for name, value in words.items() if value or name == "card"}


def _proof(one: Evidence, most: int) -> list[Json]:
    return [safe_text.line(one.cassette), list(one.exchanges[:most])]


def _tiles(cards: Sequence[Card], catalogue: Catalogue) -> list[dict[str, Json]]:
    """What each card says first; of many, those with findings stand before the others."""
    tiles = [_tile(at, card, catalogue) for at, card in enumerate(cards)]
    return sorted(tiles, key=lambda one: not one["said"].worst) if len(tiles) > _FEW else tiles


def _tile(at: int, card: Card, catalogue: Catalogue) -> dict[str, Json]:
    counted = counts(iter(card.cells))
    total = sum(counted.values())
    bars, left = [], 0.0
    for verdict in ORDER:
        if verdict in counted:
            share = 100 * counted[verdict] / total
            bars.append((verdict, round(left, 2), round(share, 2), counted[verdict]))
            left += share
    measures: list[tuple[str, Rate]] = sorted(card.measures.items())
    kinds = sorted({one.kind for one in card.recordings.values()})
    said = headline(card, catalogue)
    return {
        "at": at,
        "card": card,
        "said": said,
        "left_out": listed(said.left_out),
        "bars": bars,
        "total": total,
        "measures": measures,
        "kinds": kinds,
    }


def _changes(changes: Mapping[str, Sequence[Change]]) -> list[dict[str, Json]]:
    return [
        {
            "grade": grade,
            "total": len(of_it),
            "told": [
                {"model": model, "change": one, "sides": sides(one), "see": shown(one)}
                for model, one in of_it[:MOST_CHANGES]
            ],
        }
        for grade, of_it in by_grade(changes).items()
    ]
