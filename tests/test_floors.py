"""The rules of direction, read from the imports themselves: hidden, type-only and by-string imports included."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

HOUSE = Path(__file__).parent.parent / "harness"

# A file imports from a lower floor or from its own folder; folders on one floor don't import one another.
FLOORS = (
    {"core"},
    {"dialects"},
    {"interception", "worlds"},
    {"adapters", "backend", "cassette", "suite", "checks", "strategies"},
    {"engine"},
    {"drift", "mutation", "cards", "evaluation", "laws", "server", "local"},
    {"report"},
    {"app"},
    {"cli", "__init__", "__main__"},
)

# The one home of each heavy library.
OWNERS = {
    "litellm": {"adapters", "backend/library", "backend/completion", "backend/models"},
    "vcr": {"interception", "app/pytest_plugin/vcr"},
    "hypothesis": {"strategies"},
    "pytest": {"app/pytest_plugin"},
    "_pytest": {"app/pytest_plugin"},
    "yaml": {"cassette/importers", "suite/loader"},
    "xllamacpp": {"local"},
    "uvicorn": {"server"},
    "starlette": {"server"},
    "ray": {"engine/workers/ray_pool"},
    "fsspec": {"cassette/storage/remote"},
}
CEILING = 400
FILES = sorted(HOUSE.rglob("*.py"))


def part(file: Path) -> str:
    return file.relative_to(HOUSE).with_suffix("").as_posix()


def floor(name: str) -> int:
    return next((level for level, parts in enumerate(FLOORS) if name in parts), len(FLOORS) - 1)


@cache
def imports(file: Path) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{part(file)}:{node.lineno}: relative import"
            found += [f"{node.module}.{a.name}" for a in node.names] if node.module == "harness" else [str(node.module)]
        elif isinstance(node, ast.Call) and _imports_by_string(node.func):
            found += [str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return tuple(found)


def _imports_by_string(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in {"import_module", "__import__", "find_spec"}


def upward(file: Path) -> list[str]:
    own = part(file).split("/")[0]
    wrong = []
    for name in imports(file):
        other = name.split(".")[1] if name.startswith("harness.") else own
        other = other if (HOUSE / other).exists() or (HOUSE / f"{other}.py").exists() else "__init__"
        if (
            other != own
            and floor(other) >= floor(own)
            and own != "__main__"
            and not (own == "cli" and other == "__init__")
        ):
            wrong.append(f"{part(file)} imports {name}")
    return wrong


def strangers(file: Path) -> list[str]:
    here = part(file)
    return [
        f"{here} imports {name}"
        for name in imports(file)
        for homes in [OWNERS.get(name.split(".")[0])]
        if homes is not None and not any(here == home or here.startswith(home + "/") for home in homes)
    ]


def test_imports_point_down():
    assert [wrong for file in FILES for wrong in upward(file)] == []


def module(file: Path) -> str:
    return ".".join(("harness", *file.relative_to(HOUSE).with_suffix("").parts)).removesuffix(".__init__")


def test_there_is_no_circle():
    """Type-only imports count: two files that know each other are one thought in two places."""
    named = {module(file): file for file in FILES}
    needs: dict[str, set[str]] = {}
    for name, file in named.items():
        nodes = [
            node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
        ]
        found = {(f"{node.module}.{alias.name}", str(node.module)) for node in nodes for alias in node.names}
        needs[name] = {part if part in named else whole for part, whole in found} & named.keys() - {name}
    while free := {name for name, others in needs.items() if not others & needs.keys()}:
        needs = {name: others for name, others in needs.items() if name not in free}
    assert sorted(needs) == []


def test_each_library_has_one_home():
    assert [wrong for file in FILES for wrong in strangers(file)] == []


def test_files_stay_readable():
    long = {
        part(file): count for file in FILES if (count := len(file.read_text(encoding="utf-8").splitlines())) > CEILING
    }
    assert long == {}


def test_an_import_by_string_is_seen(tmp_path):
    file = tmp_path / "one.py"
    file.write_text("import importlib\nimportlib.import_module('litellm')\n__import__('ray')\n")
    assert {"litellm", "ray"} <= set(imports(file))
