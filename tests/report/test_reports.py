"""What the reports say of a run."""

from __future__ import annotations

import dataclasses
import io
import json
from xml.etree import ElementTree as ET

from rich.console import Console

from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.errors import RateLimitError
from harness.core.exchange import Exchange, HttpRequest, HttpResponse, Provenance
from harness.core.finding import Evidence, Finding, Observation
from harness.engine.events import CaseResult, Problem, Scorecard
from harness.report import runs

REPLY = Reply(
    text="x",
    calls=(ToolCall("a/b", {"n": 1}, "id1"),),
    errors=(CallError("arguments", "bad", "{", "a/b", None, 1),),
    finish="tool_calls",
    usage=Usage(1, 2, 3),
    id="differs-each-time",
)
EXCHANGE = Exchange(HttpRequest("POST", "http://x"), HttpResponse(200))


def result(case: str, model: str = "m", verdict: str = "pass", **more) -> CaseResult:
    seen = Observation("s", case, model, {}, REPLY, None, 0, "c.json", ((4, EXCHANGE),))
    finding = Finding("calls", verdict, f"{case} is {verdict}", "turn 0", Evidence("c.json", (4,)))
    return CaseResult("s", case, model, "c.json", (finding,), (seen,), seconds=1.5, **more)


CARD = Scorecard(
    (
        result("good", provenance=Provenance("local", "2026-11-24T00:00:00Z", "server")),
        result("bad", verdict="fail"),
        result("none", verdict="unsupported"),
        CaseResult("t", "lost", "m", "d.json", problem=Problem("CassetteMiss", "no such", 2, ("body.x: 1, not 2",))),
        CaseResult(
            "t",
            "busy",
            "m",
            "e.json",
            (Finding("error", "infra", "429"),),
            (Observation("t", "busy", "m", {}, None, RateLimitError("slow", status=429, retry_after=2.5)),),
        ),
    ),
    ("cassettes/s/old.json",),
)


def shown(scorecard: Scorecard, width: int = 120) -> str:
    out = io.StringIO()
    runs.show(Console(file=out, width=width), scorecard)
    return out.getvalue()


def test_the_json_report():
    words = json.loads(runs.as_json(CARD, harness="9"))
    assert (words["format"], words["version"], words["harness"], words["exit_code"]) == ("harness-report", 1, "9", 2)
    assert words["counts"] == {"fail": 1, "infra": 1, "pass": 1, "unsupported": 1, "unusable": 1}
    assert words["orphans"] == ["cassettes/s/old.json"]
    good, _, _, lost, busy = words["results"]
    assert good["provenance"]["kind"] == "local"
    assert good["findings"] == [
        {"check": "calls", "verdict": "pass", "path": "turn 0", "message": "good is pass", "exchanges": [4]}
    ]
    assert good["turns"][0]["reply"]["calls"] == [{"name": "a/b", "parameters": {"n": 1}, "id": "id1"}]
    assert good["turns"][0]["reply"]["errors"][0]["raw"] == "{"
    assert lost["problem"]["details"] == ["body.x: 1, not 2"]
    assert busy["turns"][0]["error"] == {
        "type": "RateLimitError",
        "message": "slow",
        "status": 429,
        "retry_after": 2.5,
    }
    assert "differs-each-time" not in json.dumps(words)


def test_only_seconds_differ_between_two_runs():
    later = Scorecard(tuple(dataclasses.replace(one, seconds=9.0) for one in CARD.results), CARD.orphans)
    one, other = runs.as_json(CARD, harness="9"), runs.as_json(later, harness="9")
    differing = {
        line.split(":")[0].strip()
        for line, second in zip(one.splitlines(), other.splitlines(), strict=True)
        if line != second
    }
    assert differing == {'"seconds"'}


def test_junit():
    root = ET.fromstring(runs.junit_xml(CARD))
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",  # the orphan is one of them
        "failures": "3",
        "errors": "1",
        "skipped": "1",
    }
    assert [suite.get("name") for suite in root] == ["s", "t", "orphaned cassettes"]
    assert root.find(".//testcase[@classname='s.bad']/failure").get("message") == "bad is fail"
    assert root.find(".//testcase[@classname='t.lost']/error").text == "body.x: 1, not 2"
    assert root.find(".//testcase[@classname='s.good']").get("time") == "1.500"


def test_the_terminal_tells_what_is_wrong_and_where_the_proof_is():
    told = shown(CARD)
    assert "FAIL s / bad / m" in told
    assert "calls (turn 0): bad is fail" in told
    assert "see: harness cassettes show c.json 4" in told
    assert "ERROR t / lost / m" in told
    assert "- body.x: 1, not 2" in told
    assert "cassettes/s/old.json: no case uses this cassette" in told
    assert "5 cases: 1 fail, 1 infra, 1 pass, 1 unsupported, 1 unusable, 1 orphaned cassette;" in told
    assert "recordings are local" in told


def test_a_run_of_nothing_says_so():
    assert shown(Scorecard(())) == "nothing was run\n"


def test_many_models_become_rows():
    few = shown(Scorecard(tuple(result("one", f"model{n}") for n in range(4))))
    many = shown(Scorecard(tuple(result("one", f"model{n}") for n in range(5))))
    assert "model0   model1   model2   model3" in " ".join(few.split(" "))
    assert [line.split()[-2] for line in many.splitlines() if "model" in line and "pass" in line] == [
        f"model{n}" for n in range(5)
    ]


def test_a_narrow_terminal_loses_nothing():
    told = shown(Scorecard((result("a-case-with-a-rather-long-name", "provider/a-model-with-a-long-name"),)), width=30)
    assert "pass" in told
    assert "a-case-with-a-rather-long-name" in told.replace("\n", "").replace(" ", "") or "a-case" in told


def test_several_leaves_of_a_miss_are_listed_and_one_is_in_its_sentence():
    def said(*leaves: str) -> list[str]:
        problem = Problem("CassetteMiss", f"exchange 0, differs at {'; '.join(leaves)}", 2, leaves)
        return runs.reasons(CaseResult("s", "lost", "m", "d.json", problem=problem))

    assert said("body.x: 1, not 2") == ["exchange 0, differs at body.x: 1, not 2"]
    assert said("host: a", "body.x: 1") == ["exchange 0, differs at:", "- host: a", "- body.x: 1"]
