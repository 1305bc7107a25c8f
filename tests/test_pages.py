"""What the pages name is there: files, names in the code, tests, links."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from tests.test_floors import FLOORS

ROOT = Path(__file__).parent.parent
PAGES = sorted(str(one.relative_to(ROOT)) for one in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
SCRIPTS = sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("scripts/*.py"), *ROOT.glob("docs/pictures/*.py")])
PATH = re.compile(r"(?<![\w./-])((?:harness|docs|benchmarks)/[\w./…-]*\w|(?:tests|suites)/[\w/]*\w\.py)")
DOTTED = re.compile(r"`harness((?:\.\w+)+)\b")
LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]*))?\)")
MENTIONED = re.compile(r"`((?:tests/[\w/]*/)?test_\w+\.py)(?:: ([^`]*))?`")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page):
    named = PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 20 or page not in ("docs/architecture.md", "CONTRIBUTING.md")
    assert [one for one in named if not any(ROOT.glob(one.replace("…", "*")))] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_name_in_the_code_that_a_page_names_is_there(page):
    for dotted in DOTTED.findall((ROOT / page).read_text(encoding="utf-8")):
        module, _, name = f"harness{dotted}".rpartition(".")
        found = importlib.import_module(module)
        assert hasattr(found, name) or importlib.import_module(f"{module}.{name}")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for file, anchor in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), file
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_test_that_the_page_of_promises_names_is_there():
    named = MENTIONED.findall((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8"))
    assert len(named) > 50
    for file, tests in named:
        path = next(one for one in (ROOT / file, ROOT / "tests/cassette" / file) if one.exists())
        text = path.read_text(encoding="utf-8")
        for test in re.findall(r"\w+", tests.replace("…", "")):
            assert re.search(rf"\b{test}", text), (file, test)


def test_every_folder_stands_in_the_picture():
    picture = (ROOT / "docs" / "pictures" / "floors.svg").read_text(encoding="utf-8")
    folders = {one.name for one in (ROOT / "harness").iterdir() if one.is_dir() and one.name != "__pycache__"}
    assert {one for one in folders if f">{one}/<" not in picture} == set()
    assert folders <= {name for floor in FLOORS for name in floor}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.name)
def test_what_a_script_imports_is_there(script):
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness"):
            found = importlib.import_module(node.module)
            for one in node.names:
                assert hasattr(found, one.name) or importlib.import_module(f"{node.module}.{one.name}")
