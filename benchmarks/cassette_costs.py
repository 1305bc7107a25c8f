"""What cassettes cost through litellm, while recording, in memory, and a suite that doesn't use them."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import cassette_files as files
import cassetter
import httpx
import openai
import vcr

from harness.cassette import open_tape
from harness.core.errors import CassetteMiss
from harness.core.exchange import HttpRequest
from harness.interception import clients, context

if TYPE_CHECKING:
    from pathlib import Path

ASKED = {"model": "openai/m", "api_key": "k", "api_base": files.URL.removesuffix("/chat/completions")}
ROWS: list[tuple[str, str, str]] = []


def best(function, times: int = 5) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return min(found)


def row(what: str, ratio: float, bar: str = "", *, least: float | None = None, most: float | None = None) -> None:
    holds = ratio >= least if least is not None else ratio <= (most or 0)
    shown = f"{ratio:,.0f}" if ratio >= 50 else f"{ratio:.2f}"
    verdict = f"{bar}: {'holds' if holds else 'missed'}" if bar else ""
    ROWS.append((what, f"{shown} ×", verdict))
    print(f"{what:72} {shown:>9} ×   {verdict}", flush=True)


def tool(name: str, path: Path):
    """A cassette of one of the three, open for replay and matching bodies."""
    if name == "ours":
        return open_tape(path)
    if name == "vcrpy":
        keys = ["method", "scheme", "host", "port", "path", "query", "body"]
        return vcr.VCR(record_mode="none", match_on=keys).use_cassette(str(path))
    return cassetter.use_cassette(path, record_mode="none", match_on=["method", "uri", "json_body"])


def calls(number: int, client: object = None) -> None:
    import litellm  # noqa: PLC0415 - only after it was told to stay offline

    options = {"client": client} if client else {}
    messages = [{"role": "user", "content": f"Question {number}: {files.WORDS * 4}"}]
    litellm.completion(messages=messages, **ASKED, **options)


def through_litellm(folder: Path) -> float:
    """The bars that are counted in litellm's calls; the seconds of one call."""
    requests: list[HttpRequest] = []

    def taken(request: HttpRequest):
        requests.append(request)
        return files.HttpResponse(
            200, (("content-type", "application/json"),), files.pieces("small", files.answer("small", 0))
        )

    with clients.answering(taken):
        for number in range(500):
            calls(number)
    files.ours(folder / "litellm.json", "small", 500, requests)
    headers = {"content-type": "application/json"}
    content = files.answer("small", 0)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=content))
    client = openai.OpenAI(api_key="k", base_url=ASKED["api_base"], http_client=httpx.Client(transport=transport))
    mine, its = [], []
    for _ in range(5):  # turn about, so that a busy machine burdens both alike
        with open_tape(folder / "litellm.json"):
            for start in range(0, 500, 50):
                mine.append(best(lambda start=start: [calls(n) for n in range(start, start + 50)], 1) / 50)
                its.append(best(lambda: [calls(n, client) for n in range(50)], 1) / 50)
    mine.sort(), its.sort()
    call = its[len(its) // 2]
    row(
        "through litellm, 500 in the cassette, over an instant transport",
        mine[len(mine) // 2] / call,
        "≤ 1.10",
        most=1.1,
    )
    missing(folder, call)
    return call


def missing(folder: Path, call: float) -> None:
    for name, path in [("ours", "litellm.json"), ("vcrpy", "vcrpy-100.yaml"), ("cassetter", "cassetter-100.yaml")]:
        took = []
        with tool(name, folder / path):
            for number in range(5):
                start = time.perf_counter()
                with suppress(CassetteMiss, Exception):
                    calls(10**6 + number)
                took.append((time.perf_counter() - start) / call)
        took = sorted(took)[2]
        if name == "ours":
            row("a miss through litellm (openai), in its calls", took, "≤ 10", most=10)
        else:
            row(f"the same with {name}", took)


def recording(folder: Path, call: float) -> None:
    """What the tape adds to a live exchange while it is handed over, and what closing adds for each."""
    for kind, size, bar in [("small", "2 KB", 0.25), ("sse", "60 KB", 1.0)]:
        count, inside = 100, []
        parts = [files.pieces(kind, files.answer(kind, number)) for number in range(count)]
        start = time.perf_counter()
        with open_tape(folder / f"new-{kind}.json", mode="record", provenance=files.FROM) as tape:
            for number in range(count):
                request = HttpRequest("POST", files.URL, (("authorization", "Bearer sk-none"),), files.question(number))
                begun = time.perf_counter()
                listener = context.listener(tape.answer(request))
                listener.head(200, (("content-type", files.TYPE[kind]),))
                for part in parts[number]:
                    listener.chunk(part.data)
                listener.end(None)
                inside.append(time.perf_counter() - begun)
        closing = (time.perf_counter() - start - sum(inside)) / count
        inside.sort()
        row(f"recording {size}: journal and scan, in litellm calls", inside[50] / call, f"≤ {bar:g}", most=bar)
        row("  and its share of the closing: verify, scan, write", closing / call)


def opening(folder: Path, call: float) -> None:
    files.ours(folder / "one.json", "small", 1)

    def run() -> None:
        for _ in range(50):
            with open_tape(folder / "one.json"):
                pass

    row("opening and closing a small cassette, in litellm calls", best(run) / 50 / call, "≤ 0.10", most=0.1)


def plugin(folder: Path) -> None:
    test = folder / "suite" / "test_plain.py"
    test.parent.mkdir()
    test.write_text("import pytest\n@pytest.mark.parametrize('n', range(300))\ndef test_n(n): assert n >= 0\n")

    def run(*words: str) -> float:
        start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        words = (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:cassetter",
            *words,
            str(test),
        )
        subprocess.run(words, check=True, capture_output=True, cwd=test.parent)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start

    pairs = [(run(), run("-p", "no:harness")) for _ in range(5)]
    row(
        "a pytest suite that doesn't use the plugin (CPU)",
        min(a for a, _ in pairs) / min(b for _, b in pairs),
        "≤ 1.10",
        most=1.1,
    )


MEMORY = """
import sys, time
from harness.cassette import load
def peak(): return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
before, start = peak(), time.process_time()
load(sys.argv[1])
print((peak() - before), time.process_time() - start)
"""


def memory(folder: Path) -> None:
    context = {"5,000 exchanges of 2 KB": folder / "ours-5000.json"}
    nodes = b'{"a":[' + b",".join(b'{"n":%d}' % n for n in range(125_000)) + b"]}"
    for what, body in [("250,000 nodes of JSON", nodes), ("a body of 100 MB", b'{"a":"' + b"x" * 10**8 + b'"}')]:
        path = context[what] = folder / f"{len(body)}.json"
        exchange = files.Exchange(HttpRequest("GET", files.URL), files.HttpResponse(200, (), (files.Chunk(body),)))
        files.save(path, files.Cassette(files.FROM, (exchange,)))
    for what, path in context.items():
        done = subprocess.run([sys.executable, "-c", MEMORY, path], check=True, capture_output=True, text=True)
        grown, seconds = map(float, done.stdout.split())
        row(f"{what}: memory over the file's size ({seconds:.1f} s CPU)", grown / path.stat().st_size)
