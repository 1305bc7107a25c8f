"""Flags over environment over pyproject over defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.app.settings import Settings, settings
from harness.core.errors import UsageError


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.harness]\nsuites = ["from-project"]\ncassettes = "tapes"\nrecord_mode = "once"\n'
    )
    inner = tmp_path / "inner"
    inner.mkdir()
    return inner


def test_defaults(tmp_path):
    assert settings({}, environment={}, folder=tmp_path) == Settings()


def test_pyproject_is_found_above_and_its_paths_count_from_it(project):
    found = settings({}, environment={}, folder=project)
    assert found == Settings((project.parent / "from-project",), project.parent / "tapes", "once")


def test_the_environment_goes_before_pyproject_and_flags_before_both(project):
    environment = {"HARNESS_SUITES": "a:b", "HARNESS_CASSETTES": "env", "HARNESS_RECORD_MODE": "replay"}
    found = settings({}, environment=environment, folder=project)
    assert found == Settings((Path("a"), Path("b")), Path("env"), "none")
    flags = {"suites": ["flag"], "cassettes": "flags", "record_mode": "record", "other": 1}
    assert settings(flags, environment=environment, folder=project) == Settings(
        (Path("flag"),), Path("flags"), "record"
    )


def test_flags_not_given_change_nothing(project):
    flags = {"suites": [], "cassettes": None, "record_mode": None}
    assert settings(flags, environment={}, folder=project) == settings({}, environment={}, folder=project)


@pytest.mark.parametrize(("value", "ci"), [("true", True), ("1", True), ("", False), ("false", False), ("0", False)])
def test_ci(tmp_path, value, ci):
    assert settings({}, environment={"CI": value}, folder=tmp_path).ci is ci


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tool.harness]\ncasettes = 'x'", "has no key 'casettes'; did you mean cassettes?"),
        ("[tool.harness]\nvrc = true", "has no key 'vrc'; did you mean vcr?"),
        ("[tool.harness]\nfolder = 'x'", "has no key 'folder'; it knows suites, cassettes, record_mode"),
        ("[tool.harness]\nsuites = 'x'", "suites must be a list of texts"),
        ("[tool.harness]\nsuites = [1]", "suites must be a list of texts"),
        ("[tool.harness]\ncassettes = 1", "cassettes must be text"),
        ("[tool.harness]\nrecord_mode = 'never'", "there is no record mode 'never'; choose none, once or record"),
        ("[tool.harness]\nallow = 'localhost'", "allow must be a list of texts"),
        ("[tool.harness]\nallow_subprocesses = 'yes'", "allow_subprocesses must be true or false"),
        ("[tool.harness", "can't be read"),
    ],
)
def test_mistakes_are_told(tmp_path, text, sentence):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        settings({}, environment={}, folder=tmp_path)
    assert sentence in str(caught.value)
