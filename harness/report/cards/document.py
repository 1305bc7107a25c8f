"""Cards as a JSON document, and back.

The same cards give the same bytes. Each cell stands on a line of its own, so that a comparison of two files shows
which cells changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.report.cards.reading import FORMAT, NEEDED_OF_CELL, VERSION, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.card import Card, Cell, Rate
    from harness.core.chat import Json
    from harness.core.exchange import Provenance
    from harness.core.finding import Evidence, Finding

__all__ = ["FORMAT", "VERSION", "read", "write"]


def write(cards: Sequence[Card], *, harness: str, litellm: str) -> str:
    """The document. ``harness`` and ``litellm`` are the versions that made it."""
    head = {"format": FORMAT, "version": VERSION, "harness": harness, "litellm": litellm}
    opening = json.dumps(head, indent=1)[:-2]
    return f'{opening},\n "cards": [{",".join(map(_card_text, cards))}\n ]\n}}\n'


def _card_text(card: Card) -> str:
    head = {
        "model": card.model,
        "provider": card.provider,
        "harness": card.harness,
        "litellm": card.litellm,
    }
    recordings = {path: _provenance_words(one) for path, one in card.recordings.items()}
    measures = {name: _rate_words(one) for name, one in card.measures.items()}
    lines = "".join(f"   {json.dumps(name)}: {_flat(value)},\n" for name, value in head.items())
    lines += f'   "recordings": {_by_line(recordings)},\n   "measures": {_by_line(measures)},\n'
    lines += f'   "finishes": {_by_line({name: list(words) for name, words in card.finishes.items()})},\n'
    cells = ",".join(f"\n    {_flat(_cell_words(one))}" for one in card.cells)
    return f'\n  {{\n{lines}   "cells": [{cells}\n   ]\n  }}'


def _by_line(values: dict[str, Json]) -> str:
    lines = ",".join(f"\n    {json.dumps(name)}: {_flat(value)}" for name, value in sorted(values.items()))
    return f"{{{lines}\n   }}"


def _flat(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _cell_words(cell: Cell) -> dict[str, Json]:
    words: dict[str, Json] = {
        "check": cell.check,
        "mode": cell.mode,
        "verdict": cell.verdict,
        "rate": _rate_words(cell.rate),
        "infra": cell.infra,
        "unsupported": cell.unsupported,
        "findings": [_finding_words(one) for one in cell.findings],
        "evidence": [_evidence_words(one) for one in cell.evidence],
        "note": cell.note,
        "excluded": dict(cell.excluded),
    }
    return {name: value for name, value in words.items() if value or name in NEEDED_OF_CELL}


def _finding_words(finding: Finding) -> dict[str, Json]:
    words: dict[str, Json] = {"check": finding.check, "verdict": finding.verdict, "message": finding.message}
    if finding.path:
        words["path"] = finding.path
    words |= {name: said for name, said in (("blame", finding.blame), ("cause", finding.cause)) if said}
    if finding.evidence is not None:
        words["evidence"] = _evidence_words(finding.evidence)
    return words


def _evidence_words(evidence: Evidence) -> dict[str, Json]:
    return {"cassette": evidence.cassette, "exchanges": list(evidence.exchanges)}


def _rate_words(rate: Rate) -> dict[str, Json]:
    return {"held": rate.held, "n": rate.n, "low": float(rate.low), "high": float(rate.high)}


def _provenance_words(one: Provenance) -> dict[str, Json]:
    return {
        "kind": one.kind,
        "recorded": one.recorded,
        "source": one.source,
        "litellm": one.litellm,
        "harness": one.harness,
    }
