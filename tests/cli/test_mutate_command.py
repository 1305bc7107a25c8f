"""`harness mutate` on shipped suites, and every kind of bad input."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from harness.__main__ import main

ROOT = Path(__file__).parents[2]
SOME = ("suites/tools.yaml", "--model", "openai/*", "-k", "one-*")


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    for name in ("suites", "cassettes"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)

    def runs(*words):
        code = main(["mutate", *words])
        out = capfd.readouterr()
        assert "Traceback" not in out.out + out.err
        return code, out.out, out.err

    return runs


def test_a_shipped_suite_notices(run):
    code, out, _ = run(*SOME, "--at-least", "0.95", "--json", "m.json")
    assert code == 0, out
    assert "mutants noticed" in out
    made = json.loads(Path("m.json").read_text())
    assert made["format"] == 1


def test_a_suite_that_expects_nothing_is_below_the_bar(run, tmp_path):
    (tmp_path / "blunt").mkdir()
    suite = yaml.safe_load((ROOT / "suites" / "tools.yaml").read_text(encoding="utf-8"))
    suite["cases"] = [{key: value for key, value in case.items() if key != "expect"} for case in suite["cases"]]
    (tmp_path / "blunt" / "tools.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    shutil.copy(ROOT / "suites" / "models.yaml", tmp_path / "blunt" / "models.yaml")
    code, out, err = run("blunt/tools.yaml", *SOME[1:], "--only", "responses", "--at-least", "0.95")
    assert code == 1, out + err
    assert "survived; what would notice each" in out
    assert "the score of responses is below 0.95" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--sample", "0"), "--sample 0 judges nothing"),
        (("--at-least", "95"), "--at-least 95.0 is no share"),
        (("--json", "no/such/file.json"), "the folder for this report does not exist"),
        (("-k", "none"), "none"),
        (("suites/none.yaml",), "none.yaml"),
    ],
)
def test_a_mistake_is_one_sentence(run, words, told):
    code, out, err = run(*words)
    assert code == 2
    assert told in out + err
