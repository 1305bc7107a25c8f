"""The values of a document, each as what it must be. Raises ``TypeError`` or ``ValueError`` for anything else."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.dialects.mcp.messages import STDIO

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from harness.core.chat import Json

_ENDLESS = float("inf")


def known(value: Json, keys: AbstractSet[str]) -> dict[str, Json]:
    """``value`` as an object that has no other keys than ``keys``."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    if not value.keys() <= keys:
        raise ValueError(f"there is no key {min(value.keys() - keys)!r} here; there are {', '.join(sorted(keys))}")
    return value


def a_list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {type(value).__name__}")
    return value


def a_bool(value: Json) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, not {str(value)[:60]!r}")
    return value


def a_text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, not {str(value)[:60]!r}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a text holds half a surrogate pair, which no file can hold") from error
    return value


@lru_cache(1024)
def a_url(value: str) -> str:
    """A URL that a request can go to. Raises ``ValueError``."""
    try:
        url = urlsplit(a_line(value))
        _ = url.port
    except ValueError as error:
        raise ValueError(f"{value[:100]!r} is no URL: {error}") from error
    if url.scheme not in {"http", "https", STDIO} or not url.hostname:
        raise ValueError(f"{value[:100]!r} is no URL: it needs http or https, and a host")
    return value


def a_line(value: Json) -> str:
    text = a_text(value)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("a header, method or URL holds a line break or a NUL")
    return text


def seconds(value: Json) -> float:
    if type(value) not in {int, float} or not 0 <= value < _ENDLESS:
        raise ValueError(f"{value!r} is no time in seconds")
    return float(value)
