"""Our cassettes beside vcrpy 9.4.2 and cassetter 0.16.1, in one run: ratios, for seconds are another machine's.

Needs both peers and matplotlib: ``python benchmarks/cassette.py [picture.svg]``.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import cassette_costs as costs
import cassette_files as files
import cassetter
import httpx
import matplotlib as mpl
from cassette_costs import ROWS, best, row, tool
from matplotlib import pyplot as plt
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serializers import yamlserializer

from harness.backend.library import load_offline
from harness.cassette import load

JSON = {"content-type": "application/json"}


def each(name: str, path: Path, numbers: list[int]) -> float:
    """Seconds for one replayed request, over those of ``numbers``."""
    questions = [files.question(number) for number in numbers]
    with httpx.Client() as client, tool(name, path):
        return asking_time(client, questions)


def asking_time(client: httpx.Client, questions: list[bytes]) -> float:
    start = time.perf_counter()
    for question in questions:
        assert client.post(files.URL, content=question, headers=JSON).content[:1] in {b"{", b"d"}
    return (time.perf_counter() - start) / len(questions)


def mock(kind: str, count: int) -> float:
    bodies = iter([files.answer(kind, number) for number in range(count)])
    headers = {"content-type": files.TYPE[kind]}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=next(bodies)))
    with httpx.Client(transport=transport) as client:
        return asking_time(client, [files.question(number) for number in range(count)])


def beside(path: Path, kind: str, count: int) -> tuple[float, float]:
    """Ours and MockTransport, turn about, so that a busy machine burdens both alike; the best of each."""
    pairs = [(each("ours", path, list(range(count))), mock(kind, count)) for _ in range(9)]
    return min(one for one, _ in pairs), min(other for _, other in pairs)


def spread(count: int, some: int) -> list[int]:
    return [round(n * (count - 1) / (some - 1)) for n in range(some)]


def replaying(folder: Path, counts: tuple[int, ...]) -> dict[str, list[float]]:
    """Seconds a replayed exchange by the size of the cassette; of the peers a spread of places stands for all."""
    found: dict[str, list[float]] = {"ours": [], "cassetter": [], "vcrpy": []}
    for _ in range(5):
        turn = [each("ours", folder / f"ours-{count}.json", list(range(count))) for count in counts]
        found["ours"] = [min(pair) for pair in zip(turn, found["ours"] or turn, strict=True)]
    for count in counts:
        try:
            slow = each("cassetter", folder / f"cassetter-{count}.yaml", spread(count, 41))
        except cassetter.CassetteLoadError as error:
            print(f"cassetter can't load the {count} that it wrote: {str(error)[-60:]!r}")
            slow = float("nan")
        found["cassetter"].append(slow)
        found["vcrpy"].append(each("vcrpy", folder / f"vcrpy-{count}.yaml", spread(count, 11)))
    return found


def loading(folder: Path, kind: str, count: int, bars: tuple[float, float]) -> None:
    name = f"{'sse-' if kind == 'sse' else ''}{count}"
    mine = best(lambda: load(folder / f"ours-{name}.json"))
    theirs = best(lambda: FilesystemPersister.load_cassette(folder / f"vcrpy-{name}.yaml", yamlserializer), 2)

    def opened() -> None:
        with cassetter.use_cassette(folder / f"cassetter-{name}.yaml", record_mode="none"):
            pass

    what = f"load {count:,} of {'60 KB SSE' if kind == 'sse' else '2 KB'}"
    row(f"{what}, vcrpy's YAML over ours", theirs / mine, f"≥ {bars[0]:g}", least=bars[0])
    row(f"{what}, cassetter over ours", best(opened) / mine, f"≥ {bars[1]:g}", least=bars[1])


def picture(path: str, counts: tuple[int, ...], found: dict[str, list[float]], mocked: float) -> None:
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "harness"
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, colour in [("vcrpy", "#c0392b"), ("cassetter", "#d68910"), ("ours", "#1e8449")]:
        axes.loglog(counts, [one / mocked for one in found[name]], marker="o", color=colour, label=name)
    axes.set_xlabel("exchanges in the cassette")
    axes.set_ylabel("a replayed exchange, × httpx.MockTransport")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    os.environ.pop("CI", None)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    load_offline()
    counts = (100, 500, 1000, 2000, 5000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in counts:
            files.ours(folder / f"ours-{count}.json", "small", count)
            files.vcrpy(folder / f"vcrpy-{count}.yaml", "small", count)
            files.cassetters(folder / f"cassetter-{count}.yaml", "small", count)
        for kind, count in [("sse", 100), ("large", 10)]:
            for make, one in [
                (files.ours, "ours-{}.json"),
                (files.vcrpy, "vcrpy-{}.yaml"),
                (files.cassetters, "cassetter-{}.yaml"),
            ]:
                make(folder / one.format(f"{kind}-{count}"), kind, count)
        found = replaying(folder, counts)
        mine, mocked = beside(folder / "ours-1000.json", "small", 1000)
        at = counts.index(1000)
        row(
            "a replayed exchange, 2 KB, 1,000 in the cassette, over MockTransport",
            mine / mocked,
            "≤ 1.8",
            most=1.8,
        )
        row("vcrpy matching bodies over ours", found["vcrpy"][at] / found["ours"][at], "≥ 500", least=500)
        row("cassetter's json_body over ours", found["cassetter"][at] / found["ours"][at], "≥ 10", least=10)
        row("growth, 5,000 against 100", found["ours"][-1] / found["ours"][0], "≤ 1.2", most=1.2)
        loading(folder, "small", 1000, (15, 3))
        loading(folder, "sse", 100, (3, 1.5))
        for kind, count, what, bar in [("sse", 100, "60 KB SSE", 1.6), ("large", 10, "1 MB JSON", 2.2)]:
            ours, its = beside(folder / f"ours-{kind}-{count}.json", kind, count)
            row(f"{what}, a request over MockTransport", ours / its, f"≤ {bar}", most=bar)
        costs.memory(folder)
        call = costs.through_litellm(folder)
        costs.recording(folder, call)
        costs.opening(folder, call)
        costs.plugin(folder)
        if sys.argv[1:]:
            picture(sys.argv[1], counts, found, mocked)
    print("\n| what | seen | bar |\n|---|---|---|")
    for what, ratio, bar in ROWS:
        print(f"| {what.strip()} | {ratio} | {bar} |")


if __name__ == "__main__":
    main()
