"""A card of many recorded exchanges, read by litellm's parsers alone and through its whole call.

    python benchmarks/parsing.py [EXCHANGES] [FOLDER …]     (10,000; cassettes)

The cassettes in the folders are read over and over until there are so many exchanges. Both ways take turns, a batch
at a time, and the cards of a batch have to be the same. Loading and judging are part of both. Figures go to
build/scale.json.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rich.progress import track
from scale import save_figures

from harness.app import card_runs
from harness.backend.library import load_offline
from harness.cassette import load
from harness.core.errors import CassetteError

BATCH = 500


def batches(exchanges: int, folders: list[Path]) -> list[list[Path]]:
    """Cassettes with ``exchanges`` exchanges, the same ones again where there are fewer, about ``BATCH`` a list."""
    files = []
    for file in card_runs.cassettes(folders):
        try:
            files.append((file, len(load(file).exchanges)))
        except CassetteError:
            continue  # of another program, or damaged: a card would say so
    made: list[list[Path]] = [[]]
    count = in_batch = 0
    while count < exchanges:
        for file, holds in files:
            if in_batch >= BATCH:
                made.append([])
                in_batch = 0
            made[-1].append(file)
            count, in_batch = count + holds, in_batch + holds
            if count >= exchanges:
                break
    return made


def main(exchanges: int = 10_000, *folders: str) -> None:
    load_offline()
    chosen = batches(exchanges, [Path(one) for one in folders or ("cassettes",)])
    for in_full in (True, False):
        card_runs.from_recordings(chosen[0], in_full=in_full)  # litellm's first call and first parser load more of it
    took = {False: 0.0, True: 0.0}
    for number, files in enumerate(track(chosen, "batches")):
        made = {}
        for in_full in (False, True) if number % 2 else (True, False):
            start = time.perf_counter()
            made[in_full] = card_runs.from_recordings(files, in_full=in_full)
            took[in_full] += time.perf_counter() - start
        if made[False] != made[True]:
            sys.exit(f"the cards of batch {number} differ")
    fast, full = took[False], took[True]
    print(f"{exchanges} exchanges of {' and '.join(folders) or 'cassettes'}, the same cards both ways:")
    print(f"litellm's whole call {full:.1f} s, its parsers alone {fast:.1f} s, {full / fast:.1f} times as fast")
    save_figures("lane", {"exchanges": exchanges, "full": full, "parsers": fast})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
