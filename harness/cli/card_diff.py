"""Which cards are compared with which: the options of `harness diff` and of `harness card --baseline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from harness.core.card import Card


def pairing(parser: argparse.ArgumentParser) -> None:
    """The options that say which card is compared with which."""
    told = "compare the first file's card NAME with the second's (several times)"
    parser.add_argument("--as", dest="names", action="append", default=[], metavar="NAME=NAME", help=told)
    parser.add_argument("--by-position", action="store_true", help="compare the first card with the first, and so on")


def pairs(words: argparse.Namespace, before: Sequence[Card], after: Sequence[Card]) -> tuple[tuple[Card, Card], ...]:
    """The cards to compare. Raises ``UsageError`` where there are none."""
    from harness.cards.diff import paired
    from harness.core.errors import UsageError

    names = {}
    for one in words.names:
        name, found, other = one.partition("=")
        if not (name and found and other):
            raise UsageError(f"--as {one}: write NAME=NAME, the first file's card before the sign")
        names[name] = other
    if len(names) < len(words.names) or len(set(names.values())) < len(names):
        raise UsageError(f"--as {' --as '.join(words.names)}: a card is compared once; name each once on its side")
    if names and words.by_position:
        raise UsageError("--as and --by-position both say what is compared; give one of them")
    chosen = paired(before, after, names, by_position=words.by_position)
    if not chosen:
        sides = (", ".join(card.model for card in side) or "none" for side in (before, after))
        raise UsageError(
            f"nothing was compared: the cards are of {' and of '.join(sides)}; pair them with --as NAME=NAME"
        )
    checks = [{(cell.check, cell.mode) for cell in one.cells} for pair in chosen for one in pair]
    if not any(before & after for before, after in zip(checks[::2], checks[1::2], strict=True)):
        raise UsageError("nothing was compared: the two files' cards have no check in common")
    return chosen
