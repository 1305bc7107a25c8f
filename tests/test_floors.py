"""The house's rules of direction, read from the imports themselves, hidden ones included."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "harness"

# A file imports from a lower floor or from its own folder; shelves on one floor don't meet.
FLOORS = (
    {"chat", "exchange", "observation", "finding", "errors", "expectation", "change", "card"},
    {"wire"},
    {"backend", "cassette", "suite", "checks", "strategies"},
    {"laws"},
    {"run"},
    {"report", "server", "local"},
    {
        "assembly",
        "cards",
        "drift",
        "environments",
        "housekeeping",
        "recipes",
        "settings",
        "cli",
        "pytest_plugin",
        "pytest_laws",
        "pytest_serving",
        "__init__",
        "__main__",
    },
)
# The words of floor 0 may know one another, and so may the doors.
OPEN_FLOORS = {0, len(FLOORS) - 1}

# The one home of each heavy library.
OWNERS = {
    "litellm": {"backend/library", "backend/completion"},
    "vcr": {"cassette"},
    "hypothesis": {"strategies", "laws"},
    "pytest": {"pytest_plugin", "pytest_laws", "pytest_serving"},
    "_pytest": {"pytest_plugin"},
    "yaml": {"cassette/imports", "suite/loader"},
    "xllamacpp": {"local"},
    "uvicorn": {"server"},
    "starlette": {"server"},
    "ray": {"run/executors/on_ray"},
    "fsspec": {"cassette/remote"},
}


def place(file: Path) -> str:
    return file.relative_to(HOUSE).with_suffix("").as_posix()


def floor(part: str) -> int:
    return next(level for level, parts in enumerate(FLOORS) if part in parts)


def imports(file: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import, line {node.lineno}"
            found += (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "harness"
                else [str(node.module)]
            )
    return found


FILES = sorted(HOUSE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=place)
def test_imports_point_down(file: Path) -> None:
    own = place(file).split("/")[0]
    for name in imports(file):
        if not name.startswith("harness."):
            continue
        other = name.split(".")[1]
        if other == own or (other.startswith("__") and own == "cli"):
            continue
        if not (HOUSE / other).exists() and not (HOUSE / f"{other}.py").exists():
            other = "__init__"
        lower = floor(other) < floor(own)
        beside = floor(other) == floor(own) and floor(own) in OPEN_FLOORS
        assert lower or beside, f"{place(file)} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=place)
def test_each_library_has_one_home(file: Path) -> None:
    here = place(file)
    for name in imports(file):
        homes = OWNERS.get(name.split(".")[0])
        assert homes is None or any(here == home or here.startswith(home + "/") for home in homes), f"{here}: {name}"


@pytest.mark.parametrize("file", FILES, ids=place)
def test_files_stay_readable(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 260
