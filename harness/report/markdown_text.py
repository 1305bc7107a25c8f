"""Text of models, providers and files in Markdown: code spans and fenced blocks, where nothing is markup and nobody is
mentioned.
"""

from __future__ import annotations

import re

from harness.report import safe_text


def code(text: str, longest: int = 400) -> str:
    """``text`` as a code span, on one line; safe inside a table too, where a pipe is shown as ``¦``."""
    shown = safe_text.line(text, longest).replace("|", "¦")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if not shown.strip() or shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{space}{shown}{space}{fence}"


def block(text: str, longest: int = 4000, language: str = "") -> str:
    """``text`` as a fenced block."""
    shown = safe_text.block(text, longest)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence}{language}\n{shown}\n{fence}"
