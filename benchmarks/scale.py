"""What many cases cost: with one worker and two, from a hundred to a hundred thousand exchanges, on Ray.

    python benchmarks/scale.py workers [EXCHANGES] [ROUNDS]   two workers against one, through litellm (2,000, 5)
    python benchmarks/scale.py sizes [MOST]                   the cost of an exchange by size, a worker's memory
    python benchmarks/scale.py ray [EXCHANGES] [ROUNDS]       Ray against processes at batches of 100 (extra ray)

Every exchange is one of the shipped recordings, replayed through litellm from its cassette. Start-up stands aside: a
run begins when as many cases as there are workers are done. Figures go to build/scale.json.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import time
from pathlib import Path

from harness import assembly
from harness.run.events import CaseFinished
from harness.run.executors import in_process
from harness.run.executors.on_ray import on_ray
from harness.run.executors.processes import processes
from harness.settings import Settings

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "build" / "scale.json"
CHOSEN = Settings((ROOT / "suites",), ROOT / "cassettes")
WARM = 70  # cases a worker, before the clock starts: each kind has been played by each


def cases(exchanges):
    """So many exchanges in cases, over and over the shipped ones; and how many exchanges a case has on average."""
    jobs = [job for job in assembly.plan(assembly.load(CHOSEN), CHOSEN) if job.cassette.exists()]
    each = sum(len(json.loads(job.cassette.read_text())["exchanges"]) for job in jobs) / len(jobs)
    return list(itertools.islice(itertools.cycle(jobs), round(exchanges / each))), each


def played(jobs, executor, warm):
    """Seconds of wall clock for ``jobs``, after ``warm`` more before them."""
    started = None
    for event in assembly.replay([*itertools.islice(itertools.cycle(jobs), warm), *jobs], CHOSEN, executor):
        if isinstance(event, CaseFinished):
            assert event.result.problem is None, event.result.problem
            if event.number == warm:
                started = time.perf_counter()
    return time.perf_counter() - started


def kept(name, value):
    KEPT.parent.mkdir(exist_ok=True)
    found = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    KEPT.write_text(json.dumps({**found, name: value}, indent=1) + "\n")


def workers(exchanges=2000, rounds=5):
    """Each round plays the same exchanges three ways; the ratio is taken within a round."""
    jobs, _ = cases(exchanges)
    found = []
    for number in range(rounds):
        here = played(jobs, in_process, WARM)
        one = played(jobs, processes(1), WARM)
        two = played(jobs, processes(2), 2 * WARM)
        found.append({"in_process": here, "one": one, "two": two})
        rates = ", ".join(f"{name} {exchanges / seconds:.0f}/s" for name, seconds in found[-1].items())
        print(f"round {number + 1}: {rates}; two : one {one / two:.2f}, two : in process {here / two:.2f}", flush=True)
    ratios = [one["one"] / one["two"] for one in found]
    print(f"two workers are {statistics.median(ratios):.2f} × one (best {max(ratios):.2f}, worst {min(ratios):.2f})")
    kept("workers", found)


def memory():
    """MB of each worker process that is resident, by its pid."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            words = dict(line.split(":", 1) for line in status.read_text().splitlines())
            parent = Path(f"/proc/{int(words['PPid'])}/status").read_text()
        except (OSError, ValueError):
            continue
        ours = f"PPid:\t{os.getpid()}\n" in parent  # a worker's parent is the fork server, whose parent we are
        if ours and "VmRSS" in words:
            found[status.parent.name] = int(words["VmRSS"].split()[0]) / 1024
    return found


def sizes(most=100_000):
    found = []
    for size in (size for size in (100, 300, 1000, 3000, 10_000, 30_000, 100_000) if size <= most):
        jobs, each = cases(size)
        first, last = {}, {}
        started = None
        warm = 2 * WARM
        for event in assembly.replay([*itertools.islice(itertools.cycle(jobs), warm), *jobs], CHOSEN, processes(2)):
            if isinstance(event, CaseFinished) and event.number == warm:
                started, first = time.perf_counter(), memory()
            if isinstance(event, CaseFinished) and event.number == warm + len(jobs) - 20:
                last = memory()
        seconds = time.perf_counter() - started
        grown = max((last[pid] - first[pid] for pid in last if pid in first), default=0.0)
        most_used = max(last.values(), default=0.0)
        one = {"exchanges": round(len(jobs) * each), "ms": 1000 * seconds / (len(jobs) * each)}
        found.append({**one, "worker_mb": most_used, "grown_mb": grown})
        print(
            f"{one['exchanges']:>7} exchanges: {one['ms']:.3f} ms each with two workers; "
            f"a worker has {most_used:.0f} MB, {grown:+.1f} MB since it was warm",
            flush=True,
        )
    kept("sizes", found)


def ray(exchanges=10_000, rounds=3):
    """The same cases by two processes and by two of Ray's workers, both in batches of 100."""
    jobs, _ = cases(exchanges)
    found = []
    for number in range(rounds):
        ours = played(jobs, processes(2, batch=100), 400)
        theirs = played(jobs, on_ray(None, 2, batch=100), 400)
        found.append({"processes": ours, "ray": theirs})
        print(f"round {number + 1}: processes {ours:.1f} s, Ray {theirs:.1f} s: {theirs / ours - 1:+.1%}", flush=True)
    kept("ray", found)


if __name__ == "__main__":
    {"workers": workers, "sizes": sizes, "ray": ray}[sys.argv[1]](*map(int, sys.argv[2:]))
