"""What a test suite feels: 300 tests of two exchanges, each with a cassette of its own: `make bench-everyday`.

The same tests run three times in one environment: over httpx.MockTransport, with our marker, and with vcrpy and
pytest-recording. Costs are CPU time over MockTransport's; the least of several runs counts, because other work on the
machine only ever adds. The bars: ours at most 0.4 of vcrpy's, and at most 0.15 s once for what is imported.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from harness.cassette import Cassette, save
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance

TESTS, MODULES, RUNS = 300, 10, 5
BAR, ONCE = 0.4, 0.15
URL = "https://api.openai.com/v1/chat/completions"
WORDS = "Here are some words that an answer of ordinary length may hold, and there are more of them. " * 4
JSON = (("content-type", "application/json"),)

MODULE = """
import ssl, httpx, pytest
# Loading certificates takes a client longer than all else that it does here.
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
URL = "https://api.openai.com/v1/chat/completions"
HEADERS = {"authorization": "Bearer sk-none"}
<client>

def ask(client, number, turn):
    body = {"model": "gpt-4o-mini", "messages": [
        {"role": "system", "content": "You are a helpful assistant. " * 20},
        {"role": "user", "content": f"Question {number} of turn {turn}"}]}
    return client.post(URL, json=body, headers=HEADERS).json()["choices"][0]["message"]["content"]

@pytest.mark.parametrize("number", range(FIRST, LAST))
MARK
def test_it(number):
    with client(number) as one:
        assert f"{number}.0" in ask(one, number, 0)
        assert f"{number}.1" in ask(one, number, 1)
"""
PLAIN = "def client(number):\n    return httpx.Client(verify=CONTEXT)"
MOCKED = """
def client(number):
    turns = iter((0, 1))
    def answer(request):
        return httpx.Response(200, json={"choices": [{"message": {"content": f"{number}.{next(turns)}"}}]})
    return httpx.Client(transport=httpx.MockTransport(answer))
"""
KINDS = {
    "MockTransport": (MOCKED, "@pytest.mark.usefixtures()", []),
    "ours": (PLAIN, "@pytest.mark.cassette", ["-p", "harness.app.pytest_plugin.plugin"]),
    "vcrpy": (
        PLAIN,
        "@pytest.mark.vcr(match_on=['method', 'uri', 'body'])",
        ["-p", "pytest_recording.plugin"],
    ),
}


def question(number: int, turn: int) -> bytes:
    messages = [
        {"role": "system", "content": "You are a helpful assistant. " * 20},
        {"role": "user", "content": f"Question {number} of turn {turn}"},
    ]
    return json.dumps({"model": "gpt-4o-mini", "messages": messages}, separators=(",", ":")).encode()


def answered(number: int, turn: int) -> bytes:
    message = {"role": "assistant", "content": f"{number}.{turn} {WORDS}"}
    whole = {
        "id": f"chatcmpl-{number}{turn}",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 90, "completion_tokens": 80, "total_tokens": 170},
    }
    return json.dumps(whole).encode()


def write(folder: Path, kind: str, tests: int) -> None:
    client, mark, _ = KINDS[kind]
    (folder / "pytest.ini").write_text("[pytest]\n")
    modules = min(MODULES, tests)
    for module in range(modules):
        first, last = tests * module // modules, tests * (module + 1) // modules
        text = MODULE.replace("<client>", client).replace("MARK", mark)
        (folder / f"test_m{module}.py").write_text(text.replace("FIRST", str(first)).replace("LAST", str(last)))
        for number in range(first, last):
            cassette(folder / "cassettes" / f"test_m{module}", kind, number)


def cassette(folder: Path, kind: str, number: int) -> None:
    bodies = [(question(number, turn), answered(number, turn)) for turn in (0, 1)]
    if kind == "ours":
        made = [Exchange(HttpRequest("POST", URL, JSON, a), HttpResponse(200, JSON, (Chunk(b),))) for a, b in bodies]
        provenance = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a benchmark")
        save(folder / f"test_it%5b{number}%5d.json", Cassette(provenance, tuple(made)))
    if kind == "vcrpy":
        folder.mkdir(parents=True, exist_ok=True)
        headers = {"content-type": ["application/json"]}
        interactions = [
            {
                "request": {"method": "POST", "uri": URL, "headers": headers, "body": a.decode()},
                "response": {
                    "status": {"code": 200, "message": "OK"},
                    "headers": headers,
                    "body": {"string": b.decode()},
                },
            }
            for a, b in bodies
        ]
        (folder / f"test_it[{number}].yaml").write_text(yaml.dump({"interactions": interactions, "version": 1}))


def cpu(folder: Path, kind: str, runs: int) -> float:
    """The least CPU time of a whole pytest run, in seconds, user and system together."""
    _, _, plugins = KINDS[kind]
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins, str(folder)]
    inherited = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    least = float("inf")
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = {**inherited, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": ""}
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"{kind}: {(done.stdout + done.stderr)[-2000:]}")
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--tests", type=int, default=TESTS)
    words = parser.parse_args()
    many: dict[str, float] = {}
    one: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        for found, tests in ((many, words.tests), (one, 1)):
            for kind in KINDS:
                folder = Path(place) / f"{kind}-{tests}"
                folder.mkdir()
                write(folder, kind, tests)
                cpu(folder, kind, 1)  # compiles what there is to compile
            # In turn, so that a busy minute hits all alike; what is a tenth of a second is measured more often.
            for _ in range(words.runs if tests > 1 else 5 * words.runs):
                for kind in KINDS:
                    took = cpu(Path(place) / f"{kind}-{tests}", kind, 1)
                    found[kind] = min(found.get(kind, took), took)
    base = "MockTransport"
    for kind in KINDS:
        over, once = many[kind] - many[base], one[kind] - one[base]
        each = 1000 * (over - once) / (words.tests - 1)
        print(f"{kind:14} {many[kind]:6.2f} s   over {base}: {over:5.2f} s, once {once:5.2f} s, a test {each:5.2f} ms")
    whole = (many["ours"] - many[base]) / (many["vcrpy"] - many[base])
    once = one["ours"] - one[base]
    print(f"ours / vcrpy with pytest-recording: {whole:.2f} (bar {BAR}: {'holds' if whole <= BAR else 'missed'})")
    print(f"once: {once:.2f} s (bar {ONCE} s: {'holds' if once <= ONCE else 'missed'})")
    return 0 if whole <= BAR and once <= ONCE else 1


if __name__ == "__main__":
    sys.exit(main())
