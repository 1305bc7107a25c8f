"""The page on drift has the table of consequences as it is."""

from pathlib import Path

from harness.drift.consequences import CONSEQUENCES

PAGE = (Path(__file__).parents[2] / "docs" / "drift.md").read_text(encoding="utf-8")


def test_every_consequence_is_documented():
    for one in CONSEQUENCES:
        assert f"| `{one.what}` | {one.grade} | {one.means} |" in PAGE
