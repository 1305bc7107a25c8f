"""BFCL's cases read as evaluations, and their verdicts held to the leaderboard's own checker over drawn answers.

`make test-neighbours` runs the comparison: it installs bfcl-eval, which needs a package index.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.checks.structure import mistakes
from harness.core.chat import ToolCall
from harness.core.errors import UsageError
from harness.suite import packs
from harness.suite.case import Case, Model
from tests.children import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = Model(name="m", backend="openai")
LEAST = 3_000
CHECKER = """
import json, sys, types
models = types.ModuleType("bfcl_eval.constants.model_config")  # its handlers import every provider's package
models.MODEL_CONFIG_MAPPING = {"m": types.SimpleNamespace(underscore_to_dot=False)}
sys.modules[models.__name__] = models
from bfcl_eval.constants.enums import Language
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker
for line in sys.stdin:
    row = json.loads(line)
    try:
        found = ast_checker(row["function"], row["calls"], row["answer"], Language.PYTHON, row["category"], "m")["valid"]
    except Exception as error:
        found = type(error).__name__
    print(json.dumps(found))
"""


def functions(*names: str) -> list[dict[str, Any]]:
    kinds = {"n": "integer", "x": "float", "s": "string", "l": "array", "d": "dict", "b": "boolean"}
    properties: dict[str, Any] = {key: {"type": kind} for key, kind in kinds.items()}
    properties["l"]["items"] = {"type": "string"}
    properties["d"]["properties"] = {"type": {"type": "tuple", "items": {"type": "any"}}}
    schema = {"type": "dict", "properties": properties, "required": ["n"]}
    return [{"name": name, "description": "does it", "parameters": schema} for name in names]


def write(folder: Path, answers: dict[str, list[dict[str, Any]]]) -> Path:
    """A data folder of the package's shape with one case a category, those of ``answers`` with these right answers."""
    (folder / "possible_answer").mkdir(parents=True)
    for category in packs.CATEGORIES:
        row = {
            "id": f"{category}_0",
            "question": [[{"role": "user", "content": "Go."}]],
            "function": functions("a.b", "c"),
        }
        (folder / f"BFCL_v4_{category}.json").write_text(json.dumps(row) + "\n", encoding="utf-8")
        truth = {"id": f"{category}_0", "ground_truth": answers.get(category, [{"a.b": {"n": [1]}}])}
        (folder / "possible_answer" / f"BFCL_v4_{category}.json").write_text(json.dumps(truth) + "\n", encoding="utf-8")
    return folder


def cases(folder: Path) -> dict[str, Case]:
    return {case.id: case for suite in packs.bfcl([MODEL], folder) for case in suite.cases}


def right(case: Case, *calls: tuple[str, dict[str, Any]]) -> bool:
    schemas: dict[str, Any] = {tool["function"]["name"]: tool["function"]["parameters"] for tool in case.offered}
    return not mistakes([ToolCall(name, given, "") for name, given in calls], case.expect, schemas)


def test_every_category_is_a_suite_with_tools_in_json_schema(tmp_path: Path) -> None:
    suites = packs.bfcl([MODEL], write(tmp_path, {}))
    assert [suite.name for suite in suites[:2]] == ["eval-bfcl-simple-python", "eval-bfcl-multiple"]
    assert {suite.kind for suite in suites} == {"evaluation"}
    assert len(suites) == len(packs.CATEGORIES)
    schema: Any = suites[0].cases[0].offered[0]["function"]
    assert schema["parameters"]["type"] == "object"
    assert schema["parameters"]["properties"]["x"]["type"] == "number"
    assert schema["parameters"]["properties"]["d"]["properties"]["type"] == {
        "type": "array",
        "items": {"type": "string"},
    }


@pytest.mark.parametrize(
    ("given", "good"),
    [
        ({"n": 1, "s": "New York"}, True),
        ({"n": 1, "s": "new-york."}, True),
        ({"n": 1, "s": "York"}, False),
        ({"n": 1}, True),
        ({"s": "New York"}, False),
        ({"n": "1"}, False),
        ({"n": True}, False),
        ({"n": 1, "b": True}, False),
        ({"n": 1, "x": 2}, True),
        ({"n": 1, "l": []}, True),
        ({"n": 1, "l": ["A b"]}, True),
        ({"n": 1, "l": ["b", "A"]}, False),
        ({"n": 1, "d": {"k": "v1"}}, True),
        ({"n": 1, "d": {"k": "v2", "o": 3}}, True),
        ({"n": 1, "d": {"o": 3}}, False),
        ({"n": 1, "d": {"k": "v1", "other": 3}}, False),
    ],
)
def test_accepted_values_absent_parameters_and_objects(tmp_path: Path, given: dict[str, Any], *, good: bool) -> None:
    accepted = {"n": [1], "s": ["New York", ""], "x": [2.0, ""], "l": [["a B"], ""]}
    accepted["d"] = [{"k": ["v1", "v2"], "o": [3, ""]}, ""]
    case = cases(write(tmp_path, {"simple_python": [{"a.b": accepted}]}))["simple_python_0"]
    assert right(case, ("a.b", given)) is good


def test_parallel_calls_in_any_order_and_choices_of_calling(tmp_path: Path) -> None:
    found = cases(write(tmp_path, {"parallel": [{"a.b": {"n": [1]}}, {"c": {"n": [2]}}]}))
    assert right(found["parallel_0"], ("c", {"n": 2}), ("a.b", {"n": 1}))
    assert not right(found["parallel_0"], ("c", {"n": 1}), ("a.b", {"n": 2}))
    assert right(found["irrelevance_0"])
    assert not right(found["live_irrelevance_0"], ("c", {}))
    assert right(found["live_relevance_0"], ("c", {"n": 5}))
    assert not right(found["live_relevance_0"])


@pytest.mark.parametrize("answer", [{"n": []}, {"n": [1], "unknown": [2]}, {"s": ["a"]}])
def test_a_case_that_no_answer_can_get_right_is_left_out(tmp_path: Path, answer: dict[str, Any]) -> None:
    assert "simple_python_0" not in cases(write(tmp_path, {"simple_python": [{"a.b": answer}]}))


def test_without_the_package_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"not installed here; `pip install --no-deps bfcl-eval`"):
        packs.pack("bfcl", [MODEL])


@pytest.mark.parametrize("damage", ["{", '{"id": "x"}', '{"id": "x", "function": [], "question": []}'])
def test_data_that_is_not_as_expected_is_said_with_its_place(tmp_path: Path, damage: str) -> None:
    (write(tmp_path, {}) / "BFCL_v4_irrelevance.json").write_text(damage, encoding="utf-8")
    with pytest.raises(UsageError, match=r"irrelevance"):
        packs.bfcl([MODEL], tmp_path)


def test_a_folder_without_a_category_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no file BFCL_v…_simple_python\.json"):
        packs.bfcl([MODEL], tmp_path)


# The comparison.

OTHER: dict[type, list[Any]] = {
    str: [7, True, ["text"], None],
    int: ["7", 7.5, True, None],
    float: ["7.5", True, None],
    bool: ["true", 1, None],
    list: ["text", {}, None],
    dict: ["text", [], None],
    type(None): ["null", 0],
}


def perfect(answer: list[dict[str, Any]], case: Case, draw: random.Random) -> list[dict[str, Any]]:
    """One answer drawn from what is accepted."""
    made = []
    for call in case.expect.calls or ():
        given = {
            name: draw.choice(values)
            for name, values in (call.accepts or {}).items()
            if name not in call.optional or draw.random() < 0.5
        }
        made.append({str(call.name): json.loads(json.dumps(given))})
    assert len(made) == len(answer)
    return made


def altered(calls: list[dict[str, Any]], kind: str, draw: random.Random, names: list[str]) -> None:
    """``calls`` with one thing of this ``kind`` wrong, or at least other."""
    call = draw.choice(calls)
    name, given = next(iter(call.items()))
    key = draw.choice(list(given)) if given else None
    if kind == "order":
        calls.reverse()
    elif kind == "count":
        calls.append(dict(call)) if draw.random() < 0.5 else calls.pop()
    elif kind == "name":
        call[draw.choice([*(one for one in names if one != name), f"{name}_x"])] = call.pop(name)
    elif kind == "extra":
        given["parameter_nobody_has"] = 1
    elif key is not None and kind == "missing":
        del given[key]
    elif key is not None:
        given[key] = VALUES[kind](given[key], draw)


def _other_value(value: Any, _: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return f"{value} and more" if isinstance(value, str) else value * 2 if isinstance(value, list) else {"other": 1}


def _as_other_number(value: Any, draw: random.Random) -> Any:
    if isinstance(value, list):
        return [_as_other_number(one, draw) for one in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return float(value) if isinstance(value, int) else int(value) if value == int(value) else value


def _respelt(value: Any, draw: random.Random) -> Any:
    if isinstance(value, list):
        return [_respelt(one, draw) for one in value]
    return f" {value.upper()}." if isinstance(value, str) else value


def _nested(value: Any, draw: random.Random) -> Any:
    if isinstance(value, list) and value:
        where = draw.randrange(len(value))
        return [*value[:where], draw.choice(OTHER[type(value[where])]), *value[where + 1 :]]
    if isinstance(value, dict) and value:
        key = draw.choice(list(value))
        return {**value, key: draw.choice(OTHER[type(value[key])])}
    return value


VALUES: dict[str, Callable[[Any, random.Random], Any]] = {
    "type": lambda value, draw: draw.choice(OTHER[type(value)]),
    "value": _other_value,
    "number": _as_other_number,
    "spelling": _respelt,
    "nested": _nested,
}
KINDS = ("right", "order", "count", "name", "extra", "missing", "type", "value", "number", "spelling", "nested")


def numbers(value: Any) -> bool:
    """Whether a number stands anywhere in ``value``."""
    if isinstance(value, (list, dict)):
        return any(map(numbers, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@pytest.mark.neighbours
@pytest.mark.timeout(900)
def test_verdicts_equal_those_of_the_leaderboards_own_checker(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "bfcl-eval"], check=True, env=OUTSIDE)
    where = "import bfcl_eval, pathlib; print(pathlib.Path(bfcl_eval.__file__).parent / 'data')"
    data = Path(subprocess.run([python, "-c", where], check=True, text=True, capture_output=True).stdout.strip())
    table, unexplained = compared(data, python)
    print("\n".join(f"{count:6}  {what}" for what, count in sorted(table.items())))
    assert sum(table.values()) >= LEAST
    assert not unexplained, json.dumps(unexplained[:5], indent=1)


def compared(data: Path, python: Path, seed: int = 20) -> tuple[Counter[str], list[Any]]:
    """How many answers each explanation is of, and the differences that have none."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for suite in packs.bfcl([MODEL], data):
        category = suite.name.removeprefix("eval-bfcl-").replace("-", "_")
        if "relevance" in category:
            continue
        raw = {one["id"]: one for one in _lines(data / f"BFCL_v4_{category}.json")}
        truth = {
            one["id"]: one["ground_truth"] for one in _lines(data / "possible_answer" / f"BFCL_v4_{category}.json")
        }
        for case in suite.cases:
            names = [tool.name for tool in case.tools if not isinstance(tool, str)]
            for kind in KINDS:
                calls = perfect(truth[case.id], case, draw)
                if kind != "right":
                    altered(calls, kind, draw, names)
                rows.append(
                    {"category": category, "kind": kind, "case": case, "calls": calls} | _asked(raw, truth, case)
                )
    asked = [json.dumps({key: row[key] for key in ("function", "calls", "answer", "category")}) for row in rows]
    done = subprocess.run([python, "-c", CHECKER], input="\n".join(asked), check=True, text=True, capture_output=True)
    table: Counter[str] = Counter()
    unexplained = []
    for row, line in zip(rows, done.stdout.splitlines(), strict=True):
        ours, theirs = right(row["case"], *(pair for call in row["calls"] for pair in call.items())), json.loads(line)
        why = "equal" if ours is theirs else explanation(row, ours=ours, theirs=theirs)
        table[why] += 1
        if why == "unexplained":
            unexplained.append(
                {key: row[key] for key in ("kind", "calls", "answer")} | {"ours": ours, "theirs": theirs}
            )
    return table, unexplained


def _asked(raw: dict[str, Any], truth: dict[str, Any], case: Case) -> dict[str, Any]:
    return {"function": raw[case.id]["function"], "answer": truth[case.id]}


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]


NUMBERS = "right here alone: 5.0 where the answer is 5, or 5 in a list of floats; JSON has one kind of number"
LETTER = "right here alone: the first accepted value is of another type than the parameter, so texts are compared to the letter"
TYPES = {"string": str, "any": str, "integer": int, "float": float, "boolean": bool, "array": list, "tuple": list}


def explanation(row: dict[str, Any], *, ours: bool, theirs: bool | str) -> str:
    """Whose doing it is that ``ours`` is not ``theirs``."""
    if ours and theirs is False and any(map(numbers, row["calls"])) and row["kind"] == "number":
        return NUMBERS
    if (
        ours
        and theirs is False
        and row["kind"] == "spelling"
        and any(_mistyped(row["function"], call) for call in row["answer"])
    ):
        return LETTER
    return "unexplained"


def _mistyped(functions: list[dict[str, Any]], call: dict[str, Any]) -> bool:
    """Whether the first value that is accepted of a parameter is not of the type that its schema says."""
    kinds = {
        (one["name"], key): value["type"] for one in functions for key, value in one["parameters"]["properties"].items()
    }
    firsts = [
        (kinds.get((name, key)), next((one for one in values if one != ""), None))
        for name, given in call.items()
        for key, values in given.items()
        if any(one != "" for one in values)
    ]
    return any(kind in TYPES and type(first) is not TYPES[kind] for kind, first in firsts)
