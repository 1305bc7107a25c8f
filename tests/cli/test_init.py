"""The first ten minutes: what `harness init` writes is read, recorded and replayed; nothing is overwritten."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from harness.dialects.providers import PROFILES
from harness.suite import load_suites
from tests.fake_models import serving


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for row in PROFILES.values():
        for key in row.keys:
            monkeypatch.delenv(key, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_key_it_is_for_the_local_model(folder, run):
    code, out, _ = run("init")
    assert code == 0
    assert "harness record --local" in out
    (suite,) = load_suites([Path("suites")])
    assert [model.called for model in suite.models] == ["local"]
    ast.parse(Path("tests/test_first.py").read_text())
    assert yaml.safe_load(Path(".github/workflows/harness.yml").read_text())["jobs"]["replay"]["steps"]


def test_what_is_not_recorded_is_recorded_as_it_says(folder, run):
    run("init")
    code, out, _ = run("run")
    assert (code, "record it: harness record --local --suite first --case calls-the-tool" in out) == (2, True)


def test_pytest_runs_its_suites_or_it_says_what_for(folder, run):
    _, out, _ = run("init")
    assert "pytest to run the suites" not in out
    assert tomllib.loads(Path("pyproject.toml").read_text()) == {"tool": {"harness": {"suites": ["suites"]}}}
    cases = {"[project]\nname = 'mine'\n": True, "# [tool.harness]\n": True, "[tool": True, "[tool.harness]\n": False}
    for text, told in cases.items():
        Path("pyproject.toml").write_text(text)
        _, out, _ = run("init")
        assert Path("pyproject.toml").read_text() == text
        assert ("For pytest to run the suites too: [tool.harness] in pyproject.toml" in out) == told


def test_a_folder_in_the_place_of_a_file_or_a_name_too_long_is_no_bug(folder, run):
    Path("pyproject.toml").mkdir()
    assert run("init")[0] == 0
    code, _, err = run("init", "--folder", "x" * 300)
    assert (code, "x" * 300 in err, "bug" in err) == (2, True, False)


def test_the_providers_whose_keys_are_set_are_asked(folder, run, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("GEMINI_API_KEY", "y")
    code, out, _ = run("init", "--folder", "new")
    assert code == 0
    assert "with the keys of openai, gemini" in out
    (suite,) = load_suites([Path("new/suites")])
    assert [model.called.split("/")[0] for model in suite.models] == ["openai", "gemini"]
    assert 'MODEL = "openai/' in Path("new/tests/test_first.py").read_text()


def test_the_ci_job_is_green_before_anything_is_recorded_and_says_what_to_do(folder, run):
    run("init")
    steps = yaml.safe_load(Path(".github/workflows/harness.yml").read_text())["jobs"]["replay"]["steps"][3:]
    found = re.compile(r"hashFiles\('(.*)'\) (==|!=) ''")

    def ran():
        for step in steps:
            pattern, sign = found.fullmatch(step["if"]).groups()
            if any(folder.glob(pattern)) == (sign == "!="):
                yield step["run"]

    notices = list(ran())
    assert [one.split('"::notice::')[0] for one in notices] == ["echo ", "echo "]
    assert ["harness record" in notices[0], "--harness-record-mode=once" in notices[1]] == [True, True]
    for file in (Path("cassettes/first/a/m.json"), Path("tests/cassettes/test_first/a.json")):
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    assert [one.split()[0] for one in ran()] == ["harness", "harness", "pytest"]


def test_nothing_is_overwritten(folder, run):
    Path("suites").mkdir()
    Path("suites/first.yaml").write_text("mine")
    code, out, _ = run("init")
    assert (code, Path("suites/first.yaml").read_text()) == (0, "mine")
    assert "left suites/first.yaml as it was" in out


def test_what_it_writes_is_recorded_and_replayed(folder, run, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key-of-this-test-alone-1")
    run("init")
    suite = Path("suites/first.yaml")
    with serving() as fake:
        model = f"{{label: m, backend: openai, name: gpt-4o-mini, hostname: {fake.url}/v1}}"
        suite.write_text(suite.read_text().replace("openai/gpt-4o-mini", model))
        assert run("record")[0] == 0
    monkeypatch.delenv("OPENAI_API_KEY")
    assert run("run")[0] == 0


def test_an_empty_folder_points_to_it(folder, run):
    code, _, err = run("run")
    assert (code, "harness init" in err) == (2, True)


def test_a_folder_that_can_not_be_written_is_a_sentence(folder, run):
    Path("file").write_text("x")
    code, _, err = run("init", "--folder", "file")
    assert (code, "can't be written" in err) == (2, True)
