"""What `harness init` writes: a suite, a test and a CI job, for the providers whose keys are set or the local model."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.folders import is_there
from harness.dialects.providers import PROFILES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOCAL = "{label: local, backend: openai, name: smollm2-135m, hostname: http://127.0.0.1:8790/v1, api_key_env: KEY}"
LOCAL_KEY = "HARNESS_LOCAL_KEY"
"""The environment variable that the shipped models take the local server's key from."""
LOCAL_MODEL = "openai/smollm2-135m"

_SUITE = """# What your models must do. `harness record` asks them once, `harness run` replays their answers offline.
models: [MODELS]
tools:
  - name: weather
    description: Get the weather of a city.
    parameters: {type: object, properties: {city: {type: string}}, required: [city]}
cases:
  - id: calls-the-tool
    messages: [{user: "What is the weather in Paris? Use the tool."}]
    tools: [weather]
    tool_choice: required
    expect: {call_count: {min: 1}}
  - id: answers-in-words
    messages: [{user: "Say hello in one short sentence."}]
    max_tokens: 60
    expect: {text: {empty: false}, no_calls: true}
"""
SETTINGS = "pyproject.toml"
TABLE = "[tool.harness]"
_SETTINGS = f"""{TABLE}
suites = ["suites"]  # pytest runs them too, an item for each case and model
"""
_TEST = '''"""A test whose HTTP requests are answered from a cassette. Record: pytest --harness-record-mode=once"""

import harness
import pytest

MODEL = "NAME"


@pytest.mark.cassette
def test_says_hello():
    reply = harness.complete(MODEL, [{"role": "user", "content": "Say hello in one short sentence."}]WHERE)
    assert reply.text
'''
_WORKFLOW = """name: harness
on: [push, pull_request]
permissions: {contents: read}
jobs:
  replay:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v5
        with: {python-version: "3.12"}
      - run: pip install toolcall-harness  # not on PyPI yet: put the wheel, or the repository's address, in its place
      - name: Nothing is recorded yet
        if: hashFiles('cassettes/**/*.json') == ''
        run: echo "::notice::nothing is recorded yet, so nothing was replayed; run harness record and commit cassettes/"
      - name: Replay the suites                       # offline, no key is needed
        if: hashFiles('cassettes/**/*.json') != ''
        run: harness run --junit report.xml
      - name: Search recordings for secrets
        if: hashFiles('cassettes/**/*.json') != ''
        run: harness cassettes audit cassettes suites tests
      - name: The test's recording is missing
        if: hashFiles('tests/cassettes/**/*.json') == ''
        run: echo "::notice::nothing is recorded; run pytest tests --harness-record-mode=once, commit tests/cassettes/"
      - name: Test
        if: hashFiles('tests/cassettes/**/*.json') != ''
        run: pytest tests
"""


@dataclass(frozen=True, slots=True)
class Started:
    """``written`` and ``kept`` are files, ``providers`` whose keys are set; none means the local model.
    ``unmentioned``: a pyproject.toml that was there names no suites.
    """

    written: tuple[Path, ...]
    kept: tuple[Path, ...]
    providers: tuple[str, ...]
    unmentioned: bool


def start(folder: Path, environment: Mapping[str, str]) -> Started:
    """Write what is not there yet; nothing is overwritten. Raises ``UsageError`` where it can't be written."""
    providers = tuple(
        name for name, row in PROFILES.items() if row.starter and any(environment.get(key) for key in row.keys)
    )
    written, existing = [], []
    for name, text in _files(providers).items():
        file = folder / name
        if is_there(file):
            existing.append(file)
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{file}: can't be written: {error.strerror}") from error
        written.append(file)
    return Started(
        tuple(written), tuple(existing), providers, unmentioned=folder / SETTINGS in existing and not _named(folder)
    )


def _named(folder: Path) -> bool:
    try:
        tables = tomllib.loads((folder / SETTINGS).read_text("utf-8", "replace"))
    except (OSError, tomllib.TOMLDecodeError):
        return False
    tools = tables.get("tool")
    return isinstance(tools, dict) and "harness" in tools


def _files(providers: tuple[str, ...]) -> dict[str, str]:
    names = [f"{name}/{PROFILES[name].starter}" for name in providers]
    models = ", ".join(names) or _LOCAL.replace("KEY", LOCAL_KEY)
    name, where = (names[0], "") if names else (LOCAL_MODEL, _WHERE)
    test = _TEST.replace("NAME", name).replace("WHERE", where)
    return {
        SETTINGS: _SETTINGS,
        "suites/first.yaml": _SUITE.replace("MODELS", models),
        "tests/test_first.py": test if names else test.replace("import harness\n", "import os\n\nimport harness\n"),
        ".github/workflows/harness.yml": _WORKFLOW,
    }


_WHERE = f""", api_base="http://127.0.0.1:8790/v1", api_key=os.environ.get("{LOCAL_KEY}", "any")"""
