"""Worker processes for real: killed ones, poisonous cases, one allowance over all, Ctrl-C."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.core.errors import DuplicateToolError, HarnessError
from harness.engine.budget import Budget, BudgetSpentError, Limits
from harness.engine.events import CaseFinished, CaseStarted, RunStarted
from harness.engine.workers import in_process
from harness.engine.workers.processes import processes

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture
def recipe(tmp_path):
    from playing_for_tests import ForTests

    return ForTests(str(tmp_path))


def jobs(*does):
    from playing_for_tests import job

    return [job(number, *one.split()) for number, one in enumerate(does)]


def allowance(**limits):
    return Budget(Limits(**limits), clock=time.monotonic, sleep=time.sleep)


def told(events):
    return [(type(one).__name__, str(getattr(one, "result", getattr(one, "job", one)))) for one in events]


def lines(recipe, name="played"):
    return (Path(recipe.folder) / name).read_text().splitlines()


def test_the_same_events_as_in_this_process(recipe):
    many = jobs(*["slow 0.02", "well"] * 20)
    here = told(in_process(many, recipe, allowance()))
    assert told(processes(2, batch=3)(many, recipe, allowance())) == here
    assert len({line.split()[1] for line in lines(recipe)[40:]}) == 2, "both workers played"
    assert str(os.getpid()) not in {line.split()[1] for line in lines(recipe)[40:]}


def test_a_killed_worker_is_replaced_and_nothing_is_lost_or_counted_twice(recipe):
    many = jobs(*["well"] * 5, "dies_once", *["well"] * 30)
    events = list(processes(2, batch=8)(many, recipe, allowance()))
    finished = [one for one in events if isinstance(one, CaseFinished)]
    assert [(one.number, one.result.case) for one in finished] == [(n + 1, f"c{n}") for n in range(36)]
    assert not any(one.result.problem for one in finished)
    played = [line.split()[0] for line in lines(recipe)]
    assert sorted(played) == sorted([*(f"c{n}" for n in range(36)), "c5"]), "only the one that was under way, again"


def test_workers_killed_from_outside(recipe):
    many = jobs(*["slow 0.01"] * 120)
    killed = set()
    results = []
    for event in processes(2, batch=4)(many, recipe, allowance()):
        if isinstance(event, CaseFinished):
            results.append(event.result.case)
        pid = int(lines(recipe)[-1].split()[1]) if len(results) % 30 == 10 else 0
        if pid and pid not in killed:
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
    assert results == [f"c{n}" for n in range(120)]
    assert len(killed) >= 3


def test_a_case_that_always_kills_its_worker_is_told_and_the_rest_goes_on(recipe):
    many = jobs("well", "dies", *["well"] * 10)
    finished = [one.result for one in processes(2)(many, recipe, allowance()) if isinstance(one, CaseFinished)]
    assert [one.case for one in finished if one.problem] == ["c1"]
    problem = finished[1].problem
    assert (problem.kind, problem.exit_code) == ("WorkerDiedError", 2)
    assert "died 3 times (killed by SIGKILL)" in problem.message
    assert [line.split()[0] for line in lines(recipe)].count("c1") == 3


def test_one_budget_over_all_workers(recipe):
    """What it allowed is asked and answered, though another worker is refused meanwhile."""
    spent = allowance(requests=7)
    with pytest.raises(BudgetSpentError, match="7 requests"):
        list(processes(2, batch=1)(jobs(*["asks"] * 6, "asks 0 0.2", *["asks"] * 5), recipe, spent))
    assert len(lines(recipe, "asked")) == 7
    assert spent.requests == 7


def test_dollars_are_settled_over_all_workers(recipe):
    spent = allowance(dollars=10.0)
    list(processes(2, batch=1)(jobs(*["asks 2"] * 6), recipe, spent))
    assert spent.dollars == 6.0
    assert spent.requests == 6


def test_one_rate_over_all_workers(recipe):
    list(processes(2, batch=1)(jobs(*["asks"] * 8), recipe, allowance(per_minute=600)))
    times = sorted(map(float, lines(recipe, "asked")))
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert sum(gaps) > 0.6, "eight questions, a tenth of a second apart"


def test_what_a_worker_can_not_go_on_after_comes_out(recipe):
    from playing_for_tests import ForTests

    with pytest.raises(ZeroDivisionError) as raised:
        list(processes(2)(jobs("well", "crashes", "well"), recipe, allowance()))
    assert "in a worker" in raised.value.__notes__[0]
    with pytest.raises(DuplicateToolError, match="two tools share a name: 'a', 'a'"):
        list(processes(2)(jobs("well"), ForTests(recipe.folder, "refuses"), allowance()))
    with pytest.raises(HarnessError, match="before they play anything \\(exit code 7\\)"):
        list(processes(2)(jobs("well"), ForTests(recipe.folder, "dies"), allowance()))


def test_a_run_that_is_left_leaves_no_process(recipe):
    events = processes(2, batch=1)(jobs(*["slow 0.05"] * 50), recipe, allowance())
    for event in events:
        if isinstance(event, CaseFinished):
            break
    events.close()
    for pid in {int(line.split()[1]) for line in lines(recipe)}:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


INTERRUPTED = """
import sys, time
sys.path.insert(0, sys.argv[1])
from playing_for_tests import ForTests, job
from harness.engine.budget import Budget, Limits
from harness.engine.events import CaseFinished
from harness.engine.workers.processes import processes
if __name__ == "__main__":
    many = [job(n, "slow", "300" if n in {0, 30} else "0.01") for n in range(31)]
    try:
        for event in processes(2, batch=1)(many, ForTests(sys.argv[2]), Budget(Limits(), clock=time.monotonic, sleep=time.sleep)):
            if isinstance(event, CaseFinished):
                print(event.number, flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("to_all", [False, True])
def test_what_was_finished_is_told_at_ctrl_c(recipe, to_all, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    running = subprocess.Popen(
        [sys.executable, str(script), str(HERE), recipe.folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "played").exists() or len(lines(recipe)) < 31:
        assert running.poll() is None
        time.sleep(0.05)
    (os.killpg if to_all else os.kill)(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=300)
    *finished, last = out.split()
    assert last == "interrupted", err
    # The one before the last that was begun may still have been on its way.
    assert finished[:28] == [*map(str, range(2, 30))]
    assert len(finished) <= 29


def test_threads_of_the_caller_are_not_in_the_way(recipe):
    """Workers come from a server of their own, not by a fork of a process with threads."""
    stop = threading.Event()
    threading.Thread(target=stop.wait, daemon=True).start()
    try:
        events = list(processes(2)(jobs("well", "well"), recipe, allowance()))
    finally:
        stop.set()
    assert [type(one) for one in events] == [RunStarted, CaseStarted, CaseFinished, CaseStarted, CaseFinished]
