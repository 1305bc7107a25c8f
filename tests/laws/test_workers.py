"""Proofs in several processes: what can't go from one to the other, a worker that can't start, a parent that is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from harness.core.errors import UsageError
from harness.laws.prove import Effort, prove
from harness.laws.tested_backend import Backend, backend_at
from harness.laws.workers import Workers

REFUSING = """
from dataclasses import replace
from harness.laws import bare

class Refused(Exception):
    def __init__(self, message, *, response):
        super().__init__(message)

errors = Refused

def complete(*given, **options):
    if bare.complete(*given, **options).calls:
        raise Refused("no calls today", response=None)
    return bare.complete(*given, **options)
"""


def proofs(name, backend):
    effort = Effort(4, shrink=False, exemplars=False)
    chosen = {"providers": ("openai", "anthropic"), "modes": ("whole",)}
    return list(prove(backend, **chosen, effort=effort, workers=Workers(2, name, time.time)))


def test_an_error_that_is_written_but_not_read_back_comes_as_it_shows(monkeypatch, tmp_path):
    (tmp_path / "refusing_calls.py").write_text(REFUSING)
    monkeypatch.syspath_prepend(tmp_path)
    made = proofs("refusing_calls:complete", backend_at("refusing_calls:complete"))
    assert len(made) == 2
    assert not any(proof.holds for proof in made)


def test_a_backend_that_a_worker_cannot_import_is_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "taken.py").write_text("raise OSError('the port is taken')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"its import raises OSError\('the port is taken'\); prove with --workers 1"):
        proofs("taken:complete", Backend(print))
    with pytest.raises(UsageError, match="there is no backend at 'taken:complete': its import raises OSError"):
        backend_at("taken:complete")


PROVING = """
import os, socket, time
from harness.laws.workers import Workers, in_workers

held = []

def start():
    held.append(socket.create_connection(("127.0.0.1", int(os.environ["PROVING_PORT"]))))

def search(*given):
    time.sleep(60)

if __name__ == "__main__":
    tasks = [("openai", "whole"), ("anthropic", "whole")]
    list(in_workers(Workers(2, "harness.laws.bare:complete", start), search, tasks, (), None))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_workers_end_with_the_process_that_started_them(number, tmp_path):
    (tmp_path / "proving.py").write_text(PROVING)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        environment = {**os.environ, "PROVING_PORT": str(server.getsockname()[1])}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        with subprocess.Popen([sys.executable, "proving.py"], cwd=tmp_path, env=environment) as parent:
            workers = [server.accept()[0] for _ in range(2)]
            parent.send_signal(getattr(signal, number))
        for one in workers:
            one.settimeout(20)
            with one:
                assert one.recv(1) == b"", "the end of the process closes its connection"
