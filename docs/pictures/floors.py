"""Draw ``floors.svg``, the picture of docs/architecture.md, from the rules that the floor test holds:
``python docs/pictures/floors.py`` in the project's folder.
"""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WIDTH, HIGH, GAP, MARGIN = 1000, 64, 14, 16
NOT_FOLDERS = {"__init__", "__main__"}
SIDE = 24


def purpose(folder: str) -> str:
    """The first sentence of a folder's own docstring, up to its colon."""
    text = ast.get_docstring(ast.parse((ROOT / "harness" / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0].split(":")[0].split(". ")[0].rstrip(".")


def box(folder: str, left: float, top: float, width: float) -> str:
    words, lines = purpose(folder).split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > width / 6.2:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    text = "".join(
        f'<text x="{left + 10:.0f}" y="{top + 38 + 14 * number}" class="why">{escape(line)}</text>'
        for number, line in enumerate(lines[:2])
    )
    return (
        f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{HIGH}" rx="6"/>'
        f'<text x="{left + 10:.0f}" y="{top + 21}" class="name">{folder}/</text>{text}'
    )


def main() -> None:
    floors = runpy.run_path(str(ROOT / "tests" / "test_floors.py"))["FLOORS"]
    drawn, top = [], MARGIN
    for floor in reversed(floors):
        folders = sorted(floor - NOT_FOLDERS)
        width = (WIDTH - 2 * SIDE - GAP * (len(folders) - 1)) / len(folders)
        drawn += [box(folder, SIDE + number * (width + GAP), top, width) for number, folder in enumerate(folders)]
        top += HIGH + GAP
    height = top + MARGIN
    style = (
        "rect{fill:#f6f8fa;stroke:#57606a}text{font-family:sans-serif;fill:#1f2328}"
        ".name{font-size:14px;font-weight:bold}.why{font-size:11px;fill:#57606a}"
        "@media(prefers-color-scheme:dark){rect{fill:#161b22;stroke:#8b949e}text{fill:#e6edf3}.why{fill:#8b949e}}"
    )
    line = f"M10 {MARGIN} V{height - 2 * MARGIN} m-5 -9 l5 9 l5 -9"
    arrow = f'<path d="{line}" fill="none" stroke="#57606a" stroke-width="2"/>'
    (HERE / "floors.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>The floors of harness/: a file imports from a lower floor or from its own folder</title>"
        f"<style>{style}</style>{arrow}{''.join(drawn)}</svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
