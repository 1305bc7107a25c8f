"""Drift, proven on a provider that really changed: llama.cpp b8156, then the server of October 2026, same weights.

``python benchmarks/drift.py [RUNS]`` records a few unusual questions from the old server, verifies them and the suites'
recordings against it ten times (what it reports then is a false alarm), then against the newer one. Needs the extra
``local``, and pip's index once, for the newer server's wheel.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.console import Console

from harness.app.assembly import provenance
from harness.cassette import open_tape
from harness.core.folders import cache_folder
from harness.local.server import KEY, running
from harness.local.weights import SMOLLM2, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

NEWER = "2026.10.11549"
PORT = 8790
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
SAMPLE = 20
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
out = Console(highlight=False, width=160)


def record_unusual(url: str, folder: Path, source: str) -> None:
    """Questions that no suite asks, recorded raw: broken JSON, a schema that is none, a forced call, another API."""
    model, says = SMOLLM2.alias, [{"role": "user", "content": "What is the weather in Paris?"}]

    def chat(schema: dict[str, Any], choice: str = "required") -> bytes:
        tools = [{"type": "function", "function": {"name": "weather", "description": "", "parameters": schema}}]
        body = {"model": model, "messages": says, "temperature": 0, "max_tokens": 60, "tool_choice": choice}
        return json.dumps({**body, "tools": tools}).encode()

    plain = json.dumps({"model": model, "messages": says, "temperature": 0, "max_tokens": 20}).encode()
    questions = {
        "invalid-json": ("POST", "/v1/chat/completions", b'{"model": '),
        "nonsense-schema": ("POST", "/v1/chat/completions", chat({"type": "banana", "properties": 7})),
        "nonsense-left-alone": ("POST", "/v1/chat/completions", chat({"type": "banana"}, "auto")),
        "required": ("POST", "/v1/chat/completions", chat(CITY)),
        "plain": ("POST", "/v1/chat/completions", plain),
        "other-api": ("GET", "/api/tags", b""),
    }
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    for name, (method, path, content) in questions.items():
        made = provenance("local", source)
        file = folder / "unusual" / name / "openai+smollm2-135m.json"
        with open_tape(file, mode="record", provenance=made, secrets=[KEY]), httpx.Client(timeout=60) as client:
            client.request(method, f"{url}{path}", content=content or None, headers=headers)


def verify(url: str, folder: Path, *words: str) -> dict[str, Any]:
    """What ``harness verify`` finds, as JSON."""
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-m", "harness", "verify", "--hostname", url, "--json", "-", "--keep", str(folder), *words],
        env={**inherited, "HARNESS_LOCAL_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    if found["stopped"]:
        sys.exit(found["stopped"])
    return found


def changes(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**change, "cassette": one["cassette"]}
        for one in found["cassettes"]
        for change in one["changes"]
        if change["steady"]
    ]


def print_findings(found: list[dict[str, Any]]) -> None:
    counts: Counter[str] = Counter()
    for one in found:
        kind = f"{one['grade']} {one['what']}: {one['message']}"
        counts[kind] += 1
        if counts[kind] <= 2 and one["grade"] != "cosmetic":
            before, after = (json.dumps(one[side], ensure_ascii=False)[:110] for side in ("before", "after"))
            out.print(f"    {kind}\n      {one['cassette']} {one['path']}\n      {before}\n      {after}", markup=False)
    for kind, number in counts.most_common():
        out.print(f"  {number:4} × {kind}", markup=False)


@contextlib.contextmanager
def newer() -> Iterator[str]:
    """The newer server, in an environment of its own, until the end of the context; its address."""
    folder = cache_folder() / "xllamacpp" / NEWER
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        out.print(f"installing xllamacpp {NEWER} in {folder}")
        venv.create(folder, with_pip=True, clear=True, symlinks=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"xllamacpp=={NEWER}"], check=True)
        (folder / "complete").touch()
    options = {"weights": fetch(), "alias": SMOLLM2.alias, "port": PORT + 1, "key": KEY, "context": 4096, "slots": 1}
    source = str(Path(__file__).parent.parent)
    process = subprocess.Popen(
        [python, "-m", "harness.local.llama", *(f"--{name}={value}" for name, value in options.items())],
        env={**os.environ, "PYTHONPATH": source},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{PORT + 1}/health").status_code == httpx.codes.OK:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{PORT + 1}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(port=PORT, say=lambda _: None) as server:
            out.print(f"the old server: {server.source}")
            record_unusual(server.url, folder, server.source)
            false = 0
            for number in range(RUNS):
                found = changes(verify(server.url, folder, "--cassette", str(folder / "unusual")))
                found += changes(verify(server.url, folder, "--sample", str(SAMPLE), "--seed", str(number)))
                alarms = [one for one in found if one["grade"] != "cosmetic"]
                false += len(alarms)
                out.print(f"  run {number + 1} of {RUNS}: {len(alarms)} false alarms, {len(found)} cosmetic")
                print_findings(alarms)
            out.print(
                f"against itself: {false} false alarms of shape or contract in {RUNS} runs of {SAMPLE + 6} cassettes"
            )
        with newer() as url:
            out.print(f"the newer server: xllamacpp {NEWER}")
            print_findings(changes(verify(url, folder, "--cassette", str(folder / "unusual"))))
            out.print("the suites' recordings against it")
            print_findings(changes(verify(url, folder)))


if __name__ == "__main__":
    main()
