"""What many cases cost: with one worker and two, from a hundred to a hundred thousand exchanges, on Ray.

    python benchmarks/scale.py workers [EXCHANGES] [ROUNDS]   two workers against one, through litellm (2,000, 5)
    python benchmarks/scale.py sizes [MOST]                   the cost of an exchange by size, a worker's memory
    python benchmarks/scale.py ray [EXCHANGES] [ROUNDS]       Ray against processes at batches of 100 (extra ray)
    python benchmarks/scale.py picture FILE.svg               what the others found, drawn (needs matplotlib)

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

from harness.app import assembly
from harness.app.settings import Settings
from harness.engine.events import CaseFinished
from harness.engine.workers import in_process
from harness.engine.workers.processes import processes
from harness.engine.workers.ray_pool import on_ray

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


def save_figures(name, value):
    KEPT.parent.mkdir(exist_ok=True)
    found = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    KEPT.write_text(json.dumps({**found, name: value}, indent=1) + "\n")


def workers(exchanges=2000, rounds=5):
    """Each round plays the same exchanges four ways; the ratio is taken within a round."""
    jobs, _ = cases(exchanges)
    found = []
    for number in range(rounds):
        here = played(jobs, in_process, WARM)
        one, two, four = (played(jobs, processes(count), count * WARM) for count in (1, 2, 4))
        found.append({"exchanges": exchanges, "in_process": here, "one": one, "two": two, "four": four})
        rates = ", ".join(
            f"{name} {exchanges / found[-1][name]:.0f}/s" for name in ("in_process", "one", "two", "four")
        )
        print(f"round {number + 1}: {rates}; two : one {one / two:.2f}, two : in process {here / two:.2f}", flush=True)
    ratios = [one["one"] / one["two"] for one in found]
    print(f"two workers are {statistics.median(ratios):.2f} × one (best {max(ratios):.2f}, worst {min(ratios):.2f})")
    save_figures("workers", found)


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
    save_figures("sizes", found)


def ray(exchanges=10_000, rounds=3):
    """The same cases by two processes and by two of Ray's workers, both in batches of 100."""
    jobs, _ = cases(exchanges)
    found = []
    for number in range(rounds):
        ours = played(jobs, processes(2, batch=100), 400)
        theirs = played(jobs, on_ray(None, 2, batch=100), 400)
        found.append({"processes": ours, "ray": theirs})
        print(f"round {number + 1}: processes {ours:.1f} s, Ray {theirs:.1f} s: {theirs / ours - 1:+.1%}", flush=True)
    save_figures("ray", found)


def picture(path):
    """Throughput by workers, and what an exchange costs by how many there are."""
    import matplotlib as mpl  # noqa: PLC0415 - for this alone
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    found = json.loads(KEPT.read_text())
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "harness"
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    counts = {"in_process": 0, "one": 1, "two": 2, "four": 4}
    for one in found["workers"]:
        left.plot(counts.values(), [one["exchanges"] / one[name] for name in counts], marker="o", color="#1e8449")
    left.set_xticks(list(counts.values()), ["in process", "1", "2", "4"])
    left.set_xlabel(f"workers, on {os.cpu_count()} processors; a line a round")
    left.set_ylabel("exchanges a second")
    left.set_ylim(0)
    sizes_ = [one["exchanges"] for one in found["sizes"]]
    cost = [one["ms"] for one in found["sizes"]]
    middle = statistics.median(cost)
    right.axhspan(0.85 * middle, 1.15 * middle, color="#1e8449", alpha=0.12, label="±15 % of the median")
    right.semilogx(sizes_, cost, marker="o", color="#1e8449", label="ms an exchange, two workers")
    memory_ = [one["worker_mb"] / 25 for one in found["sizes"]]
    right.semilogx(sizes_, memory_, marker="s", color="#7f8c8d", label="a worker's memory, in 25 MB")
    right.set_xlabel("exchanges")
    right.set_ylim(0)
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    if sys.argv[1] == "picture":
        picture(sys.argv[2])
    else:
        {"workers": workers, "sizes": sizes, "ray": ray}[sys.argv[1]](*map(int, sys.argv[2:]))
