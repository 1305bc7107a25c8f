"""What a card costs: replayed beside litellm's own time for the same calls, and two cards compared beside reading them.

``python benchmarks/cards.py [FOLDER]`` with the cassettes of a card (default: ``cassettes``): ratios of one run.

``python benchmarks/cards.py --from FOLDER`` with recordings of any program: the seconds of processor and the memory
of ``harness card --from`` for 8,000 of them (fewer are taken several times), and how long a page of 25 models takes
to open in chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import track

from harness.app import card_runs
from harness.app.settings import settings
from harness.backend.library import load_offline
from harness.cards.diff import diff
from harness.checks.card import CARD_CHECKS
from harness.core.card import Card, Cell, rate
from harness.core.exchange import Provenance
from harness.core.finding import Evidence, Finding
from harness.interception.clients import answering
from harness.report.cards import document

if TYPE_CHECKING:
    from harness.app.settings import Settings
    from harness.core.exchange import Exchange, HttpResponse
    from harness.engine.events import CaseResult, Job

NUMBER = 500


def jobs_of(chosen: Settings) -> list[Job]:
    """Recorded probes, until they hold ``NUMBER`` exchanges; the same again where there are fewer."""
    there = [job for job in card_runs.plan(card_runs.models((), chosen), chosen) if job.cassette.exists()]
    if not there:
        sys.exit(f"{chosen.cassettes}: no recorded probes; `harness card --record --local` makes them")
    return there


def answered_calls(jobs: list[Job], chosen: Settings) -> list[tuple[dict[str, Any], Exchange]]:
    """One replay, with what litellm was asked each time and the exchange that answered."""
    import litellm  # noqa: PLC0415 - only after it was told to stay offline

    requests: list[dict[str, Any]] = []
    original = litellm.completion

    def watching(**words: Any) -> Any:
        requests.append(words)
        return original(**words)

    litellm.completion = watching
    try:
        results = list(card_runs.replayed(jobs, chosen))
    finally:
        litellm.completion = original
    observed = [one for result in results for one in result.observations if one.exchanges]
    pairs = [(words, one.exchanges[-1][1]) for words, one in zip(requests, observed, strict=False)]
    return [(words, one) for words, one in pairs if one.response is not None]


def alone(calls: list[tuple[dict[str, Any], Exchange]]) -> float:
    """litellm's own seconds for these calls, each answered at once; those that fail there fail here."""
    import litellm  # noqa: PLC0415 - as above

    took = 0.0
    for words, exchange in calls:
        response: HttpResponse | None = exchange.response
        assert response is not None
        with answering(lambda _, response=response: response):
            start = time.perf_counter()
            with suppress(Exception):
                answer = litellm.completion(**words)
                if words.get("stream"):
                    for _ in answer:
                        pass
            took += time.perf_counter() - start
    return took


def replaying(folder: str) -> None:
    load_offline()
    chosen = settings({"cassettes": folder})
    jobs = jobs_of(chosen)
    calls = answered_calls(jobs, chosen)  # warms everything up, too
    rounds = max(1, -(-NUMBER // len(calls)))
    mine = its = 0.0
    everything: list[CaseResult] = []
    for _ in track(range(rounds), "replaying, turn about", transient=True):
        its += alone(calls)
        start = time.perf_counter()
        everything += card_runs.replayed(jobs, chosen)
        mine += time.perf_counter() - start
    start = time.perf_counter()
    card_runs.of_results("all", jobs * rounds, everything)
    judging = time.perf_counter() - start
    mine += judging
    number = rounds * len(calls)
    print(f"{number} recorded exchanges, {rounds} rounds turn about, judged into one card ({judging / mine:.0%})")
    print(f"  a card {mine / number * 1e3:.1f} ms an exchange, litellm alone {its / number * 1e3:.1f} ms")
    print(f"  ratio {mine / its:.2f} ×  (bar: 1.15)")


def big(seed: int) -> list[Card]:
    """Fifty cards of sixty cells; ``seed`` changes a few."""
    made = []
    where = Provenance("synthetic", "2026-11-25T00:00:00+00:00", "made for a benchmark", "1.109.1", "0.1.0")
    ids = [check.id for check in CARD_CHECKS]
    for model in range(50):
        cells = []
        for number in range(60):
            place = Evidence(f"cassettes/card-{number}/model-{model}.json", (0, 1, 2))
            bad = (number * 7 + model * 3 + seed) % 23 == 0
            found = Finding(ids[number % len(ids)], "fail" if bad else "pass", f"seen {number} of {model}", "", place)
            mode = ("whole", "stream")[number % 2]
            cells.append(
                Cell(f"{ids[number % len(ids)]}", mode, found.verdict, rate(5 - bad, 5), 0, 0, (found,), (place,), "")
            )
        cited = {place.cassette: where for cell in cells for place in cell.evidence}
        made.append(Card(f"provider/model-{model}", "provider", tuple(cells), cited))
    return made


def comparing() -> None:
    texts = [document.write(big(seed), harness="0.1.0", litellm="1.109.1") for seed in (0, 1)]
    reading = comparing = parsing = 0.0
    changes = 0
    for _ in range(10):
        start = time.perf_counter()
        for text in texts:
            json.loads(text)
        parsing += time.perf_counter() - start
        start = time.perf_counter()
        before, after = (document.read(text, "card.json") for text in texts)
        reading += time.perf_counter() - start
        start = time.perf_counter()
        changes = sum(map(len, diff(before, after).values()))
        comparing += time.perf_counter() - start
    size = sum(map(len, texts)) / 1e6
    print(f"two cards of 50 models × 60 cells ({size:.1f} MB), {changes} changes")
    print(f"  parsing the two files {parsing * 100:.0f} ms, checking their shape {(reading - parsing) * 100:.0f} ms")
    print(f"  comparing in all {(reading + comparing) / parsing:.1f} × parsing  (bar: 5)")


EXCHANGES, MODELS = 8000, 25


def several(folder: Path, to: Path) -> int:
    """Copies of the cassettes of ``folder`` until they hold ``EXCHANGES``; how many they do."""
    sizes = [(file, len(json.loads(file.read_bytes())["exchanges"])) for file in card_runs.cassettes([folder])]
    number = times = 0
    while number < EXCHANGES:
        for file, size in sizes:
            place = to / str(times) / file.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
            number += size
            if number >= EXCHANGES:
                break
        times += 1
    return number


def from_recordings(folder: Path, scratch: Path) -> None:
    number = several(folder, scratch / "recordings")
    command = [sys.executable, "-m", "harness", "card", "--from", str(scratch / "recordings")]
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, command
    print(f"harness card --from, {number} exchanges: {used.ru_utime + used.ru_stime:.1f} s of processor (bar: 35),")
    print(f"  {used.ru_maxrss / 1024:.0f} MB (bar: 300), {time.perf_counter() - before:.1f} s on the clock")


def opening(folder: Path, scratch: Path) -> None:
    """A page of ``MODELS`` cards with the evidence of these recordings, opened five times."""
    from harness.cli.card import exchange  # noqa: PLC0415 - only here
    from harness.report.cards.page import page  # noqa: PLC0415 - as above
    from tests.report.cards import chrome  # noqa: PLC0415 - as above

    made = card_runs.from_recordings(card_runs.cassettes([folder]), by="model")
    most = sorted(made, key=lambda card: sum(cell.rate.n for cell in card.cells))[-MODELS:]
    file = scratch / "card.html"
    file.write_text(page(most, card_runs.laws(CARD_CHECKS), exchange), encoding="utf-8")
    print(f"a page of {len(most)} models, {file.stat().st_size / 1e6:.1f} MB, opened in chromium (bar: 1 s)")
    with chrome.browser(scratch / "profile") as tab:
        tab.do("Performance.enable", timeDomain="threadTicks")
        for _ in range(5):
            tab.look(file)
            paint, loaded = tab.run(
                "[performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1,"
                " performance.getEntriesByType('navigation')[0].loadEventEnd]"
            )
            busy = next(
                one["value"] for one in tab.do("Performance.getMetrics")["metrics"] if one["name"] == "TaskDuration"
            )
            print(f"  first paint {paint:.0f} ms, loaded {loaded:.0f} ms, {busy * 1e3:.0f} ms of processor")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--from"]:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
            from_recordings(Path(sys.argv[2]), Path(made))
            opening(Path(sys.argv[2]), Path(made))
    else:
        comparing()
        replaying(sys.argv[1] if len(sys.argv) > 1 else "cassettes")
