"""The house's rules of direction, read from the imports themselves, hidden ones included."""

from __future__ import annotations

import ast
import re
from pathlib import Path

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
    "litellm": {"backend/library", "backend/completion", "backend/parsing"},
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


LONGEST = 400
MODULE = re.compile(r"\w+(\.\w+)*")


def place(file: Path) -> str:
    return file.relative_to(HOUSE).with_suffix("").as_posix()


def floor(part: str) -> int:
    return next(level for level, parts in enumerate(FLOORS) if part in parts)


def imports(file: Path) -> list[str]:
    """Every module that ``file`` imports, by a statement or by its name in a string.

    Where the name is no literal, each string that names an owned library is taken for one.
    """
    found, computed, strings = [], False, list[str]()
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
        elif isinstance(node, ast.Call) and node.args and called(node.func) in {"import_module", "__import__"}:
            name = node.args[0]
            literal = isinstance(name, ast.Constant) and isinstance(name.value, str)
            found += [name.value] if literal else []
            computed |= not literal
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.append(node.value)
    owned = (text for text in strings if MODULE.fullmatch(text) and text.partition(".")[0] in OWNERS)
    return found + (list(owned) if computed else [])


def called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


FILES = sorted(HOUSE.rglob("*.py"))
IMPORTS = {file: imports(file) for file in FILES}


def wrong_directions(file: Path) -> list[str]:
    own = place(file).split("/")[0]
    found = []
    for name in IMPORTS[file]:
        if not name.startswith("harness."):
            continue
        other = name.split(".")[1]
        if other == own or (other.startswith("__") and own == "cli"):
            continue
        if not (HOUSE / other).exists() and not (HOUSE / f"{other}.py").exists():
            other = "__init__"
        lower = floor(other) < floor(own)
        beside = floor(other) == floor(own) and floor(own) in OPEN_FLOORS
        if not (lower or beside):
            found.append(f"{place(file)} imports {name}")
    return found


def strangers(file: Path) -> list[str]:
    """The libraries that ``file`` imports and that have their home elsewhere."""
    here = place(file)
    homes = ((name, OWNERS.get(name.split(".")[0])) for name in IMPORTS[file])
    return [
        f"{here} imports {name}"
        for name, allowed in homes
        if allowed is not None and not any(here == home or here.startswith(home + "/") for home in allowed)
    ]


def test_imports_point_down() -> None:
    assert [wrong for file in FILES for wrong in wrong_directions(file)] == []


def test_each_library_has_one_home() -> None:
    assert [wrong for file in FILES for wrong in strangers(file)] == []


def test_files_stay_readable() -> None:
    lengths = {place(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_imports_by_string_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text(
        "import importlib\nfrom importlib import import_module as import_module\n"
        'one = importlib.import_module("litellm.types")\ntwo = __import__("ray")\nthree = import_module("yaml")\n'
        'four = importlib.import_module({"a": "fsspec.core"}["a"])\n'
    )
    assert {"litellm.types", "ray", "yaml", "fsspec.core"} <= set(imports(file))
