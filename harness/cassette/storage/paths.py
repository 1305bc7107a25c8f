"""Where a cassette lies: ``<root>/<suite>/<case>/<model>.json``, one file for each, whatever the names hold; and what
stands beside it.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.folders import below

_PLAIN = re.compile(r"[a-z0-9_.-]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 200


def cassette_path(root: Path | str, suite: str, case: str, model: str) -> Path:
    """The file of one case and model.

    Different names give different files, on file systems that ignore case as well; none leads out of
    ``root``. Raises ``UsageError`` for a name too long for a file system.
    """
    return Path(root) / escaped(suite) / escaped(case) / f"{escaped(model)}.json"


def recordings(place: Path) -> list[Path]:
    """``place`` itself, or every cassette below it, by path; what is left there of broken-off recordings is none.

    Raises ``UsageError`` for a folder that can't be read.
    """
    if not place.is_dir():
        return [place]
    return [file for file in sorted(below(place)) if file.suffix == ".json" and not file.name.endswith(".partial.json")]


def journal(path: Path) -> Path:
    """Where the recording of the cassette at ``path`` is written while it is under way."""
    return path.with_name(f"{path.name}.journal")


def partial(path: Path) -> Path:
    """Where a recording that was broken off is saved, beside the cassette that it was to become."""
    return path.with_name(f"{path.stem}.partial.json")


def free(path: Path) -> Path:
    """``path``, or one like it that is not taken: nothing that was recorded is overwritten."""
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem.removesuffix('.partial')}.{number}.partial{path.suffix}")
    return free


def is_partial(file: Path, path: Path) -> bool:
    """Whether ``file`` is ``x.partial.json`` or ``x.2.partial.json`` for the cassette ``x.json`` at ``path``."""
    return re.fullmatch(re.escape(path.stem) + r"(\.[0-9]+)?\.partial\.json", file.name) is not None


def escaped(name: str) -> str:
    """``name`` as a file name: ``/`` becomes ``+``, an upper-case letter ``^`` and itself in lower case, anything
    else outside ``a-z 0-9 _ . -`` its UTF-8 bytes as ``%xx``. No two names give the same.
    """
    made = "".join(_letter(letter) for letter in name)
    if made.startswith(".") or _RESERVED.fullmatch(made) or not made:
        made = f"%{made}"  # a lone % stands before no hex digits of ours: two are always followed by a letter class
    if made.endswith("."):
        made = f"{made[:-1]}%2e"
    if len(made) > _LONGEST:
        raise UsageError(f"the name {name[:40]!r}… is too long for a file; give the model a shorter label")
    return made


def _letter(letter: str) -> str:
    if _PLAIN.match(letter):
        return letter
    if letter == "/":
        return "+"
    if letter.isascii() and letter.isupper():
        return f"^{letter.lower()}"
    return "".join(f"%{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))
