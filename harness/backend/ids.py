"""Ids of tool calls: kept where they are good, made where they are missing, legal where they go."""

from __future__ import annotations

import hashlib
import re
import string
from typing import TYPE_CHECKING

from harness.dialects.providers import profile

if TYPE_CHECKING:
    from collections.abc import Sequence

# The shapes of the random ids that litellm makes up where a provider sends none.
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LITELLMS_OWN = re.compile(f"(call_)?{_UUID}|call_[0-9a-f]{{28}}")

SIGNED = "__thought__"
"""What litellm puts between the id of a call and Gemini's signature of it, which must go back with it."""

_ALPHANUMERIC = string.digits + string.ascii_letters


def made_id(turn: int, index: int, provider: str = "") -> str:
    """The id of call ``index`` of the answer after ``turn`` earlier ones: the same on each replay.

    Mistral takes nine letters and digits only; elsewhere it is ``call_<turn>_<index>``.
    """
    made = f"call_{turn}_{index}"
    return nine(made) if profile(provider).exact_id_length else made


def nine(text: str) -> str:
    """Nine letters and digits that stand for ``text``: 53 bits of its digest."""
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
    letters = []
    for _ in range(9):
        number, rest = divmod(number, len(_ALPHANUMERIC))
        letters.append(_ALPHANUMERIC[rest])
    return "".join(letters)


def settle(ids: Sequence[str | None], turn: int = 0, provider: str = "", raw: str = "") -> list[str]:
    """An id for each call: those present byte for byte, missing and doubled ones made.

    The first of two equal ids keeps it. A made id never equals one that is present. ``raw`` is what the provider
    sent, as far as it was seen: an id of litellm's making that does not stand in it counts as missing, for it is
    another one on each replay.
    """
    used = {one for one in ids if one}
    kept: set[str] = set()
    settled = []
    for index, one in enumerate(ids):
        core, signed, signature = (one or "").partition(SIGNED)
        if raw and LITELLMS_OWN.fullmatch(core) and core not in raw:
            settled.append(made_id(turn, index, provider) + signed + signature)
        elif one and one not in kept:
            settled.append(one)
        else:
            made, attempt = made_id(turn, index, provider), 0
            while made in used:
                attempt += 1
                made = (
                    nine(f"{made}{attempt}") if profile(provider).exact_id_length else f"call_{turn}_{index}_{attempt}"
                )
            used.add(made)
            settled.append(made)
        kept.add(settled[-1])
    return settled
