"""How fast `harness cassettes audit` searches: megabytes a second of CPU time, over text and an image in base64.

``python benchmarks/audit.py``; the bar is 20 MB/s over both. A cassette of this harness is also read, for what
stands in it in pieces; the last line says how fast that is, over the files of ``cassettes/`` as they lie there.
"""

from __future__ import annotations

import base64
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cassette.secrets.leak_scan import Audit, Leak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
BAR = 20


def speed(search: Callable[[Audit], Iterator[Leak]]) -> float:
    best = 0.0
    for _ in range(5):
        audit = Audit()
        start = time.process_time()
        found = list(search(audit))
        best = max(best, audit.size / (time.process_time() - start) / 1e6)
        if found:
            raise SystemExit(f"{len(found)} secrets in the benchmark's data: {found[:3]}")
    return best


def main() -> None:
    text = b"".join(file.read_bytes() for file in sorted((ROOT / "cassettes").rglob("*.json")))
    noise = base64.b64encode(random.Random(1).randbytes(2_000_000))
    for name, data in (("text of cassettes", text), ("an image in base64", noise)):
        found = speed(lambda audit, data=data: audit.data(data, "benchmark"))  # type: ignore[misc]  # no word for defaults
        print(f"{name:20} {found:6.1f} MB/s {'holds' if found >= BAR else 'missed'}")
    print(f"{'cassettes, also read':20} {speed(lambda audit: audit.paths([ROOT / 'cassettes'])):6.1f} MB/s")


if __name__ == "__main__":
    main()
