"""The words of an import: what could be taken over, and what was left, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.core.exchange import Exchange


class SkippedError(Exception):
    """Why an interaction can't be taken over. It never leaves this folder: it becomes a ``Left``."""


@dataclass(frozen=True, slots=True)
class ImportedExchanges:
    """An interaction as an exchange.

    ``recorded`` is an ISO 8601 time in UTC, empty where the file has none; ``cassette`` names the recording that it
    belongs to, where one file holds several; ``source`` says more about where it is from.
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
"""Each interaction's place in its file, and what reads it or raises ``LeftOutError``."""


class Format(NamedTuple):
    """One recorder's files. ``looks`` knows them by their shape, ``interactions`` reads them; ``prepared`` puts
    placeholders where the recorder keeps nothing of a URL. ``lists`` are the names that lead to its interactions, by
    which a large file is read element by element; ``paired``: two lists of one length, a request and its response each.
    """

    name: str
    says: str
    looks: Callable[[Json], bool]
    interactions: Callable[[Json], Interactions]
    prepared: Callable[[Json], Json] = lambda document: document
    lists: tuple[str, ...] = ()
    paired: bool = False
