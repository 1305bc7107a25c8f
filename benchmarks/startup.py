"""What the command's start costs, in CPU time, beside a bare interpreter: `python benchmarks/startup.py`.

The bar: `harness --help` at most eight times `python -c pass`. The least of several runs counts, because other
work on the machine only ever adds.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

RUNS = 15
BAR = 8.0
HARNESS = [sys.executable, "-m", "harness"]
MEASURED = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "harness --help": [*HARNESS, "--help"],
    "harness run --help": [*HARNESS, "run", "--help"],
    "harness cassettes check --help": [*HARNESS, "cassettes", "check", "--help"],
    "harness cassettes check (the shipped suites)": [*HARNESS, "cassettes", "check", "suites"],
}


def cpu(words: list[str], runs: int = RUNS) -> float:
    """The least CPU time of a child process, in seconds, user and system together."""
    least = float("inf")
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, capture_output=True, check=True, cwd=Path(__file__).parent.parent)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def main() -> int:
    bare = cpu(MEASURED["python -c pass"])
    ratios = {}
    for name, words in MEASURED.items():
        took = cpu(words)
        ratios[name] = took / bare
        print(f"{name:<40} {took * 1000:6.1f} ms  {ratios[name]:5.2f} x")
    return 0 if ratios["harness --help"] <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
