"""The plugin's options beside those of other plugins, and what ``[tool.harness]`` says for tests."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.app.settings import Settings
    from harness.cassette import Tape

OPTION = "--harness-record-mode"
SHORT = "--record-mode"
_DEST = "harness_record_mode"
_HELP = "none: only replay (the default); once: record what has no cassette; record: record again"
_TABLE: pytest.StashKey[bool] = pytest.StashKey()
_VCR: pytest.StashKey[bool] = pytest.StashKey()
_SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()


def add_options(parser: pytest.Parser) -> None:
    """Options whose names are ours."""
    group = parser.getgroup("harness", "harness: recorded answers of language models")
    text = f"{_HELP}; {SHORT} says the same where no other plugin has it"
    group.addoption(OPTION, dest=_DEST, default=None, metavar="MODE", help=text)
    text = "a suite or a folder of suites to run as tests, beside those of [tool.harness]"
    group.addoption("--harness-vcr", action="store_true", help="replay tests marked vcr, in place of pytest-recording")
    group.addoption("--harness-suites", action="append", metavar="PATH", type=_there, help=text)


def _there(path: str) -> str:
    try:
        if Path(path).exists():
            return path
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from None
    raise argparse.ArgumentTypeError(f"there is no {path}")


def add_short_option(parser: pytest.Parser, arguments: Sequence[str]) -> None:
    """``--record-mode`` for ours, where it is used and no other plugin or conftest has it."""
    if not any(one == SHORT or one.startswith(f"{SHORT}=") for one in arguments):
        return
    try:
        _, unknown = parser.parse_known_and_unknown_args([f"{SHORT}=none"])
    except pytest.UsageError:
        return  # another plugin has it, with other values
    if unknown:
        group = parser.getgroup("harness")
        group.addoption(SHORT, dest=_DEST, default=None, metavar="MODE", help=_HELP)


def tool_table(config: pytest.Config) -> bool:
    """Whether the project's pyproject.toml speaks of us."""
    found = config.stash.get(_TABLE, None)
    if found is None:
        root = config.rootpath
        files = (folder / "pyproject.toml" for folder in (root, *root.parents))
        nearest = next((file for file in files if file.is_file()), None)
        found = config.stash[_TABLE] = nearest is not None and b"[tool.harness" in nearest.read_bytes()
    return found


def replays_vcr(config: pytest.Config) -> bool:
    """Whether tests marked ``vcr`` are ours."""
    found = config.stash.get(_VCR, None)
    if found is None:
        by_option = bool(config.getoption("harness_vcr"))
        found = config.stash[_VCR] = by_option or (tool_table(config) and tool_settings(config).vcr)
    return found


def tool_settings(config: pytest.Config) -> Settings:
    """Settings counted from the root of the tests, whatever folder pytest was started in. Raises ``pytest.UsageError``
    for those that can't be read.
    """
    found = config.stash.get(_SETTINGS, None)
    if found is None:
        found = config.stash[_SETTINGS] = _made(config)
    return found


def ignored_by_ci(config: pytest.Config) -> str:
    """The record mode that the command line asks for where this is a CI job, which only replays; else empty."""
    wish = config.getoption(_DEST)
    return str(wish) if wish in {"once", "record"} and tool_settings(config).ci else ""


def _made(config: pytest.Config) -> Settings:
    from dataclasses import replace  # noqa: PLC0415 - only tests that replay pay for it

    from harness.app.settings import settings  # noqa: PLC0415 - as above
    from harness.core.errors import UsageError  # noqa: PLC0415 - as above

    try:
        chosen = settings({"record_mode": config.getoption(_DEST)}, folder=config.rootpath)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    return replace(
        chosen,
        cassettes=config.rootpath / chosen.cassettes,
        record_mode="none" if chosen.ci else chosen.record_mode,
    )


@contextlib.contextmanager
def placeholder_keys(tape: Tape) -> Iterator[None]:
    """Keys of the providers that ``tape`` replays, in the environment: clients refuse to start without one."""
    from harness.backend import models  # noqa: PLC0415 - only tests that replay pay for it

    hosts = {urlsplit(one.request.url).hostname or "" for one in tape.exchanges} if tape.replaying else ()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in models.placeholder_keys(hosts, os.environ).items():
            patch.setenv(name, value)
        yield
