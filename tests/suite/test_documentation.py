"""The examples in docs/suites.md are suites, and the tables know the keys that the format has."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import jsonschema
import pytest

from harness.checks.structure import KINDS
from harness.core.expectation import CallExpectation, Expectation, TextExpectation
from harness.suite import load_suites
from harness.suite.case import Case, Model, Options, SuiteFile
from harness.suite.collection import models_schema, suite_schema
from harness.suite.loader import read
from harness.suite.packs import FOLDER, pack

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_worked_example_loads(tmp_path):
    example, *others = blocks("yaml")
    for other in others:
        jsonschema.validate(read(other.encode()).value, suite_schema())
    (tmp_path / "weather.yaml").write_text(example)
    (suite,) = load_suites([tmp_path])
    assert [case.id for case in suite.cases] == ["asks-for-the-weather", "plain-answer", "wrong-key"]
    assert [model.called for model in suite.models] == ["openai/gpt-4o-mini", "openai/smollm2-135m"]
    jsonschema.validate(read(example.encode()).value, suite_schema())


def test_the_models_file_loads(tmp_path):
    (example,) = blocks("yaml models.yaml")
    (tmp_path / "models.yaml").write_text(example)
    (tmp_path / "some.yaml").write_text("cases: [{id: one, messages: [{user: hi}]}]")
    (suite,) = load_suites([tmp_path])
    assert [model.called for model in suite.models] == [
        "openai/smollm2-135m",
        "anthropic/smollm2-135m",
        "newer-server",
    ]
    jsonschema.validate(read(example.encode()).value, models_schema())


@pytest.mark.parametrize("kind", [SuiteFile, Case, Options, Model])
def test_every_key_is_documented(kind):
    assert [name for name in kind.model_fields if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("kind", [Expectation, CallExpectation, TextExpectation])
def test_every_expectation_is_documented(kind):
    assert [one.name for one in dataclasses.fields(kind) if f"`{one.name}" not in PAGE] == []


@pytest.mark.parametrize(
    "file", [*sorted((ROOT / "suites").glob("*.yaml")), *sorted(FOLDER.glob("*/*.yaml"))], ids=lambda file: file.name
)
def test_the_shipped_suites_fit_the_schema_that_editors_get(file):
    schema = models_schema() if file.name == "models.yaml" else suite_schema()
    jsonschema.validate(read(file.read_bytes()).value, schema)


@pytest.mark.parametrize("schema", [suite_schema(), models_schema()])
def test_the_schemas_are_schemas_and_say_what_things_mean(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"]
    assert schema["additionalProperties"] is False


def test_the_example_of_an_evaluation_loads(tmp_path):
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "eval-timers.yaml").write_text(example)
    (suite,) = load_suites([tmp_path])
    assert (suite.kind, len(suite.cases)) == ("evaluation", 2)


def test_the_page_on_evaluation_knows_every_category_and_kind():
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    suites = pack("tools", ())
    told = {name: int(count) for name, count in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", page, re.MULTILINE)}
    assert told == {suite.name.removeprefix("eval-"): len(suite.cases) for suite in suites}
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []
