"""How fast `harness cassettes audit` searches: megabytes a second of CPU time, over cassettes and an image in base64.

``python benchmarks/audit.py``; the bar is 20 MB/s over both.
"""

from __future__ import annotations

import base64
import random
import time
from pathlib import Path

from harness.cassette.secrets.audit import Audit

ROOT = Path(__file__).parents[1]
BAR = 20


def speed(data: bytes) -> float:
    best = 0.0
    for _ in range(3):
        search = Audit()
        start = time.process_time()
        found = list(search.data(data, "benchmark"))
        best = max(best, search.size / (time.process_time() - start) / 1e6)
        if found:
            raise SystemExit(f"{len(found)} secrets in the benchmark's data: {found[:3]}")
    return best


def main() -> None:
    text = b"".join(file.read_bytes() for file in sorted((ROOT / "cassettes").rglob("*.json"))) * 20
    noise = base64.b64encode(random.Random(1).randbytes(2_000_000))
    for name, data in (("cassettes", text), ("an image in base64", noise)):
        found = speed(data)
        print(f"{name:20} {found:6.1f} MB/s {'holds' if found >= BAR else 'missed'}")


if __name__ == "__main__":
    main()
