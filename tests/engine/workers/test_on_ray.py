"""A real Ray cluster of several nodes on this machine: the same report, one of them killed in the middle too."""

from __future__ import annotations

import functools
import os
import re
import time
from pathlib import Path

import pytest

from harness.app import assembly
from harness.app.settings import Settings
from harness.engine.budget import Budget, BudgetSpentError, Limits
from harness.engine.events import CaseFinished, Scorecard
from harness.engine.workers import in_process
from harness.engine.workers.processes import processes
from harness.report import runs

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]
pytest.importorskip("ray", reason="no Ray here: make test-scale")

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@pytest.fixture(scope="module")
def cluster():
    """A head without processors for us, and two nodes that can be killed."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield made
    made.shutdown()


@pytest.fixture
def nodes(cluster):
    made = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
    cluster.wait_for_nodes()
    yield made
    for node in made:
        if node in cluster.list_all_nodes():
            cluster.remove_node(node)


@pytest.fixture
def on_ray(cluster, monkeypatch):
    from harness.engine.workers.ray_pool import on_ray

    monkeypatch.syspath_prepend(str(HERE))
    return functools.partial(on_ray, cluster.address)


def allowance(**limits):
    return Budget(Limits(**limits), clock=time.monotonic, sleep=time.sleep)


def jobs(*does):
    from playing_for_tests import job

    return [job(number, *one.split()) for number, one in enumerate(does)]


def report(results):
    text = runs.as_json(Scorecard(tuple(results)), harness="x")
    return re.sub(r'"seconds": [\d.]+', '"seconds": 0', text)


def played(events):
    return [event.result for event in events if isinstance(event, CaseFinished)]


def test_one_suite_gives_one_report_whoever_plays_it(on_ray, cluster, nodes):
    """In this process, with two workers, and on a cluster of which a node is killed in the middle."""
    chosen = Settings((ROOT / "suites",), ROOT / "cassettes")
    all_jobs = assembly.plan(assembly.load(chosen), chosen) * 4
    here = report(played(assembly.replay(all_jobs, chosen)))
    assert report(played(assembly.replay(all_jobs, chosen, processes(2)))) == here
    results = []
    for event in assembly.replay(all_jobs, chosen, on_ray(2, batch=8)):
        if isinstance(event, CaseFinished):
            results.append(event.result)
            if len(results) == 20:
                cluster.remove_node(nodes[0], allow_graceful=False)
    assert len(results) == len(all_jobs)
    assert report(results) == here


def test_a_node_that_comes_later_is_used(on_ray, cluster, nodes, tmp_path):
    from playing_for_tests import ForTests

    many = jobs(*["slow 0.3"] * 150)
    lost = False
    for number, _ in enumerate(on_ray(2, batch=5)(many, ForTests(str(tmp_path)), allowance())):
        if number == 20 and not lost:
            lost = True
            cluster.remove_node(nodes[1], allow_graceful=False)
            cluster.add_node(num_cpus=1)
    begun = [line.split() for line in (tmp_path / "played").read_text().splitlines()]
    assert {case for case, *_ in begun} == {f"c{n}" for n in range(150)}
    assert len({pid for _, pid, _ in begun}) == 3, "two at first, and one in the place of the dead"


def test_a_case_that_always_kills_its_worker_is_told(on_ray, nodes, tmp_path):
    from playing_for_tests import ForTests

    recipe = ForTests(str(tmp_path))
    many = jobs(*["well"] * 6, "dies", *["well"] * 6)
    results = played(on_ray(2, batch=4)(many, recipe, allowance()))
    assert [one.case for one in results] == [f"c{n}" for n in range(13)]
    assert [one.case for one in results if one.problem] == ["c6"]
    assert "died 3 times (ActorDiedError)" in results[6].problem.message
    well = [one for one in results if not one.problem]
    assert [one.findings for one in well] == [
        one.findings for one in played(in_process(jobs(*["well"] * 12), recipe, allowance()))
    ]


def test_one_budget_over_all_workers(on_ray, nodes, tmp_path):
    from playing_for_tests import ForTests

    spent = allowance(requests=9)
    with pytest.raises(BudgetSpentError, match="the budget of 9 requests is spent"):
        list(on_ray(2, batch=2)(jobs(*["asks"] * 20), ForTests(str(tmp_path)), spent))
    assert len((tmp_path / "asked").read_text().splitlines()) == 9
    assert spent.requests == 9


def test_what_a_worker_can_not_go_on_after_comes_out(on_ray, nodes, tmp_path):
    from playing_for_tests import ForTests

    from harness.core.errors import DuplicateToolError

    with pytest.raises(ZeroDivisionError):
        list(on_ray(1)(jobs("crashes"), ForTests(str(tmp_path)), allowance()))
    with pytest.raises(DuplicateToolError, match="two tools share a name: 'a', 'a'"):
        list(on_ray(1)(jobs("well"), ForTests(str(tmp_path), "refuses"), allowance()))


def test_nobody_at_the_address(capsys, monkeypatch):
    from harness.cli.entry import main

    monkeypatch.chdir(ROOT)
    assert main(["run", "--executor", "ray", "--address", "127.0.0.1:1"]) == 2
    err = capsys.readouterr().err
    assert "there is no Ray cluster at 127.0.0.1:1" in err
    assert "Traceback" not in err
