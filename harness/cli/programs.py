"""What `record -- CMD` and `replay -- CMD` share: the cassette of a program, and what is said of how it ended."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from harness.server.program import Ended, Program

_PLAIN = re.compile(r"[a-z0-9._]+")
_LONGEST = 80


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s [options] -- CMD …"
    parser.add_argument(
        "--cassette", metavar="FILE", help="the cassette (default: one named after CMD, in cassettes/programs)"
    )
    parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes (default: cassettes)")
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


def program(words: argparse.Namespace, command: str) -> Program:
    """The program after ``--`` of ``command``. Raises ``UsageError`` where there is none."""
    from harness.core.errors import UsageError
    from harness.server.program import Program

    if not words.program:
        raise UsageError(f"name the program after `--`, such as: harness {command} -- node agent.mjs")
    if words.timeout is not None and not 0 < words.timeout < float("inf"):
        raise UsageError(f"--timeout is {words.timeout:g}; give more than 0")
    return Program(tuple(words.program), tuple(words.upstream), tuple(words.leave), words.timeout)


def cassette(words: argparse.Namespace, folder: str = "programs") -> Path:
    """Where the recording of a program is or will be. Raises ``UsageError`` for a name that is no cassette's."""
    from pathlib import Path

    from harness.app.settings import settings
    from harness.core.errors import UsageError

    if words.cassette:
        path = Path(words.cassette)
        if path.suffix != ".json":
            raise UsageError(f"{path}: a cassette's name ends in .json")
        return path
    return settings({"cassettes": words.cassettes}).cassettes / folder / f"{named(words.program)}.json"


def server(words: argparse.Namespace) -> tuple[tuple[str, ...], Path]:
    """The command of an MCP server after ``--``, and its cassette. Raises ``UsageError`` where there is none."""
    from harness.core.errors import UsageError

    if not words.program:
        raise UsageError("name the MCP server's command after `--`, such as: harness mcp record -- python server.py")
    return tuple(words.program), cassette(words, "mcp")


def named(words: Sequence[str]) -> str:
    """A file name for a command: readable, and another one for another command."""
    first, *rest = words
    parts = [re.split(r"[/\\]", first)[-1], *rest]
    plain = "-".join(parts)
    if all(map(_PLAIN.fullmatch, parts)) and len(plain) <= _LONGEST:
        return plain
    import hashlib

    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{re.sub('[^a-z0-9._]+', '-', plain.lower())[:_LONGEST].strip('-.')}-{digest}"


def shown(words: Sequence[str]) -> str:
    """The command in a line, without what looks like a secret."""
    import shlex

    from harness.cassette.secrets.redaction import Redactor

    return Redactor(by_shape=True).text(shlex.join(words))[:200]


def say(why: str) -> None:
    """A line of our own: standard output is the program's."""
    from harness.report import safe_text

    sys.stderr.write(f"harness: {safe_text.line(why, 4000)}\n")
    sys.stderr.flush()


def code(ended: Ended, wanted: int) -> int:
    """1 where the program did not end as it should, which is said, else 0."""
    if ended.code == wanted:
        return 0
    if ended.code is None:
        say("the program ran out of time and was ended")
    elif ended.code < 0:
        say(f"the program was ended by signal {-ended.code}")
    else:
        say(f"the program ended with {ended.code}" + (f", not with {wanted}" if wanted else ""))
    return 1


def elsewhere(ended: Ended, verb: str) -> None:
    """What the program asked beside its base URLs."""
    if ended.elsewhere:
        told = ", ".join(f"{host} ({times})" for host, times in ended.elsewhere)
        say(f"{verb} elsewhere: {told}")
