"""Every name has a file of its own, below the root, on file systems that ignore case as well."""

from __future__ import annotations

import contextlib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette.storage.paths import cassette_path, escaped
from harness.core.errors import UsageError

NAMES = [
    "openai/gpt-4o",
    "openai:gpt-4o",
    "openai-gpt-4o",
    "OpenAI/gpt-4o",
    "openai+gpt-4o",
    "openai%2fgpt-4o",
    unicodedata.normalize("NFC", "é"),
    unicodedata.normalize("NFD", "é"),
    "..",
    ".",
    "../x",
    "/etc/passwd",
    "~",
    "con",
    "CON",
    "nul.txt",
    "a\0b",
    "a.",
    "a",
    "A",
    "^a",
    "",
    " ",
    "%",
    "%2e",
    "%.",
]


def test_different_names_have_different_files_whatever_the_case() -> None:
    files = [escaped(name).casefold() for name in NAMES]
    assert len(set(files)) == len(NAMES)


FITTING = st.text(max_size=16)
"""Names short enough for a file, whatever they hold: a character becomes twelve at most."""


@given(FITTING, FITTING)
def test_no_two_names_meet(one: str, other: str) -> None:
    assert (escaped(one).casefold() == escaped(other).casefold()) == (one == other)


@given(st.text(max_size=60))
def test_a_name_is_a_file_name_whole_or_is_refused(name: str) -> None:
    if len(name) <= 16 or (name.isascii() and name.islower()):
        assert len(escaped(name)) <= 200
    with contextlib.suppress(UsageError):
        assert len(escaped(name)) <= 200


@given(st.text(max_size=15), st.text(max_size=15), st.text(max_size=15))
def test_no_name_leads_out(suite: str, case: str, model: str) -> None:
    path = cassette_path("root", suite, case, model)
    assert len(path.parts) == 4
    assert ".." not in path.parts
    assert path.name.isascii()
    assert "/" not in path.name


def test_a_usual_name_is_readable() -> None:
    assert cassette_path("cassettes", "tools", "one-tool", "openai/gpt-4o-mini") == Path(
        "cassettes/tools/one-tool/openai+gpt-4o-mini.json"
    )


def test_a_name_too_long_is_told() -> None:
    with pytest.raises(UsageError, match="too long"):
        escaped("x" * 300)
