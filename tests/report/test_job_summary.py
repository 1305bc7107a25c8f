"""The Action: its steps run here as a runner runs them, on suites that pass and on one that fails."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.report.job_summary import error_annotations, main, summary

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def steps(folder, **given):
    """Run the steps of the Action in ``folder`` in order; exit codes by name, and all that was printed."""
    inputs = {name: one["default"] for name, one in ACTION["inputs"].items()} | given
    (folder / "bin").mkdir()
    for name, module in (("harness", "-m harness "), ("python", "")):
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n')
        program.chmod(0o755)
    summary_file = folder / "summary.md"
    env = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    codes, told = {}, ""
    for step in ACTION["runs"]["steps"]:
        condition = step.get("if", "")
        if ("inputs.install" in condition and not inputs["install"]) or (
            "inputs.before" in condition and not inputs["before"]
        ):
            continue
        assert step["shell"] == "bash"
        more = {
            name: value.replace("${{ inputs.", "").replace(" }}", "") for name, value in step.get("env", {}).items()
        }
        own = {name: inputs[value] for name, value in more.items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=folder, capture_output=True, text=True,
            env={**env, **own, "GITHUB_STEP_SUMMARY": str(summary_file)}, timeout=300, check=False,
        )  # fmt: skip
        codes[step["name"]] = done.returncode
        told += done.stdout + done.stderr
    return codes, told, summary_file.read_text()


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "cassettes" / "text", tmp_path / "cassettes" / "text")
    (tmp_path / "suites").mkdir()
    for name in ("text.yaml", "models.yaml"):
        shutil.copy(ROOT / "suites" / name, tmp_path / "suites")
    return tmp_path


def test_the_steps_pass_on_suites_that_pass(folder):
    codes, told, text = steps(folder, install="", before="cassettes", after="cassettes")
    assert set(codes.values()) == {0}, told
    assert len(codes) == 3
    assert "### Suites: " in text
    assert "### Changes: none" in text


def test_a_suite_that_fails_is_annotated_and_in_the_summary(folder):
    suite = folder / "suites" / "text.yaml"
    suite.write_text(suite.read_text().replace("user: ", "user: Please. ", 1))
    codes, told, text = steps(folder, install="")
    assert codes["Replay the suites"] != 0
    assert "::error file=cassettes/text/" in told
    assert "| suite | case | model | why |" in text


def test_no_code_of_others_is_used():
    assert all("uses" not in step for step in ACTION["runs"]["steps"])
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hooks[0]["entry"] == "harness cassettes audit --staged"


def test_a_change_is_told_and_what_it_says_stays_text(tmp_path, capsys):
    change = {
        "grade": "contract",
        "what": "calls",
        "path": "a|b",
        "message": "<b>\n::error::",
        "of": "c,d.json",
    }
    report = {"counts": {"contract": 1}, "changes": [change]}
    assert error_annotations(report) == ["::error file=c%2Cd.json,title=contract%3A calls::<b>%0A::error::"]
    assert "<b>" not in summary(report)
    (tmp_path / "r.json").write_text(json.dumps(report))
    assert main([str(tmp_path / "r.json")]) == 0
    assert "### Changes: 1 contract" in capsys.readouterr().out
    assert main([str(tmp_path / "none.json")]) == 2
    capsys.readouterr()
    assert main([]) == 2
    assert capsys.readouterr().err == "usage: python -m harness.report.job_summary REPORT.json\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "can't be read: No such file or directory"),
        ("nonsense", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        *(
            (one, "has another shape")
            for one in ("[]", "null", "3", "{}", '{"results": 3, "counts": {}}', '{"changes": []}')
        ),
    ],
)
def test_what_is_no_report_is_one_sentence(text, why, tmp_path, capsys):
    file = tmp_path / "report.json"
    if text is not None:
        file.write_text(text)
    assert main([str(file)]) == 2
    sentence = f"harness: {file}: {why}; give what `harness run --json` or `harness diff --json` wrote\n"
    assert capsys.readouterr() == ("", sentence)
