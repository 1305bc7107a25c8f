"""pytest-xdist for real: each worker on tapes of its own, none crossed, no cassette written twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.loopback import serving

TESTS = """
import httpx
import pytest

@pytest.mark.parametrize("number", range(24))
@pytest.mark.cassette
def test_it(number):
    for word in ("one", "two"):
        said = httpx.post("URL", json={"number": number, "word": word}, headers={"authorization": "Bearer k"}).json()
        assert said == {"number": number, "word": word}
"""


@pytest.fixture
def server():
    def echo(body, _headers):
        asked = json.loads(body)
        made.asked.append((asked["number"], asked["word"]))
        return 200, "application/json", body

    with serving(echo, asked=[]) as made:
        yield made


def pytest_of(folder, *words):
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_XDIST_WORKER"}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "3", *words],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_three_workers_record_each_cassette_once_and_replay_their_own(tmp_path, server):
    (tmp_path / "test_it.py").write_text(TESTS.replace("URL", f"http://127.0.0.1:{server.server_port}/v1/thing"))
    done = pytest_of(tmp_path, "--record-mode=once")
    assert "24 passed" in done.stdout, done.stdout + done.stderr
    assert set(Counter(server.asked).values()) == {1}
    assert len(server.asked) == 48
    files = sorted((tmp_path / "cassettes").rglob("*"))
    assert len([one for one in files if one.suffix == ".json"]) == 24
    assert not [one for one in files if one.is_file() and one.suffix != ".json"]
    server.asked.clear()
    done = pytest_of(tmp_path)
    assert "24 passed" in done.stdout, done.stdout + done.stderr
    assert server.asked == []
