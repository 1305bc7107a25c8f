"""Cassettes from what other tools recorded, and for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.core.finding import count

if TYPE_CHECKING:
    import argparse

    from harness.cassette.importers.values import Skipped

_NOTHING, _LEAK = 2, 3


class Import:
    """Take over what other tools recorded, as cassettes. The files stay as they are; what can't be taken over is
    listed with its place and the reason.
    """

    EXAMPLES = """examples:
  harness cassettes import tests/cassettes/test_chat.yaml --to cassettes/imported
  harness cassettes import tests/cassettes --to cassettes/imported      every recording in the folder, each in its place
  harness cassettes import capture.har --to . --format polly            read as this, whatever it looks like
  harness cassettes import vcr.yml --to . --fill AWS_REGION=us-east-1   its URLs hold <AWS_REGION>, which VCR filtered

exit codes: 0 fine (what was left out is listed), 2 a file can't be used, or nothing could be taken over, 3 something
was left out because it holds a secret
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="files or folders of another tool's recordings")
        parser.add_argument("--to", required=True, metavar="FOLDER", help="where the cassettes go")
        parser.add_argument(
            "--format", default="", metavar="NAME", help="what the files are (default: found by looking)"
        )
        parser.add_argument(
            "--fill",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="what stood where the recorder wrote <NAME>, such as AWS_REGION=us-east-1 (repeatable)",
        )
        parser.add_argument("--overwrite", action="store_true", help="replace cassettes that are there already")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.cassette.importers import bring, sources
        from harness.cassette.importers.importer import NotARecordingError
        from harness.core.errors import HarnessError, UsageError
        from harness.report import safe_text

        found = sources(map(Path, args.files))
        if not found:
            raise UsageError("there is nothing to import in these folders; cassettes of ours need no import")
        fill = _filling(args.fill)
        taken, code, named = 0, 0, set(map(Path, args.files))
        left: list[Skipped] = []
        written: set[Path] = set()
        for file, name in found:
            try:
                came = bring(
                    file,
                    name,
                    Path(args.to),
                    known=args.format,
                    overwrite=args.overwrite,
                    fill=fill,
                    earlier=written,
                )
            except NotARecordingError as error:
                options.warn(str(error))
                code = max(code, 0 if file not in named else error.exit_code)  # a folder may hold other files
                continue
            except HarnessError as error:
                options.warn(str(error))
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


def _filling(options: list[str]) -> dict[str, str]:
    from harness.core.errors import UsageError

    for one in options:
        name, equals, _ = one.partition("=")
        if not name or not equals:
            raise UsageError(f"--fill {one}: write it as NAME=VALUE, such as AWS_REGION=us-east-1")
    return {name.strip("<>"): value for name, _, value in (one.partition("=") for one in options)}


class Export:
    """Write a cassette as stock vcrpy's YAML. vcrpy keeps bodies whole: a stream's chunks and times stay behind, and
    an exchange that it has no form for, such as a failed connection, is left out and listed.
    """

    EXAMPLES = """examples:
  harness cassettes export cassettes/tools/one-tool/openai+smollm2-135m.json --to tests/cassettes/one_tool.yaml

exit codes: 0 fine (what was left out is listed), 2 a file can't be used, or nothing could be exported, 3 a
secret is in it (nothing was written)
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("cassette", metavar="CASSETTE", help="a cassette file")
        parser.add_argument("--to", required=True, metavar="FILE", help="the YAML file to write")
        parser.add_argument("--overwrite", action="store_true", help="replace the file if it is there already")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.cassette import load
        from harness.cassette.importers import interactions, to_yaml
        from harness.cassette.secrets.leak_scan import LeakScan
        from harness.report import safe_text

        cassette = load(args.cassette)
        document, left = interactions(cassette)
        for one in left:
            sys.stderr.write(safe_text.line(f"{args.cassette}: {one.place} was left out: {one.reason}") + "\n")
        made = len(document["interactions"])
        if made:
            text = to_yaml(document)
            LeakScan().refuse_text(text, args.to)
            _write(Path(args.to), text, overwrite=args.overwrite)
            whole = count(len(cassette.exchanges), "exchange")
            sys.stdout.write(safe_text.line(f"{made} of {whole} → {args.to}") + "\n")
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
