"""What architecture.md and CONTRIBUTING.md say of the house is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_floors import FLOORS

ROOT = Path(__file__).parent.parent
PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
PATH = re.compile(r"`((?:harness|tests|docs|benchmarks|suites)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page):
    named = PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 20
    assert [one for one in named if not (ROOT / one).exists()] == []


def test_every_folder_stands_in_the_picture():
    picture = (ROOT / "docs" / "pictures" / "floors.svg").read_text(encoding="utf-8")
    folders = {one.name for one in (ROOT / "harness").iterdir() if one.is_dir() and one.name != "__pycache__"}
    assert {one for one in folders if f">{one}/<" not in picture} == set()
    assert folders <= {name for floor in FLOORS for name in floor}
