"""Ids of tool calls: kept where they are good, made where they are missing, legal where they go."""

from __future__ import annotations

import hashlib
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALPHANUMERIC = string.digits + string.ascii_letters


def made_id(turn: int, index: int, provider: str = "") -> str:
    """The id of call ``index`` of the answer after ``turn`` earlier ones: the same on each replay.

    Mistral takes nine letters and digits only; elsewhere it is ``call_<turn>_<index>``.
    """
    made = f"call_{turn}_{index}"
    return nine(made) if provider == "mistral" else made


def nine(text: str) -> str:
    """Nine letters and digits that stand for ``text``: 53 bits of its digest."""
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
    letters = []
    for _ in range(9):
        number, rest = divmod(number, len(_ALPHANUMERIC))
        letters.append(_ALPHANUMERIC[rest])
    return "".join(letters)


def settle(ids: Sequence[str | None], turn: int = 0, provider: str = "") -> list[str]:
    """An id for each call: those present byte for byte, missing and doubled ones made.

    The first of two equal ids keeps it. A made id never equals one that is present.
    """
    used = {one for one in ids if one}
    kept: set[str] = set()
    settled = []
    for index, one in enumerate(ids):
        if one and one not in kept:
            settled.append(one)
        else:
            made, attempt = made_id(turn, index, provider), 0
            while made in used:
                attempt += 1
                made = nine(f"{made}{attempt}") if provider == "mistral" else f"call_{turn}_{index}_{attempt}"
            used.add(made)
            settled.append(made)
        kept.add(settled[-1])
    return settled
