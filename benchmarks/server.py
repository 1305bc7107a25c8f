"""`harness serve` beside @copilotkit/aimock and beside the bare web server: the same recordings, in one run.

Requests a second and milliseconds to the first byte of the body (median), at 1, 16 and 64 clients, whole and streamed.
Each client is a connection kept open that asks again when its answer is whole; the figures are the medians of five
rounds, SECONDS in all: ``python benchmarks/server.py [SECONDS]``. The package for Node comes with `make node-packages`
(HARNESS_NODE_PACKAGES says where it is).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.cassette import Cassette, save
from harness.core.chat import Reply, Usage
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS

HERE = Path(__file__).parent
CACHE = Path.home() / ".cache" / "toolcall-harness" / "node"
PACKAGES = Path(os.environ.get("HARNESS_NODE_PACKAGES") or CACHE)
PATH = "/v1/chat/completions"
RECORDINGS, PIECE = 20, 7
ANSWER = "The weather in Paris is mild and mostly sunny today, with a light wind from the west and no rain expected. "


def body(number: int, stream: bool) -> bytes:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"question number {number:02}"}]}
    return json.dumps({**body, "stream": True} if stream else body).encode()


def recordings() -> list[Exchange]:
    made = []
    for number in range(RECORDINGS):
        reply = Reply(text=f"{number}: {ANSWER}", finish="stop", usage=Usage(9, 24, 33))
        for stream in (False, True):
            request = HttpRequest("POST", f"https://api.openai.com{PATH}", (), body(number, stream))
            made.append(Exchange(request, DIALECTS["openai"].render(reply, stream=stream, model="gpt-4o-mini")))
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(words: list[str], port: int):
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def servers(folder: Path) -> dict[str, tuple[list[str], int]]:
    """The command and the port of each, with its files in a folder of its own."""
    made = recordings()
    save(folder / "harness" / "recorded.json", Cassette(Provenance("synthetic", ""), tuple(made)))
    constants = {
        kind: {
            "type": exchange.response.headers[0][1],
            "chunks": [chunk.data.decode() for chunk in exchange.response.chunks],
        }
        for kind, exchange in (("whole", made[0]), ("stream", made[1]))
    }
    (folder / "constants.json").write_text(json.dumps(constants))
    ours, theirs, bare = free_port(), free_port(), free_port()
    ask = [sys.executable, "-m", "harness", "serve", str(folder / "harness"), "--repeat", "--port", str(ours)]
    found = {
        "harness": (ask, ours),
        "constant": (
            [sys.executable, str(HERE / "server_constant.py"), str(folder / "constants.json"), str(bare)],
            bare,
        ),
    }
    fixtures = [
        {"match": {"userMessage": f"question number {n:02}"}, "response": {"content": f"{n}: {ANSWER}"}}
        for n in range(RECORDINGS)
    ]
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": fixtures}))
    aimock = PACKAGES / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    if shutil.which("node") and aimock.exists():
        options = ["-f", str(folder / "fixtures.json"), "-c", str(PIECE), "--log-level", "silent"]
        found["aimock"] = (["node", str(aimock), "-p", str(theirs), *options], theirs)
    else:
        print(f"aimock is not measured: no node, or no {aimock}; run `make node-packages`")
    return found


def measured(port: int, file: Path, clients: int, seconds: float) -> dict[str, float]:
    url = f"http://127.0.0.1:{port}{PATH}"
    words = [sys.executable, str(HERE / "server_asking.py"), url, str(file), str(clients), str(seconds)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 60, check=True)
    return dict(json.loads(done.stdout))


Figures = dict[str, float]
ROUNDS = 5


def compared(started: dict[str, tuple[list[str], int]], file: Path, clients: int, seconds: float) -> dict[str, Figures]:
    """Each server in turn, again and again: what else the machine does then falls on all of them alike."""
    rounds: dict[str, list[Figures]] = {label: [] for label in started}
    for number in range(ROUNDS + 1):
        for label, (_, port) in started.items():
            one = measured(port, file, clients, seconds / ROUNDS)
            if number:  # the first warms it
                rounds[label].append(one)
    return {
        label: {name: statistics.median(one[name] for one in figures) for name in figures[0]}
        for label, figures in rounds.items()
    }


def table(started: dict[str, tuple[list[str], int]], file: Path, seconds: float) -> None:
    print("| | clients | server | answers/s | first byte, ms | 99 %, ms | failed | rate, harness to it |")
    print("|---|---:|---|---:|---:|---:|---:|---:|")
    for stream in (False, True):
        file.write_bytes(body(7, stream))
        for clients in (1, 16, 64):
            found = compared(started, file, clients, seconds)
            for label, one in found.items():
                rate = found["harness"]["per_second"] / one["per_second"]
                print(
                    f"| {'stream' if stream else 'whole'} | {clients} | {label} | {one['per_second']:,.0f} "
                    f"| {one['first_ms']:.2f} | {one['first_p99_ms']:.2f} | {one['failed']:.0f} | {rate:.2f} |",
                    flush=True,
                )


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        started = servers(folder)
        for words, port in started.values():
            stack.enter_context(running(words, port))
        table(started, folder / "asked.txt", seconds)


if __name__ == "__main__":
    main()
