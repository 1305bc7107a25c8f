"""Which base URLs a program is given in place of its own, and which server each of them stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from harness.core.errors import UsageError
from harness.dialects.clients import BASE_URLS, regional

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MARK = "; base URLs: "
_WRITTEN = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]*)=(https?://[^\s,;]+)")


@dataclass(frozen=True, slots=True)
class Upstream:
    """A variable and the base URL that it stands for; ``chosen`` where that is not the provider's own."""

    variable: str
    url: str
    chosen: bool = False

    @property
    def origin(self) -> str:
        """Scheme, host and port: each origin gets a port of ours."""
        return origin(self.url)

    def at(self, ours: str) -> str:
        """The same base URL, on our server at ``ours``."""
        return f"{ours}{urlsplit(self.url).path}"


def origin(url: str) -> str:
    """Scheme, host and port of a URL, without a user's name."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def upstreams(
    environment: Mapping[str, str], *, base_urls: Sequence[str] = (), untouched: Iterable[str] = (), source: str = ""
) -> tuple[Upstream, ...]:
    """The base URLs of every provider: those of ``base_urls`` (``VARIABLE=URL``), those that a recording was made with
    (its ``source``), those of the program's own ``environment``, and the providers' own, in this order.

    Variables in ``untouched`` are not touched. Raises ``UsageError`` for what is no base URL.
    """
    chosen = {name: _base(name, url) for name, url in environment.items() if name in _KNOWN and url}
    chosen |= dict(_WRITTEN.findall(source.rpartition(_MARK)[2]))
    for one in base_urls:
        name, equals, url = one.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise UsageError(f"--upstream {one} is no VARIABLE=URL, such as MY_BASE_URL=https://llm.example.com/v1")
        chosen[name] = _base(name, url)
    _follow(chosen)
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if region:  # it is in no other place of a recording
        chosen = {**regional(region), **chosen}
    found = {}
    for row in BASE_URLS:
        if url := chosen.get(row.variable, row.default):
            found[row.variable] = Upstream(row.variable, url, row.variable in chosen)
    found |= {name: Upstream(name, url, chosen=True) for name, url in chosen.items() if name not in found}
    skipped = set(untouched)
    return tuple(one for name, one in found.items() if name not in skipped)


def written(chosen: Iterable[Upstream]) -> str:
    """The base URLs that are not the providers' own, for a recording's source; ``upstreams`` reads them back."""
    pairs = ", ".join(f"{one.variable}={_bare(one.url)}" for one in chosen if one.chosen)
    return f"{_MARK}{pairs}" if pairs else ""


_KNOWN = {row.variable: row.provider for row in BASE_URLS}


def _follow(chosen: dict[str, str]) -> None:
    """Where one variable of a provider leads elsewhere, its other ones lead to the same server."""
    for row in BASE_URLS:
        if row.variable in chosen:
            continue
        twin = next((one for one in BASE_URLS if one.provider == row.provider and one.variable in chosen), None)
        if twin is not None and row.default and twin.default:
            chosen[row.variable] = _moved(row.default, twin.default, chosen[twin.variable])


def _moved(default: str, twin: str, chosen: str) -> str:
    """What ``default`` is on the server where ``chosen`` stands for ``twin``."""
    path, other = urlsplit(default).path, urlsplit(twin).path
    base = chosen.rstrip("/")
    return base.removesuffix(other.removeprefix(path)) if other.startswith(path) else base + path.removeprefix(other)


def _base(name: str, url: str) -> str:
    url = url if "://" in url else f"http://{url}"
    parts = urlsplit(url)
    try:
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            f"{name} holds {_bare(url)!r}, which is no base URL; give one such as https://api.openai.com/v1"
        )
    return urlunsplit(parts._replace(query="", fragment=""))


def _bare(url: str) -> str:
    """``url`` without the name and password before its host."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
