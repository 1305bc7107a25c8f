from __future__ import annotations

import importlib.metadata
import shlex
import tomllib
from pathlib import Path

import pytest

from harness.core.errors import MissingExtraError, install_command

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("extra", ["local", "sdks", "serve", "ray", "store", "otel"])
def test_a_missing_extra_names_its_packages_and_no_index_must_know_the_project(extra):
    declared = [one.partition(";")[0].strip() for one in PROJECT["optional-dependencies"][extra]]
    assert shlex.split(install_command(extra)) == ["pip", "install", *declared]


def test_the_error_says_what_is_missing_and_what_to_run():
    error = MissingExtraError("ray", "Ray")
    assert (str(error), error.exit_code) == ("Ray is not installed; run: pip install 'ray>=2.55'", 2)


def test_without_the_projects_metadata_the_command_names_the_extra(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    assert install_command("ray") == "pip install 'path/to/toolcall-harness[ray]'"
