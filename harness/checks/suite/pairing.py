"""Pair off two sides so that as many pairs as possible are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def paired(right: Sequence[Sequence[bool]]) -> dict[int, int]:
    """For as many rows as can be a column of their own in which ``right`` holds: a greatest matching, found by
    augmenting paths. The same table gives the same pairs.
    """
    taken: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, met in enumerate(right[row]):
            if met and column not in tried:
                tried.add(column)
                if column not in taken or place(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    for row in range(len(right)):
        place(row, set())
    return {row: column for column, row in taken.items()}
