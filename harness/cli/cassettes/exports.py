"""Write a cassette as stock vcrpy's YAML. vcrpy keeps bodies whole: a stream's chunks and times stay behind, and
an exchange that it has no form for, such as a failed connection, is left out and told.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.finding import count

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness cassettes export cassettes/tools/one-tool/openai+smollm2-135m.json --to tests/cassettes/one_tool.yaml

exit codes: 0 fine (what was left out is told), 2 a file can't be used, or nothing could be exported, 3 a
secret is in it (nothing was written)
"""
_NOTHING = 2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cassette", metavar="CASSETTE", help="a cassette file")
    parser.add_argument("--to", required=True, metavar="FILE", help="the YAML file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it is there already")


def run(words: argparse.Namespace) -> int:
    from harness.cassette import load
    from harness.cassette.importers import interactions, to_yaml
    from harness.cassette.secrets.leak_scan import LeakScan
    from harness.report import safe_text

    cassette = load(words.cassette)
    document, left = interactions(cassette)
    for one in left:
        sys.stderr.write(safe_text.line(f"{words.cassette}: {one.place} was left out: {one.reason}") + "\n")
    made = len(document["interactions"])
    if made:
        text = to_yaml(document)
        LeakScan().refuse_text(text, words.to)
        _write(Path(words.to), text, overwrite=words.overwrite)
        whole = count(len(cassette.exchanges), "exchange")
        sys.stdout.write(safe_text.line(f"{made} of {whole} → {words.to}") + "\n")
        return 0
    sys.stderr.write("harness: there is nothing to export in it\n")
    return _NOTHING


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    from harness.core.errors import UsageError

    if path.suffix not in {".yaml", ".yml"}:
        raise UsageError(f"{path}: vcrpy's YAML goes into a .yaml file")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already; --overwrite replaces it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{path}: can't be written: {error.strerror}") from error
