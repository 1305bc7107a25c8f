"""A program of any language: run and recorded, or run offline from its recording."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

from harness.cli.options import warn
from harness.core.errors import UsageError
from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from harness.cli.options import Parser
    from harness.server.program import Ended, Program

_PLAIN = re.compile(r"[a-z0-9._]+")
_LONGEST = 80
_SCRIPT = re.compile(r".+\.(?:py|[cm]?[jt]s|sh|bash|rb|php|pl|jar|exe)", re.IGNORECASE)


def cassette_options(parser: argparse.ArgumentParser, folder: str) -> None:
    """Where the recording of a command is: a file, or by its name in ``folder`` of the cassettes."""
    parser.usage = "%(prog)s [options] -- CMD …"
    parser.add_argument(
        "--cassette", metavar="FILE", help=f"the cassette (default: one named after CMD, in cassettes/{folder})"
    )
    parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes (default: cassettes)")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of ``record -- CMD`` and ``replay -- CMD``."""
    cassette_options(parser, "programs")
    parser.add_argument(
        "--upstream",
        action="append",
        default=[],
        metavar="VAR=URL",
        help="a base URL: the program finds ours in VAR, and what it asks there is asked at URL",
    )
    parser.add_argument(
        "--leave", action="append", default=[], metavar="VAR", help="don't set this base-URL variable for the program"
    )
    parser.add_argument(
        "--exit", type=int, default=0, metavar="N", help="the exit code it should end with (default: 0)"
    )
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="end it after so long, which is a failure")


def refuse_without_separator(parser: Parser, own: Parser, args: Sequence[str]) -> None:
    """Raise ``UsageError`` where ``args``, which hold no ``--``, name a program, or an option of ``own``, the parser of
    the form with a program, that ``parser`` lacks.
    """
    flags, programs = parser.flags(), own.flags()
    before: list[str] = []
    for place, word in enumerate(args):
        is_value = bool(before) and {**programs, **flags}.get(before[-1], False)
        if not word.startswith("-") and not is_value and (not parser.takes_words() or _is_program(word)):
            command = shlex.join(args[place:])
            break
        before.append(word)
    else:
        if all(word.partition("=")[0] in flags or word.partition("=")[0] not in programs for word in args):
            return
        command = "CMD"
    line = " ".join((parser.prog, *map(shlex.quote, before), "--", command))
    raise UsageError(f"a program and its arguments come after `--`: {line}")


def _is_program(word: str) -> bool:
    """Whether ``word`` is a program or a script rather than a suite or a folder of suites."""
    from pathlib import Path

    if Path(word).is_dir() or word.endswith((".yaml", ".yml")):
        return False
    return bool(_SCRIPT.fullmatch(word)) or shutil.which(word) is not None


def program(args: argparse.Namespace, command: str) -> Program:
    """The program after ``--`` of ``command``. Raises ``UsageError`` where there is none."""
    from harness.server.program import Program

    if not args.program:
        raise UsageError(f"name the program after `--`, such as: harness {command} -- node agent.mjs")
    if args.timeout is not None and not 0 < args.timeout < float("inf"):
        raise UsageError(f"--timeout is {args.timeout:g}; give more than 0")
    return Program(tuple(args.program), tuple(args.upstream), tuple(args.leave), args.timeout)


def cassette(args: argparse.Namespace, folder: str = "programs") -> Path:
    """Where the recording of a program is or will be. Raises ``UsageError`` for a name that is no cassette's."""
    from pathlib import Path

    from harness.app.settings import settings

    if args.cassette:
        path = Path(args.cassette)
        if path.suffix != ".json":
            raise UsageError(f"{path}: a cassette's name ends in .json")
        return path
    return settings({"cassettes": args.cassettes}).cassettes / folder / f"{named(args.program)}.json"


def mcp_server(args: argparse.Namespace, command: str) -> tuple[str, ...]:
    """The MCP server's command after ``--`` of ``command``. Raises ``UsageError`` where there is none."""
    if not args.program:
        raise UsageError(f"name the MCP server's command after `--`, such as: harness {command} -- python server.py")
    return tuple(args.program)


def named(args: Sequence[str]) -> str:
    """A file name for a command: readable, and another one for another command."""
    parts = _by_name(args)
    plain = "-".join(parts)
    if all(map(_PLAIN.fullmatch, parts)) and len(plain) <= _LONGEST:
        return plain
    import hashlib

    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{re.sub('[^a-z0-9._]+', '-', plain.lower())[:_LONGEST].strip('-.')}-{digest}"


def _by_name(args: Sequence[str]) -> list[str]:
    """``args`` without the path of the program, which is another on every machine."""
    return [re.split(r"[/\\]", args[0])[-1], *args[1:]]


def shown(args: Sequence[str]) -> str:
    """The command in a line, the program by its name alone, without what looks like a secret."""
    from harness.cassette.secrets.redaction import Redactor

    return Redactor(by_shape=True).text(shlex.join(_by_name(args)))[:200]


def code(ended: Ended, expected: int) -> int:
    """1 where the program did not end as it should, which is said, else 0."""
    if ended.code == expected:
        return 0
    if ended.code is None:
        warn("the program ran out of time and was ended")
    elif ended.code < 0:
        warn(f"the program was ended by signal {-ended.code}")
    else:
        warn(f"the program ended with {ended.code}" + (f", not with {expected}" if expected else ""))
    return 1


def elsewhere(ended: Ended, verb: str) -> None:
    """What the program asked beside its base URLs."""
    if ended.elsewhere:
        hosts = ", ".join(f"{host} ({times})" for host, times in ended.elsewhere)
        warn(f"{verb} elsewhere: {hosts}")


class Record:
    """Run a program, in any language, and record its requests to models: each base-URL variable of the official SDKs
    and agent command lines leads to a server on this machine, which passes requests on to the provider.

    Keys go through and are never written. Requests to other hosts are not recorded; the hosts are listed where the
    program heeds HTTP_PROXY and HTTPS_PROXY.
    """

    EXAMPLES = """examples:
  harness record -- node agent.mjs                                  into cassettes/programs/node-agent.mjs.json
  harness record --cassette tests/agent.json -- python agent.py     into a file of that name
  harness record --upstream MY_URL=https://llm.example.com/v1 -- ./agent     a variable of the program's own
  harness replay -- node agent.mjs                                  from then on: no key, no network

A recording that stands is replaced once the program ends as it should; else what was recorded is put beside it.

exit codes: 0 recorded, 1 the program failed, 2 nothing could be recorded, 3 a secret would leak
"""

    configure = staticmethod(configure)

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from dataclasses import replace

        from harness.app import assembly
        from harness.app.settings import settings
        from harness.server.program import record

        command, path = program(args, "record"), cassette(args)
        assembly.refuse_ci(settings({}))
        made = replace(assembly.provenance("live", shown(command.command)), litellm="")
        ended = record(command, path, made, expected_code=args.exit, say=warn)
        return _judge_recording(ended, args.exit, path)


def _judge_recording(ended: Ended, expected: int, path: Path) -> int:
    from collections import Counter
    from urllib.parse import urlsplit

    elsewhere(ended, "asked, and not recorded,")
    if not ended.watched:
        warn("a proxy of yours is set, so what the program asked elsewhere was not seen")
    failed = code(ended, expected)
    if not ended.exchanges:
        why = "ended before it asked anything" if failed else "asked nothing at its base-URL variables; see --upstream"
        warn(f"nothing was recorded: the program {why}")
        return failed or 2
    hosts = Counter(urlsplit(one.request.url).netloc.rpartition("@")[2] for one in ended.exchanges)
    listed = ", ".join(f"{host} {times}" for host, times in hosts.items())
    where = f"beside {path}, as ….partial.json" if failed else f"in {path}"
    warn(f"recorded {count(len(ended.exchanges), 'exchange')} {where}: {listed}")
    return failed or int(bool(ended.providers))


class Replay:
    """Run a program offline: its requests to models are answered from what `harness record -- CMD` recorded, each
    answer once.

    It needs no key and no network. Connections elsewhere are refused and listed where the program heeds HTTP_PROXY and
    HTTPS_PROXY; a program that does not heed them is not held back.
    """

    EXAMPLES = """examples:
  harness replay -- node agent.mjs
  harness replay --cassette tests/agent.json -- python agent.py
  harness replay --faults faults.yaml -- ./agent.sh      break answers as providers break
  harness replay --exit 7 -- ./agent.sh                  it should end with 7

exit codes: 0 fine, 1 a recording was not used, or the program failed, 2 the cassette can't be used or does not hold
what was asked
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        configure(parser)
        parser.add_argument(
            "--unused", choices=("fail", "allow"), default="fail", help="recordings not used (default: fail)"
        )
        parser.add_argument("--faults", metavar="FILE", help="rules that break answers, in YAML")
        parser.add_argument(
            "--timing", default="none", metavar="T", help="none, realtime (as recorded), or x10 (ten times as fast)"
        )

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.app.settings import settings
        from harness.cassette.storage.paths import journal
        from harness.core.errors import CassetteMissingError
        from harness.interception.context import pace
        from harness.server.program import replay
        from harness.server.rules import Rules, from_file

        command, path = program(args, "replay"), cassette(args)
        if not path.exists() and not journal(path).exists():
            raise CassetteMissingError(
                f"{path}: there is no such cassette; the name follows from the program and its arguments: record them "
                f"with `harness record -- {shlex.join(args.program)}`, or give another's file as --cassette"
            )
        rules = Rules(from_file(args.faults) if args.faults else ())
        matcher = settings({}).matcher()
        ended = replay(command, path, matcher=matcher, rules=rules, pace=pace(args.timing), say=warn)
        return _judge_replay(ended, args, path)


def _judge_replay(ended: Ended, args: argparse.Namespace, path: Path) -> int:
    elsewhere(ended, "refused to ask")
    failed = code(ended, args.exit)
    missed = len(ended.missed)
    answered = len(ended.exchanges) - len(ended.unused)
    recorded = count(len(ended.exchanges), "recorded exchange")
    warn(f"{answered} of {recorded} used, {missed} missed: {path}")
    if ended.unused and args.unused == "fail":
        places = ", ".join(map(str, ended.unused))
        unused = f"recorded, but never asked for: exchange {places}; record the program again"
        warn(f"{unused}, or put `--unused allow` before the `--`")
        failed = 1
    return 2 if missed else 1 if ended.providers else failed
