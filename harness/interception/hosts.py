"""Hosts by name, address or pattern, with or without a port."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK = "loopback"
_HERE = frozenset({"localhost", "ip6-localhost", "localhost.localdomain", LOOPBACK, ""})


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine and no other."""
    if host in _HERE:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Hosts:
    """``patterns`` are hosts (``db.test``), any of several (``*.test``), one port of them (``localhost:5432``), or the
    path of a Unix socket. Every name and address of this machine's loopback stands for all of them.
    """

    patterns: tuple[tuple[str, int | None], ...] = ()

    def holds(self, host: str, port: int | None = None) -> bool:
        """Whether one of them is meant by ``host``; a ``port`` of None is any."""
        if not self.patterns:
            return False
        host, here = host.lower().rstrip("."), None
        for pattern, wanted in self.patterns:
            if wanted is not None and port is not None and wanted != port:
                continue
            if pattern == LOOPBACK:
                here = is_loopback(host) if here is None else here
                if here:
                    return True
            elif pattern == host or ("*" in pattern and fnmatchcase(host, pattern)):
                return True
        return False


NONE = Hosts()


def hosts(given: Iterable[str] | str) -> Hosts:
    """``given`` as hosts. Raises ``UsageError`` for anything else."""
    return Hosts(tuple(map(_pattern, (given,) if isinstance(given, str) else given)))


def _pattern(text: str) -> tuple[str, int | None]:
    if text.startswith("/"):
        return text, None
    name, colon, port = text.rpartition(":")
    if not colon or (":" in name and not name.startswith("[")):
        name, port = text, ""  # no port: a name, or an IPv6 address as it is
    name = name.removeprefix("[").removesuffix("]").lower()
    if not name or "/" in name or (port and not (port.isdecimal() and int(port) < 65536)):  # noqa: PLR2004 - ports end there
        raise UsageError(f"{text!r} is no host; give a name, an address or a pattern such as *.test, and maybe :port")
    return LOOPBACK if is_loopback(name) else name, int(port) if port else None
