"""Suites and counterexamples as pytest files: those that a project says are ours, and no other file is opened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from harness.app.pytest_plugin import laws
from harness.app.pytest_plugin.options import tool_settings, tool_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from harness.engine.events import CaseResult, Job

_SUITE = re.compile(rb"^cases\s*:", re.MULTILINE)
_SCHEMA = re.compile(rb"^#\s*yaml-language-server:\s*\$schema=\S*\bsuite\.schema\.json\s*$", re.MULTILINE)
_HEAD = 512
_LAW = ".law.json"
_FOLDERS: pytest.StashKey[tuple[Path, ...]] = pytest.StashKey()


def collected(file: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """``file`` as a suite or as a counterexample; None for one that is not ours."""
    made: pytest.Collector
    if file.suffix in {".yaml", ".yml"}:
        if not _is_suite(file, parent.config):
            return None
        made = SuiteFile.from_parent(parent, path=file)
        return made
    if file.name.endswith(_LAW) and (laws.FOLDER in file.parts or _asked_for(file, parent.config)):
        made = laws.LawFile.from_parent(parent, path=file)
        return made
    return None


def _is_suite(file: Path, config: pytest.Config) -> bool:
    """Whether the settings, an option or its own first lines say that ``file`` is a suite."""
    if any(file.is_relative_to(folder) for folder in _folders(config)):
        return file.is_file() and _SUITE.search(file.read_bytes()) is not None
    if not tool_table(config) and not _asked_for(file, config):
        return False  # a project that does not use us
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return _SCHEMA.search(opened.read(_HEAD)) is not None


def _folders(config: pytest.Config) -> tuple[Path, ...]:
    """Files and folders that hold suites."""
    found = config.stash.get(_FOLDERS, None)
    if found is None:
        given = config.getoption("harness_suites") or ()
        found = tuple((config.invocation_params.dir / one).resolve() for one in given)
        if tool_table(config):
            found += tuple((config.rootpath / one).resolve() for one in tool_settings(config).suites)
        config.stash[_FOLDERS] = found
    return found


def _asked_for(file: Path, config: pytest.Config) -> bool:
    """Whether the command line names ``file`` itself."""
    start = config.invocation_params.dir
    return any(file.name in one and (start / one.partition("::")[0]).resolve() == file for one in config.args)


class SuiteFile(pytest.File):
    """A suite: an item for each of its cases and models."""

    def collect(self) -> Iterator[pytest.Item]:
        from harness.app import assembly  # noqa: PLC0415 - as above
        from harness.core.errors import SuiteError  # noqa: PLC0415 - as above
        from harness.suite import load_suites  # noqa: PLC0415 - as above

        try:
            suites = [one for one in load_suites([self.path]) if one.kind == "regression"]
        except SuiteError as error:
            raise self.CollectError(str(error)) from error
        for job in assembly.plan(suites, tool_settings(self.config)) if suites else ():
            yield SuiteCase.from_parent(self, name=f"{job.case.id}[{job.model.called}]", job=job)


class SuiteCase(pytest.Item):
    """One case asked of one model."""

    def __init__(self, *, job: Job, **known: Any) -> None:
        super().__init__(**known)
        self.job = job

    def runtest(self) -> None:
        from harness.app import assembly  # noqa: PLC0415 - as above

        result = assembly.one(self.job, tool_settings(self.config))
        if result.verdict == "unsupported":
            pytest.skip("; ".join(_described(result)))
        if result.verdict in {"fail", "infra"}:
            pytest.fail("\n".join([f"{result.verdict}: {result.name}", *_described(result)]), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.job.name


def _described(result: CaseResult) -> list[str]:
    from harness.report.runs import reasons  # noqa: PLC0415 - as above

    return reasons(result)
