"""Text of models, servers and files, made so that showing it does nothing but show it.

Escape sequences, control characters, overrides of the writing direction, separators that some
readers take for a line's end, and words that CI systems obey all come out as visible escapes. In Markdown it stands in
code spans and fenced blocks, where nothing is markup and nobody is mentioned.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

LONGEST = 2000
"""Characters of one text that a report shows."""

_JOINER = "\u200d"  # holds emoji together, and can do no more than that
# GitHub, Azure and TeamCity obey lines such as ::set-output, ##[command], ##vso[task] and ##teamcity[…].
_CI_WORDS = re.compile(r"##(?=\w*\[)|^(\s*)::", re.MULTILINE)
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def line(text: str, longest: int = LONGEST) -> str:
    """``text`` as one harmless line, its end cut off beyond ``longest`` characters."""
    shortened = text if len(text) <= longest else text[:longest]
    shown = _obeyed(_visible(shortened))
    return shown if len(text) <= longest else f"{shown}… ({len(text):,} characters)"


def block(text: str, longest: int = 50_000) -> str:
    """``text`` harmless, with its line ends and tabs."""
    shortened = text if len(text) <= longest else text[:longest]
    shown = _obeyed("\n".join(_visible(one, keep="\t") for one in shortened.replace("\r\n", "\n").split("\n")))
    return shown if len(text) <= longest else f"{shown}\n… ({len(text):,} characters)"


def _visible(text: str, keep: str = "") -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) if character not in keep else character for character in text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN or character == _JOINER:
        return character
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - widths of Python's own escapes


def _obeyed(text: str) -> str:
    return _CI_WORDS.sub(lambda found: "#\\#" if found[0].startswith("#") else f"{found[1]}\\::", text)


def say(console: Console, text: str, style: str = "", *, indent: int = 0) -> None:
    """Write ``text`` as one harmless line."""
    from rich.text import Text  # noqa: PLC0415 - only where a terminal is written to

    console.print(Text(" " * indent + line(text), style), soft_wrap=True)


def markdown_cell(text: str, longest: int = 200) -> str:
    """``text`` as plain words on one line, in a table or beside one."""
    return line(text, longest).replace("|", "\\|").replace("<", "&lt;")


def markdown_code(text: str, longest: int = 400) -> str:
    """``text`` as a code span, on one line; safe inside a table too, where a pipe is shown as ``¦``."""
    shown = line(text, longest).replace("|", "¦")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if not shown.strip() or shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{space}{shown}{space}{fence}"


def markdown_block(text: str, longest: int = 4000, language: str = "") -> str:
    """``text`` as a fenced block."""
    shown = block(text, longest)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence}{language}\n{shown}\n{fence}"
