"""Look into cassettes: what one holds, why it does not answer a request, faults of all of them, secrets in them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from harness.app.settings import Settings
    from harness.core.exchange import HttpRequest

_SUITES = {".yaml", ".yml"}
_SECRET_FOUND = 3


class Show:
    """Show what a cassette holds: all its exchanges in short, or one of them whole: the request, the response as it
    came, and what it decodes to.
    """

    EXAMPLES = """examples:
  harness cassettes show cassettes/tools/one-tool/openai+smollm2-135m.json        its exchanges in short
  harness cassettes show cassettes/tools/one-tool/openai+smollm2-135m.json 0      the first one whole
  harness cassettes show cassettes/tools/one-tool/openai+smollm2-135m.json 0 --raw > body     the response's bytes
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("cassette", metavar="CASSETTE", help="a cassette file")
        parser.add_argument("exchange", metavar="N", nargs="?", type=int, help="which exchange, counted from 0")
        parser.add_argument("--raw", action="store_true", help="write the response's body as it came, byte for byte")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.cassette import load
        from harness.core.errors import UsageError
        from harness.report import exchanges

        cassette = load(args.cassette)
        number = len(cassette.exchanges)
        if args.exchange is None:
            if args.raw:
                raise UsageError("--raw needs the number of an exchange")
            sys.stdout.write(exchanges.heading(args.cassette, cassette.provenance, number))
            for place, exchange in enumerate(cassette.exchanges):
                sys.stdout.write(exchanges.short(place, exchange))
            return 0
        if not 0 <= args.exchange < number:
            last = f"they are 0 to {number - 1}" if number else "it is empty"
            raise UsageError(f"{args.cassette}: there is no exchange {args.exchange}; {last}")
        exchange = cassette.exchanges[args.exchange]
        if args.raw:
            sys.stdout.buffer.write(exchange.response.body if exchange.response else b"")
            return 0
        sys.stdout.write(exchanges.heading(args.cassette, cassette.provenance, number))
        sys.stdout.write(exchanges.whole(args.exchange, exchange))
        return 0


class Explain:
    """Tell why a cassette does not answer a request: the nearest recording, and each leaf that differs."""

    EXAMPLES = """examples:
  harness cassettes explain cassettes/text/hello/openai+m.json asked.json     a request's body in a file
  … | harness cassettes explain cassettes/text/hello/openai+m.json -          or from standard input
  harness cassettes explain a.json b.json#0                                   a request of another cassette

Of a body alone, method and URL are taken to be those of the recording that it is compared with.

exit codes: 0 a recording answers it, 1 none does, 2 a file can't be used
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("cassette", metavar="CASSETTE", help="a cassette file")
        parser.add_argument("request", metavar="REQUEST", help="a body (a file, or -), or CASSETTE#N")
        parser.add_argument(
            "--most", type=int, default=20, metavar="N", help="show at most N differences (default: 20)"
        )

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.app.settings import settings
        from harness.cassette import load, matching
        from harness.core.errors import CassetteError, UsageError
        from harness.report import safe_text

        if args.most < 1:
            raise UsageError(f"--most {args.most} shows nothing; give at least 1")
        matcher = settings({}).matcher()
        cassette = load(args.cassette)
        if not cassette.exchanges:
            raise CassetteError(f"{args.cassette}: holds no exchange", path=args.cassette)
        recorded = [exchange.request for exchange in cassette.exchanges]
        requests = _requests(args.request, recorded)
        same = [
            number
            for number, one in enumerate(requests)
            if matching.key(recorded[number], matcher) == matching.key(one, matcher)
        ]
        if same:
            places = ", ".join(map(str, same))
            sys.stdout.write(f"{args.cassette}: answers it with exchange {places}, in that order, each once\n")
            return 0
        near = matching.nearest(recorded, requests[0], matcher=matcher) or 0
        sys.stdout.write(
            safe_text.line(f"{args.cassette}: no exchange answers it; the nearest is exchange {near}") + "\n"
        )
        for difference in matching.differences(recorded[near], requests[near], most=args.most, matcher=matcher):
            sys.stdout.write(f"  {safe_text.line(difference)}\n")
        return 1


def _requests(word: str, recorded: list[HttpRequest]) -> list[HttpRequest]:
    """The request, as it is to be compared with each of ``recorded``."""
    from dataclasses import replace
    from pathlib import Path

    from harness.cassette import load
    from harness.core.errors import UsageError
    from harness.dialects.framing.sse import is_json

    file, mark, place = word.rpartition("#")
    if mark and place.isdecimal():
        exchanges = load(file).exchanges
        if int(place) >= len(exchanges):
            raise UsageError(f"{file}: there is no exchange {place}; it holds {len(exchanges)}")
        return [exchanges[int(place)].request] * len(recorded)
    try:
        body = sys.stdin.buffer.read() if word == "-" else Path(word).read_bytes()
    except OSError as error:
        raise UsageError(f"{word}: can't be read: {error.strerror}") from error
    if is_json(recorded[0].body) and not is_json(body):
        raise UsageError(f"{word}: is no JSON, and the recorded requests are")
    return [replace(one, body=body.strip()) for one in recorded]


class Check:
    """Check suites and cassettes, and list all their faults at once. Nothing is run, and no backend is loaded."""

    EXAMPLES = """examples:
  harness cassettes check                               the folders suites and cassettes
  harness cassettes check suites/tools.yaml cassettes/tools

In a folder, what broken-off recordings left (….partial.json) is passed over; `harness prune` removes it.

exit codes: 0 all sound, 2 something is not, or there is nothing to check
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="*", metavar="PATH", help="suite files, cassette files, or folders of either"
        )
        parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes, where no PATH is given")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.app.inventory import usual_paths
        from harness.app.settings import settings
        from harness.core.errors import UsageError
        from harness.report import safe_text

        chosen = settings({"cassettes": args.cassettes})
        paths = [Path(path) for path in args.paths]
        chosen_paths = paths or usual_paths(chosen)
        suites, cassettes, problems = _sorted(chosen_paths)
        if not (suites or cassettes or problems):
            where = (
                ", ".join(map(str, chosen_paths)) or f"{', '.join(map(str, (*chosen.suites, chosen.cassettes)))} here"
            )
            raise UsageError(f"nothing to check: no suite and no cassette in {where}")
        missing = _missing(suites, chosen, problems)
        problems += _cassette_problems(cassettes)
        for problem in problems:
            sys.stderr.write(f"{safe_text.line(problem)}\n")
        looked = f"{count(len(suites), 'suite file')}, {count(len(cassettes), 'cassette')}"
        faults = count(len(problems), "fault") if problems else "no faults"
        left = f"; no cassette for {count(missing, 'case')}, see `harness cassettes list`" if missing else ""
        sys.stdout.write(f"{looked}: {faults}{left}\n")
        return 2 if problems else 0


def _sorted(paths: Iterable[Path]) -> tuple[list[Path], list[Path], list[str]]:
    from harness.cassette.storage.paths import recordings
    from harness.core.folders import is_there, listed

    suites: list[Path] = []
    cassettes: list[Path] = []
    problems = []
    for path in paths:
        if is_there(path) and path.is_dir():
            suites += [file for file in listed(path) if file.suffix in _SUITES and file.name != "models.yaml"]
            cassettes += recordings(path)
        elif not is_there(path):
            problems.append(f"{path}: no such file or folder")
        elif path.suffix in _SUITES:
            suites.append(path)
        else:
            cassettes.append(path)
    return suites, cassettes, problems


def _missing(files: Sequence[Path], chosen: Settings, problems: list[str]) -> int:
    """How many cases have no cassette, which is no fault: one may ask nothing. Faults of suites go to ``problems``."""
    import functools

    from harness.cassette import cassette_path
    from harness.core.errors import SuiteError, UsageError
    from harness.engine.events import ALL, jobs

    if not files:
        return 0
    from harness.suite import load_suites

    try:
        planned = jobs(load_suites(files), ALL, functools.partial(cassette_path, chosen.cassettes))
    except SuiteError as error:
        problems += error.problems
        return 0
    except UsageError:
        return 0  # no case in them
    return sum(not job.has_cassette for job in planned)


def _cassette_problems(files: Iterable[Path]) -> list[str]:
    from harness.app.inventory import inspected

    problems = []
    for one in map(inspected, files):
        if one.problem:
            problems.append(one.problem)
        elif one.use == "left over":
            problems.append(f"{one.path}: a recording that was broken off; record the case again, then delete this")
    return problems


class Audit:
    """Search files, folders, or what is staged for a commit, for secrets: the values of environment variables that are
    named like keys, in every encoding, and whatever looks like a key. No secret is ever printed.
    """

    EXAMPLES = """examples:
  harness cassettes audit                        the folders cassettes and suites
  harness cassettes audit cassettes docs .env.example
  harness cassettes audit --staged               what the next commit would add: for a pre-commit hook

exit codes: 0 nothing found, 2 something can't be searched, 3 a secret was found
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders")
        parser.add_argument("--staged", action="store_true", help="search what is staged in git, as it is staged")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.app.inventory import usual_paths
        from harness.app.settings import settings
        from harness.cassette.secrets.leak_scan import Audit
        from harness.core.errors import UsageError
        from harness.core.finding import count
        from harness.report import safe_text

        if args.staged and args.paths:
            raise UsageError("give paths or --staged, not both")
        paths = [Path(path) for path in args.paths] or usual_paths(settings({}))
        audit = Audit()
        hits = 0
        for hit in audit.staged() if args.staged else audit.paths(paths):
            hits += 1
            sys.stderr.write(f"{safe_text.line(hit.file)}: {hit.place} holds {hit.what}\n")
        if not audit.files and not args.staged:
            raise UsageError("there is nothing to search; give files or folders")
        searched = f"{count(audit.files, 'file')}, {audit.size / 1e6:.1f} MB"
        sys.stdout.write(f"{searched}: {count(hits, 'secret') if hits else 'no secrets'} found\n")
        return _SECRET_FOUND if hits else 0
