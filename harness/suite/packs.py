"""The suites that come with the package, asked of whatever model is meant: the card's probes, the evaluations, and the
Berkeley Function Calling Leaderboard, the cases of the user's own installed `bfcl-eval`.

Its data files are read from the installed package; none of its code is imported. A right answer is what its AST checker
calls one (`bfcl_eval/eval_checker/ast_eval/ast_checker.py`, release 2026.3.23, Apache-2.0): the differences that are
left are in docs/evaluation.md, and `tests/evaluation/test_bfcl.py` holds this reading to that checker.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.core.expectation import CallExpectation, CountExpectation, Expectation
from harness.suite.case import Case, OpenAIMessage, ShortTool, Suite
from harness.suite.collection import load_suites

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.chat import Json
    from harness.suite.case import Model

_PROBES = Path(__file__).parent / "probes"
STREAMED = "-streamed"
BFCL = "bfcl"
CATEGORIES = (
    "simple_python",
    "multiple",
    "parallel",
    "parallel_multiple",
    "irrelevance",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
    "live_irrelevance",
    "live_relevance",
)
"""The categories of one turn whose answers are judged by their structure. Java and JavaScript want values in the
language's own notation and a parser for it; the turns, the memory and the search want its own programs to run.
"""
LIMIT = 1000
"""Tokens of an answer; bfcl-eval sets none for most models."""
_NOT_INSTALLED = (
    "the pack bfcl is the data of the package bfcl-eval, which is not installed here; "
    "`pip install --no-deps bfcl-eval` brings it"
)
_TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string", "": "string"}
"""Its words for types that JSON Schema has other words for, as its `model_handler/utils.py` turns them."""
_SCHEMAS = ("items", "additionalProperties")
_ABSENT = ""
"""What stands among the accepted values of a parameter that may be absent."""
FOLDER = Path(__file__).parent / "packs"
TOOLS = "tools"
"""The pack that is taken where none is named."""
THINKING = 4000
"""Tokens beyond each case's limit for a model without one of its own: what thinking may take."""


def probes(models: Sequence[Model]) -> tuple[Suite, ...]:
    """Every probe for ``models``, each once whole and once (``…-streamed``) as a stream."""
    return tuple(_both(suite, tuple(models)) for suite in load_suites([_PROBES]))


def _both(suite: Suite, models: tuple[Model, ...]) -> Suite:
    twice = [
        one
        for case in suite.cases
        for one in (case, case.model_copy(update={"id": f"{case.id}{STREAMED}", "stream": True}))
    ]
    return replace(suite, models=models, cases=tuple(twice))


def bfcl(models: Sequence[Model], data: Path | None = None) -> tuple[Suite, ...]:
    """A suite for each category, for ``models``. ``data`` is the package's folder of that name; by default that of the
    installed one. Raises ``UsageError`` where it is not there or can't be read.
    """
    folder = data or _installed()
    return tuple(_suite(category, folder, tuple(models)) for category in CATEGORIES)


def _installed() -> Path:
    found = find_spec("bfcl_eval")
    if found is None or not found.submodule_search_locations:
        raise UsageError(_NOT_INSTALLED)
    return Path(found.submodule_search_locations[0]) / "data"


def _suite(category: str, folder: Path, models: tuple[Model, ...]) -> Suite:
    rows = _rows(folder, category)
    judged = "relevance" not in category
    answers = {row["id"]: row["ground_truth"] for row in _rows(folder / "possible_answer", category)} if judged else {}
    cases = []
    for row in rows:
        try:
            case = _case(row, category, answers.get(row["id"], ()))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            message = f"{folder}: case {row.get('id')!r} of {category} is not as bfcl-eval 2026.3 writes it"
            raise UsageError(f"{message}: {type(error).__name__}: {error}") from error
        if case is not None:
            cases.append(case)
    name = f"eval-bfcl-{category.replace('_', '-')}"
    return Suite(name, f"BFCL, {category}", str(folder), models, tuple(cases), "evaluation")


def _rows(folder: Path, category: str) -> list[dict[str, Any]]:
    files = sorted(folder.glob(f"BFCL_v[0-9]_{category}.json"))
    if not files:
        raise UsageError(f"{folder} has no file BFCL_v…_{category}.json; `pip install --no-deps bfcl-eval` brings them")
    rows = []
    for number, line in enumerate(files[-1].read_text(encoding="utf-8").split("\n"), 1):
        try:
            rows += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise UsageError(f"{files[-1]}, line {number}: not JSON ({error}); install bfcl-eval again") from error
    return rows


def _case(row: dict[str, Any], category: str, answer: Sequence[dict[str, Any]]) -> Case | None:
    """None where its checker takes no answer at all."""
    functions = {one["name"]: one for one in row["function"]}
    expect = _expected(category, answer, functions)
    if expect is None:
        return None
    return Case(
        id=row["id"],
        messages=tuple(OpenAIMessage(role=one["role"], content=one["content"]) for one in row["question"][0]),
        tools=tuple(
            ShortTool(name=name, description=one.get("description"), parameters=_schema(one["parameters"]))
            for name, one in functions.items()
        ),
        temperature=0,
        max_tokens=LIMIT,
        expect=expect,
    )


def _expected(
    category: str, answer: Sequence[dict[str, Any]], functions: dict[str, dict[str, Any]]
) -> Expectation | None:
    if "irrelevance" in category:
        return Expectation(no_calls=True)
    if "relevance" in category:
        return Expectation(call_count=CountExpectation(min=1))
    calls = [_call(name, values, functions[name]["parameters"]) for one in answer for name, values in one.items()]
    known = tuple(call for call in calls if call is not None)
    return Expectation(calls=known, any_order="parallel" in category) if known and len(known) == len(calls) else None


def _call(name: str, values: dict[str, list[Json]], schema: dict[str, Any]) -> CallExpectation | None:
    """The schema's `required` goes before an accepted absence. None where no call can be right: a parameter must be
    given and no value is accepted, or the schema or the answer doesn't have it.
    """
    accepts: dict[str, tuple[Json, ...]] = {}
    optional = []
    for parameter, accepted in values.items():
        some = tuple(_accepted(accepted, schema["properties"].get(parameter)))
        may_be_absent = _ABSENT in accepted and parameter not in schema.get("required", ())
        if some:
            accepts[parameter] = some
            optional += [parameter] if may_be_absent else []
        elif not may_be_absent:
            return None
    if set(schema.get("required", ())) - accepts.keys():
        return None
    return CallExpectation(name=name, accepts=accepts, optional=tuple(optional), strings="relaxed")


def _accepted(accepted: Sequence[Json], schema: dict[str, Any] | None) -> Iterator[Json]:
    """The values of a parameter that will do, written out. An empty text or list will do where absence does."""
    kind = (schema or {"type": None})["type"]
    for value in accepted if schema else ():
        if value == _ABSENT:
            yield from {"string": ("",), "any": ("",), "array": ([],), "tuple": ([],)}.get(kind, ())
        elif kind == "dict" and isinstance(value, dict):
            yield from _objects(value)
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            yield from map(list, itertools.product(*map(_objects, value)))
        else:
            yield value


def _objects(accepted: dict[str, Any]) -> list[Json]:
    """Each object whose keys have one of the values that are accepted of them."""
    choices = [
        [(key, value) for value in values] + ([None] if _ABSENT in values else []) for key, values in accepted.items()
    ]
    return [dict(pair for pair in pairs if pair) for pairs in itertools.product(*choices)]


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` in JSON Schema's words."""
    made = dict(schema)
    if "type" in schema or "properties" in schema:
        made["type"] = _TYPES.get(schema.get("type", "dict"), schema.get("type"))
    if isinstance(schema.get("properties"), dict):
        made["properties"] = {name: _schema(one) for name, one in schema["properties"].items()}
    for key in _SCHEMAS:
        if isinstance(schema.get(key), dict):
            made[key] = _schema(schema[key])
    return made


def pack_names() -> tuple[str, ...]:
    """The packs that there are: those of the package, and BFCL's cases where they are installed."""
    return (*sorted(folder.name for folder in FOLDER.iterdir() if any(folder.glob("*.yaml"))), BFCL)


def pack(name: str, models: Sequence[Model]) -> tuple[Suite, ...]:
    """The suites of the pack ``name``, for ``models``. Raises ``UsageError``."""
    if name not in pack_names():
        raise UsageError(f"there is no pack {name!r}; there are {', '.join(pack_names())}")
    if name == BFCL:
        return bfcl(models)
    return tuple(replace(suite, models=tuple(models)) for suite in load_suites([FOLDER / name]))
