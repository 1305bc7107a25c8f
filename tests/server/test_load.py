"""Many clients at once: the benchmark's own judgement, for a few seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOAD = Path(__file__).parents[2] / "benchmarks" / "server_load.py"


@pytest.mark.slow
def test_no_answer_is_another_clients_and_no_memory_is_kept() -> None:
    done = subprocess.run([sys.executable, str(LOAD), "10"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
