"""Run a program offline: what it asks models is answered from what `harness record -- CMD` recorded, each answer once.

It needs no key and no network. Connections elsewhere are refused and listed where the program heeds HTTP_PROXY and
HTTPS_PROXY; a program that does not heed them is not held back.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from harness.cli import programs
from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from harness.server.program import Ended

EXAMPLES = """examples:
  harness replay -- node agent.mjs
  harness replay --cassette tests/agent.json -- python agent.py
  harness replay --faults faults.yaml -- ./agent.sh      break answers as providers break
  harness replay --exit 7 -- ./agent.sh                  it should end with 7

exit codes: 0 fine, 1 a recording was not used, or the program failed, 2 the cassette can't be used or does not hold
what was asked
"""


def configure(parser: argparse.ArgumentParser) -> None:
    programs.configure(parser)
    parser.add_argument(
        "--unused", choices=("fail", "allow"), default="fail", help="recordings not used (default: fail)"
    )
    parser.add_argument("--faults", metavar="FILE", help="rules that break answers, in YAML")
    parser.add_argument(
        "--timing", default="none", metavar="T", help="none, realtime (as recorded), or x10 (ten times as fast)"
    )


def run(words: argparse.Namespace) -> int:
    from harness.app.settings import settings
    from harness.cassette.storage.paths import journal
    from harness.core.errors import CassetteMissingError
    from harness.interception.context import pace
    from harness.server.program import replay
    from harness.server.rules import Rules, from_file

    program, path = programs.program(words, "replay"), programs.cassette(words)
    if not path.exists() and not journal(path).exists():
        command = shlex.join(words.program)
        raise CassetteMissingError(
            f"{path}: there is no such cassette; the name follows from the program and its arguments: record them with "
            f"`harness record -- {command}`, or give another's file as --cassette"
        )
    rules = Rules(from_file(words.faults) if words.faults else ())
    ended = replay(
        program,
        path,
        matcher=settings({}).matcher(),
        rules=rules,
        pace=pace(words.timing),
        say=programs.say,
    )
    return _judged(ended, words, path)


def _judged(ended: Ended, words: argparse.Namespace, path: Path) -> int:

    programs.elsewhere(ended, "refused to ask")
    failed = programs.code(ended, words.exit)
    missed = len(ended.missed)
    answered = len(ended.exchanges) - len(ended.unused)
    recorded = count(len(ended.exchanges), "recorded exchange")
    programs.say(f"{answered} of {recorded} used, {missed} missed: {path}")
    if ended.unused and words.unused == "fail":
        places = ", ".join(map(str, ended.unused))
        told = f"recorded, but never asked for: exchange {places}; record the program again"
        programs.say(f"{told}, or put `--unused allow` before the `--`")
        failed = 1
    return 2 if missed else 1 if ended.providers else failed
