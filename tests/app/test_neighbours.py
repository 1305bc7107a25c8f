"""Other people's pytest plugins beside ours, really installed, in an environment that the test makes.

`make test-neighbours` runs these; they need a package index. Nothing of litellm is installed: a replay does without.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.children import OUTSIDE

ROOT = Path(__file__).parent.parent.parent
NEEDED = ["jiter", "httpx", "setuptools>=77"]
NEIGHBOURS = {
    "pytest-recording": ["pytest>=9", "pytest-recording", "vcrpy", "pytest-xdist"],
    "cassetter": ["pytest>=9", "cassetter", "pytest-xdist"],
    "pytest-vcr": ["pytest>=9", "pytest-vcr", "vcrpy"],
    "all that can meet": ["pytest>=9", "pytest-recording", "vcrpy", "pytest-http-cache", "pytest-llm-vcr", "anyio"],
    "the oldest": ["pytest==8.0.0", "vcrpy==8.2.0"],
}
HAVE_RECORD_MODE = {"pytest-recording", "cassetter", "all that can meet"}
HAVE_MARKER = {"pytest-recording", "all that can meet", "pytest-vcr"}

pytestmark = [pytest.mark.neighbours, pytest.mark.timeout(900)]

CONFTEST = """
import http.server, threading, pytest

class Answering(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.hits += 1
        self.send_response(200)
        self.send_header("content-length", "7")
        self.end_headers()
        self.wfile.write(b'{"a":1}')
    def log_message(self, *words): pass

@pytest.fixture(scope="session")
def url(tmp_path_factory):
    import os
    made = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answering)
    made.hits = 0
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    print("HITS", made.hits)
    if os.environ.get("HITS"):
        open(os.environ["HITS"], "w").write(str(made.hits))
"""
OURS = """
import httpx, pytest

@pytest.mark.cassette("ours.json")
def test_ours(url):
    assert httpx.post(f"{url}/ours", json={}).json() == {"a": 1}
"""
PLAIN = """
import sys
import tomllib
def test_plain(request):
    assert "harness_cassette" not in request.fixturenames
    assert not [name for name in sys.modules if name.startswith("harness.cassette")]
"""
THEIRS = """
import httpx, pytest

@pytest.mark.vcr
def test_theirs(url):
    assert httpx.post(f"{url}/theirs", json={}).json() == {"a": 1}
"""


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """The project without what a build leaves behind in it."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "harness", folder / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session", params=NEIGHBOURS, ids=[name.replace(" ", "-") for name in NEIGHBOURS])
def neighbour(request, source, tmp_path_factory):
    """The name of a neighbour, and the Python of an environment in which it is installed beside us."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, *NEEDED, *NEIGHBOURS[request.param]], check=True, env=_clean())
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", source], check=True, env=_clean())
    return request.param, python


def _clean(**more):
    away = ("CI", "PYTHONPATH", "PYTHONHOME", "HARNESS_RECORD_MODE")
    kept = {name: value for name, value in OUTSIDE.items() if name not in away and not name.startswith("PYTEST")}
    return {**kept, **more}


@pytest.fixture
def run(neighbour, tmp_path, unused_port):
    _, python = neighbour

    def runs(*words, **files):
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        for name, text in {"conftest": CONFTEST, **files}.items():
            (tmp_path / f"{name}.py").write_text(text)
        hits = tmp_path / "hits"
        hits.write_text("0")
        done = subprocess.run(
            [python, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *words],
            cwd=tmp_path,
            env=_clean(PORT=str(unused_port), HITS=str(hits)),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, int(hits.read_text())

    return runs


@pytest.fixture
def unused_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_suite_that_does_not_use_us_notices_nothing(run):
    code, told, _ = run(test_plain=PLAIN)
    assert code == 0, told


def test_the_printed_hint_records_and_then_it_replays(run):
    code, told, hits = run(test_ours=OURS)
    assert (code, hits) == (1, 0), told
    (hint,) = set(re.findall(r"`pytest (--\S+)`", told))
    code, told, hits = run(hint, test_ours=OURS)
    assert (code, hits) == (0, 1), told
    code, told, hits = run(test_ours=OURS)
    assert (code, hits) == (0, 0), told


def test_record_mode_keeps_the_meaning_of_whoever_has_it(run, neighbour):
    name, _ = neighbour
    code, told, hits = run("--record-mode=once", test_ours=OURS)
    if name in HAVE_RECORD_MODE:
        assert (code, hits) == (1, 0), told
        assert "ours.json" in told
        code, told, _ = run("--record-mode=record", test_ours=OURS)
        assert code == 4, "its own choices hold"
        assert "invalid choice" in told
    else:
        assert (code, hits) == (0, 1), told


def test_both_record_and_replay_in_one_run(run, neighbour):
    name, _ = neighbour
    if name not in HAVE_MARKER:
        pytest.skip(f"{name} has no marker `vcr` that records by default")
    theirs = "--vcr-record=once" if name == "pytest-vcr" else "--record-mode=once"
    both = {"test_ours": OURS, "test_theirs": THEIRS}
    code, told, hits = run("--harness-record-mode=once", theirs, **both)
    assert (code, hits) == (0, 2), told
    code, told, hits = run(**both)
    assert (code, hits) == (0, 0), told
    assert "2 passed" in told


def test_a_fixture_of_that_name_stays_theirs(run, neighbour):
    name, _ = neighbour
    asking = "def test_it(cassette):\n    print('FROM', type(cassette).__module__)\n"
    run("--harness-record-mode=once", test_ours=OURS)
    code, told, _ = run("-s", "--harness-record-mode=once", test_ours=OURS, test_asking=asking)
    assert code == 0, told
    assert ("FROM harness.cassette.tape" in told) == (name != "cassetter")


def test_litellm_is_not_needed_for_a_replay(neighbour):
    _, python = neighbour
    program = "import importlib.util as u; print([n for n in ('litellm', 'hypothesis', 'pydantic', 'aiohttp') if u.find_spec(n)])"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True, env=_clean())
    missing = {"litellm", "hypothesis", "pydantic"} - set(re.findall(r"'(\w+)'", done.stdout))
    assert "litellm" in missing


@pytest.mark.parametrize("version", ["1.106.2"])
def test_litellms_proxy_resolves_beside_us(version, tmp_path):
    """`litellm[proxy]` of a version whose own requirements can be had; nothing is installed."""
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    report = tmp_path / "report.json"
    line = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", report]
    subprocess.run([*line, f"litellm[proxy]=={version}", *ours], check=True, env=OUTSIDE)
    found = {one["metadata"]["name"]: one["metadata"]["version"] for one in json.loads(report.read_text())["install"]}
    assert found["litellm"] == version
    assert found["rich"].startswith("13.")
