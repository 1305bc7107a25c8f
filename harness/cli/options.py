"""The parser of a command's arguments, and the options that several commands share."""

from __future__ import annotations

import argparse
import difflib
import inspect
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from harness.core.errors import UsageError
from harness.report import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from harness.cli.commands import Command
    from harness.core.change import Change
    from harness.engine.budget import Limits
    from harness.engine.events import Selection
    from harness.engine.workers import Executor

_ALIKE = 0.75
"""How alike two flags are, from 0 to 1, for one to be taken for the other's misspelling."""


class Parser(argparse.ArgumentParser):
    """What ``argparse`` does, but for its abbreviations and its ending of the process."""

    def __init__(self, command: Command, description: str | None, epilog: str) -> None:
        super().__init__(
            prog=f"harness {command.name}",
            description=inspect.cleandoc(description or ""),
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # what is half a flag today may be another flag tomorrow
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The parsed words. An unknown flag is named before anything that is missing."""
        flags = self.flags()
        for word in args or ():
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag not in flags and flag != "--":
                near = difflib.get_close_matches(flag, flags, 1, _ALIKE)
                raise UsageError(f"unknown argument: {flag}; {self._hint(near)}")
        return super().parse_args(args, namespace)

    def flags(self) -> dict[str, bool]:
        """Its flags, and whether each takes a value."""
        return {flag: action.nargs != 0 for action in self._actions for flag in action.option_strings}

    def takes_words(self) -> bool:
        """Whether it takes arguments that are no options."""
        return any(not action.option_strings for action in self._actions)

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` with what is wrong."""
        raise UsageError(f"{message.replace('unrecognized arguments', 'unknown arguments')}; {self._hint(())}")

    def _hint(self, near: Sequence[str]) -> str:
        return f"did you mean {near[0]}?" if near else f"see `{self.prog} --help`"


def warn(text: str) -> None:
    """A line of our own on standard error: standard output may be a report's or a program's."""
    sys.stderr.write(f"harness: {safe_text.line(text, 4000)}\n")
    sys.stderr.flush()


def confirmed(question: str) -> bool:
    """Whether the user at the terminal says yes."""
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def suites(parser: argparse.ArgumentParser) -> None:
    """Which suites, and where their cassettes are."""
    parser.add_argument(
        "suites", nargs="*", metavar="PATH", help="suite files, or folders of them (default: the folder suites)"
    )
    parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes (default: cassettes)")


def selection(parser: argparse.ArgumentParser) -> None:
    """Which of their cases and models."""
    parser.add_argument(
        "--suite", action="append", default=[], metavar="NAME", help="only suites of this name; * and ? stand for any"
    )
    parser.add_argument(
        "-k", "--case", action="append", default=[], metavar="ID", help="only cases of this id; * and ? stand for any"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="only models called so; * and ? stand for any. provider/model may name one that no suite has",
    )


def subject(parser: argparse.ArgumentParser) -> None:
    """Who is asked: our backend, another one, or an agent."""
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--backend", metavar="NAME", help="ask the backend at module:attribute in the place of ours")
    who.add_argument(
        "--agent",
        metavar="AGENT",
        help="ask an agent: module:attribute, a function of the messages, or a command that reads them as JSON",
    )


def choice(args: argparse.Namespace, *, missing: bool = False) -> Selection:
    """What ``selection`` was given."""
    from harness.engine.events import Selection

    return Selection(tuple(args.suite), tuple(args.case), tuple(args.model), missing)


def show_left(out: Console, left: int) -> None:
    """One dim line about the evaluations that a command passes over."""
    if left:
        what = "1 evaluation is" if left == 1 else f"{left} evaluations are"
        out.print(f"{what} left to `harness eval`; name one to take it up here", style="dim", markup=False)


def reports(parser: argparse.ArgumentParser) -> None:
    """Where else the outcome goes."""
    parser.add_argument("--json", metavar="FILE", help="write the whole report as JSON (- for standard output)")
    parser.add_argument("--jsonl", metavar="FILE", help="write each event as a line of JSON, as it happens")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML")
    otlp(parser)


def otlp(parser: argparse.ArgumentParser) -> None:
    """The findings as events for observability tools."""
    parser.add_argument(
        "--otlp",
        action="store_true",
        help="send each finding as a gen_ai.evaluation.result event to OTEL_EXPORTER_OTLP_ENDPOINT (extra: otel)",
    )


def executors(parser: argparse.ArgumentParser) -> None:
    """Who plays the cases."""
    parser.add_argument(
        "--workers", type=int, metavar="N", help="play with N processes (Ray: N workers in the cluster)"
    )
    parser.add_argument(
        "--executor", choices=("processes", "ray"), default="processes", help="who the workers are (default: processes)"
    )
    parser.add_argument(
        "--address", metavar="HOST:PORT", help="the Ray cluster (default: one that runs here, or a new one)"
    )


def executor(args: argparse.Namespace, **batch: int) -> Executor:
    """What ``executors`` was given; ``batch`` is how many cases a worker gets at a time. Raises ``UsageError``."""
    from harness.engine import workers as kinds

    if args.workers is not None and args.workers < 1:
        raise UsageError(f"--workers is {args.workers}; give 1 or more")
    if args.executor == "ray":
        from harness.engine.workers.ray_pool import on_ray

        return on_ray(args.address, args.workers, **batch)
    if args.address:
        raise UsageError("--address is where a Ray cluster is; give --executor ray with it")
    if args.workers in (None, 1):
        return kinds.in_process
    from harness.engine.workers.processes import processes

    return processes(args.workers, **batch)


def limits(parser: argparse.ArgumentParser) -> None:
    """How much may be asked."""
    parser.add_argument("--max-requests", type=int, metavar="N", help="ask at most N times, over all workers")
    parser.add_argument(
        "--max-dollars", type=float, metavar="X", help="spend at most X dollars, by litellm's price list"
    )
    parser.add_argument("--per-minute", type=float, metavar="R", help="ask at most R times a minute, evenly spaced")


def limited(args: argparse.Namespace) -> Limits:
    """What ``limits`` was given. Raises ``UsageError``."""
    from harness.engine.budget import Limits

    for name in ("max_requests", "max_dollars", "per_minute"):
        value = getattr(args, name)
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"--{name.replace('_', '-')} is {value:g}; give more than 0")
    return Limits(args.max_requests, args.max_dollars, args.per_minute)


def fail_on(parser: argparse.ArgumentParser) -> None:
    """From which grade on a change fails."""
    grades = ("contract", "shape", "cosmetic", "never")
    parser.add_argument(
        "--fail-on", choices=grades, default="contract", help="the lightest change that fails (default: contract)"
    )


def failed(args: argparse.Namespace, changes: Iterable[Change]) -> int:
    """1 where one of ``changes`` is as grave as ``--fail-on``, else 0."""
    from harness.core.change import GRADES

    if args.fail_on == "never":
        return 0
    least = GRADES.index(args.fail_on)
    return int(any(GRADES.index(change.grade) >= least for change in changes))
