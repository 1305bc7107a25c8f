"""The committed card of the local model comes out of the committed cassettes again, byte for byte."""

from pathlib import Path

from harness.__main__ import main
from harness.report.cards import document

ROOT = Path(__file__).parents[2]
CARD = ROOT / "docs" / "cards" / "local.json"


def test_the_local_models_cards_reproduce(tmp_path, monkeypatch, capfd):
    """H1 to H6, which take as long again, are left out here; `cmp` in docs/card.md has them."""
    monkeypatch.chdir(ROOT)
    code = main(["card", "--no-self-checks", "--json", str(tmp_path / "card.json")])
    assert code == 0, capfd.readouterr().err
    told = CARD.read_text(encoding="utf-8")
    kept = []
    for card in document.read(told, "local.json"):
        cells = tuple(cell for cell in card.cells if not cell.check.startswith("H"))
        kept.append((card, cells))
    again = document.read((tmp_path / "card.json").read_text(encoding="utf-8"), "card.json")
    assert [card.model for card, _ in kept] == [card.model for card in again]
    for (card, cells), made in zip(kept, again, strict=True):
        assert made.cells == cells
        assert made.measures == card.measures
        assert made.finishes == card.finishes
        assert {cell.verdict for cell in card.cells if cell.check.startswith("H")} == {"pass"}
