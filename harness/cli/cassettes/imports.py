"""Take over what other tools recorded, as cassettes. The files stay as they are; what can't be taken over is told,
with its place and the reason.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from harness.cassette.importers.values import Skipped

EXAMPLES = """examples:
  harness cassettes import tests/cassettes/test_chat.yaml --to cassettes/imported
  harness cassettes import tests/cassettes --to cassettes/imported      every recording in the folder, each in its place
  harness cassettes import capture.har --to . --format polly            read as this, whatever it looks like
  harness cassettes import vcr.yml --to . --fill AWS_REGION=us-east-1   its URLs hold <AWS_REGION>, which VCR filtered

exit codes: 0 fine (what was left out is told), 2 a file can't be used, or nothing could be taken over, 3 something
was left out because it holds a secret
"""
_NOTHING, _LEAK = 2, 3


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="files or folders of another tool's recordings")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="where the cassettes go")
    parser.add_argument("--format", default="", metavar="NAME", help="what the files are (default: found by looking)")
    parser.add_argument(
        "--fill",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what stood where the recorder wrote <NAME>, such as AWS_REGION=us-east-1 (repeatable)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace cassettes that are there already")


def run(words: argparse.Namespace) -> int:
    from harness.cassette.importers import bring, sources
    from harness.cassette.importers.importer import NotARecordingError
    from harness.core.errors import HarnessError, UsageError
    from harness.report import safe_text

    found = sources(map(Path, words.files))
    if not found:
        raise UsageError("there is nothing to import in these folders; cassettes of ours need no import")
    fill = _filling(words.fill)
    taken, code, named = 0, 0, set(map(Path, words.files))
    left: list[Skipped] = []
    written: set[Path] = set()
    for file, name in found:
        try:
            came = bring(
                file,
                name,
                Path(words.to),
                known=words.format,
                overwrite=words.overwrite,
                fill=fill,
                earlier=written,
            )
        except NotARecordingError as error:
            sys.stderr.write(f"harness: {safe_text.line(str(error))}\n")
            code = max(code, 0 if file not in named else error.exit_code)  # a folder may hold other files
            continue
        except HarnessError as error:
            sys.stderr.write(f"harness: {safe_text.line(str(error))}\n")
            code = max(code, error.exit_code)
            continue
        written.update(came.written)
        taken, left = taken + came.result.taken, left + list(came.result.skipped)
        for one in came.result.skipped:
            sys.stderr.write(f"{safe_text.line(f'{file}: {one.place} was left out: {one.reason}')}\n")
        all_ = came.result.taken + len(came.result.skipped)
        to = came.written[0] if len(came.written) == 1 else f"{len(came.written)} cassettes"
        redacted = f", {came.result.redacted} secrets redacted" if came.result.redacted else ""
        line = f"{file}: {came.result.format}, {came.result.taken} of {all_} → {to}{redacted}"
        sys.stdout.write(safe_text.line(line) + "\n")
    sys.stdout.write(f"{taken} interaction{'' if taken == 1 else 's'} taken over, {len(left)} left out\n")
    if any(one.secret for one in left):
        return _LEAK
    return code or (0 if taken else _NOTHING)


def _filling(given: list[str]) -> dict[str, str]:
    from harness.core.errors import UsageError

    for one in given:
        name, equals, _ = one.partition("=")
        if not name or not equals:
            raise UsageError(f"--fill {one}: write it as NAME=VALUE, such as AWS_REGION=us-east-1")
    return {name.strip("<>"): value for name, _, value in (one.partition("=") for one in given)}
