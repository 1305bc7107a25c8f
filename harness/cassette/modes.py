"""Record modes: whether a cassette is replayed, made where there is none, or made again; a CI job never records."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_CI = {"", "0", "false", "no", "off"}


def in_ci(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this is a CI job, by the variable ``CI``."""
    return (os.environ if environment is None else environment).get("CI", "").lower() not in _NOT_CI


class RecordMode(StrEnum):
    """``none``: replay only, a miss is an error. ``once``: replay what is there, record where there is no
    cassette. ``record``: send the requests again and put the new recording in the old one's place.
    """

    NONE = "none"
    ONCE = "once"
    RECORD = "record"


def requested_mode(word: str) -> RecordMode:
    """``word`` as a record mode, with ``CI`` or without; ``replay`` is another word for ``none``."""
    try:
        return RecordMode.NONE if word == "replay" else RecordMode(word)
    except ValueError:
        raise UsageError(f"there is no record mode {word!r}; choose none, once or record") from None


def record_mode(word: str) -> RecordMode:
    """``word`` as a record mode. With ``CI`` set it is always ``none``."""
    mode = requested_mode(word)
    return RecordMode.NONE if in_ci() else mode
