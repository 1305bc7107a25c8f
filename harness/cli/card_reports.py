"""Where a card goes: terminal, JSON, Markdown, JUnit, and the page."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import following
from harness.core.errors import CassetteError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from harness.core.card import Card
    from harness.core.change import Change
    from harness.core.exchange import Exchange
    from harness.dialects.wire_profile import WireProfile
    from harness.report.cards.matrix import Catalogue

    Changes = Mapping[str, Sequence[Change]]

_REPORTS = ("json", "markdown", "junit", "html")


def refuse(words: argparse.Namespace) -> None:
    """Find out before the work that a report could not be written after it."""
    following.refuse_unwritable(*(getattr(words, name) for name in _REPORTS))


def screen(words: argparse.Namespace) -> Console:
    given = [getattr(words, name) for name in _REPORTS]
    return following.screen(stderr=following.STANDARD_OUTPUT in given)


def read(path: str) -> tuple[Card, ...]:
    """The cards of a document. Raises ``UsageError``."""
    from harness.report.cards.document import read as parsed

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from error
    return parsed(text, path)


def show(out: Console, made: Sequence[Card], catalogue: Catalogue) -> None:
    from harness.report.cards import terminal

    terminal.show(out, made, catalogue, today=_today())


def write(words: argparse.Namespace, made: Sequence[Card], catalogue: Catalogue, changes: Changes | None) -> None:
    """Write the reports that were asked for; the page has ``changes`` since a baseline, too."""
    from harness.app.card_runs import versions
    from harness.report.cards import ci, document

    kinds: dict[str, Callable[[], str]] = {
        "json": lambda: document.write(made, **versions()),
        "markdown": lambda: ci.markdown(made, catalogue, today=_today()),
        "junit": lambda: ci.junit(made, catalogue),
        "html": lambda: _page(made, catalogue, changes),
    }
    for name, text in kinds.items():
        following.write_report(getattr(words, name), text)


def _page(made: Sequence[Card], catalogue: Catalogue, changes: Changes | None) -> str:
    from harness.report.cards.page import page

    return page(made, catalogue, exchange, changes)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@lru_cache(maxsize=32)
def _exchanges(cassette: str) -> tuple[Exchange, ...]:
    from harness.cassette import load

    try:
        return load(cassette).exchanges
    except CassetteError:
        return ()


def exchange(cassette: str, place: int) -> Exchange | None:
    """The exchange at a place in a cassette; None where there is none any more."""
    found = _exchanges(cassette)
    return found[place] if place < len(found) else None


def compare(out: Console, made: Sequence[Card], reference: Sequence[Card]) -> None:
    """Trigger F1 and schema accuracy beside a reference card."""
    from harness.cards.diff import trigger_f1
    from harness.report import safe_text

    other = reference[0]
    for card in made:
        found = trigger_f1(card, other)
        told = "nothing was asked of both" if found is None else f"trigger F1 {found[0]:.3f} over {found[1]} answers"
        mine, theirs = card.measures.get("schema_accuracy"), other.measures.get("schema_accuracy")
        if mine and theirs and mine.share is not None and theirs.share is not None:
            told += (
                f"; schema accuracy {mine.share:.3f} ({mine.n} calls), the reference's {theirs.share:.3f} ({theirs.n})"
            )
        out.print(safe_text.line(f"{card.model} beside {other.model}: {told}"), markup=False, soft_wrap=True)


def baseline(out: Console, since: Changes | None) -> None:
    """Show what changed since a baseline."""
    from harness.report import changes

    changes.show(out, since or {})


def profiles(screen: Console, made: Sequence[WireProfile]) -> None:
    """What each profile shows: its answers, and its quirks with the share of the answers that could show them."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from harness.report import safe_text

    table = Table("profile", "whole", "stream", "quirks", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in made:
        best: dict[str, float] = {}
        for some in one.quirks.values():
            for name, tally in some.items():
                best[name] = max(best.get(name, 0), tally.share)
        shown = sorted((name for name in best if best[name]), key=lambda name: (-best[name], name))
        quirks = ", ".join(f"{name} {best[name]:.0%}" for name in shown) or "none"
        counts = (str(one.answers.get(mode, 0)) for mode in ("whole", "stream"))
        table.add_row(*(Text(safe_text.line(cell, 4000)) for cell in (one.name, *counts, quirks)))
    screen.print(table)
