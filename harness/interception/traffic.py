"""What a tape lets pass beside its own exchanges, and what it counted of the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from harness.core.errors import CassetteMiss
from harness.interception.hosts import NONE, Hosts

QUIET = "refused by harness: side traffic is neither recorded nor answered while a tape is open"

WEBSOCKET = "a WebSocket, which is neither recorded nor replayed; turn it off in the client, so that it asks over HTTP"


@dataclass(slots=True, eq=False)
class Traffic:
    """``allow`` are hosts that a program may reach past the tape, ``subprocesses`` whether it may start programs;
    requests to ``ignore`` are side traffic, and so are those of threads that are older than the tape, unless
    ``every_thread`` counts. A ``live`` tape records. ``of_tape`` is False for a whole command's.

    Counted: ``side`` traffic that was refused, by host; while recording, connections that ``bypassed`` the tape, by
    host and client; in a replay, what was ``refused``, a sentence each.
    """

    allow: Hosts = NONE
    ignore: Hosts = NONE
    subprocesses: bool = False
    every_thread: bool = False
    live: bool = False
    of_tape: bool = True
    miss: type[CassetteMiss] = CassetteMiss
    side: Counter[str] = field(default_factory=Counter)
    bypassed: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    def describe_bypassed(self) -> str:
        """What went past the tape, for its user; empty where nothing did."""
        told = [f"{host} by {client}, {_times(count)}" for (host, client), count in self.bypassed.most_common()]
        return "; ".join(told)


def _times(count: int) -> str:
    return "one connection" if count == 1 else f"{count:,} connections"
