"""The way in: finds the command, and turns whatever goes wrong into a sentence and an exit code.

Nothing heavy is imported here: ``harness --help`` is measured.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from harness.cli.commands import COMMANDS, GROUPS, JOBS
from harness.core.errors import CassetteMiss, HarnessError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.cli.commands import Command
    from harness.cli.options import Parser

EXIT_USAGE, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 130, 141
_HEAD = """usage: harness COMMAND …

Record what language models answer, replay it offline, and check it.
"""
_TAIL = """
The word "cassettes" can be left out: harness import, harness audit, harness show.
harness COMMAND --help explains one, with examples.

exit codes: 0 fine, 1 a check failed, 2 wrong usage or a cassette that can't be used, 3 a secret would leak
"""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. No user's mistake comes out as a traceback."""
    arguments = list(sys.argv[1:] if args is None else args)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal of few characters must not end a run
    try:
        return _dispatch(arguments)
    except (HarnessError, CassetteMiss) as error:
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("harness: interrupted\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; say nothing more
        return EXIT_BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last resort: a bug of ours is reported as one
        return _bug(error)


def _dispatch(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_help())
        return 0 if arguments else EXIT_USAGE
    if arguments[0] in {"-V", "--version"}:
        return _version()
    # The word "cassettes" can be left out: `harness import` is `harness cassettes import`.
    spellings = ((" ".join(arguments[:2]), 2), (arguments[0], 1), (f"cassettes {arguments[0]}", 1))
    found = ((one, length) for word, length in spellings for one in COMMANDS if one.name == word)
    command, length = next(found, (None, 0))
    if command is None:
        return _no_command(arguments)
    args, program = arguments[length:], None
    if command.program and "--" in args:
        place = args.index("--")
        args, program = args[:place], args[place + 1 :]
    code = _loaded(command.code if program is None else command.program)
    parser = _parser(command, code)
    if command.program and program is None:
        _refuse_without_separator(command, parser, args)
    parsed = parser.parse_args(args)
    parsed.program = program
    exit_code: int = code.run(parsed)
    return exit_code


def _refuse_without_separator(command: Command, parser: Parser, args: Sequence[str]) -> None:
    """Raise ``UsageError`` where ``args`` hold a program, or an option of the form that takes one, and no ``--``."""
    from harness.cli import programs

    own = parser if command.program == command.code else _parser(command, _loaded(command.program))
    programs.refuse_without_separator(parser, own, args)


def _loaded(code: str) -> Any:
    """The module or class of a command, imported now."""
    from importlib import import_module

    module, _, name = code.partition(":")
    found = import_module(f"harness.cli.{module}")
    return getattr(found, name) if name else found


def _version() -> int:
    import harness
    from harness.backend import library

    found = library.installed()
    sys.stdout.write(f"harness {harness.__version__}, {f'litellm {found}' if found else 'no litellm'}\n")
    if warning := library.unproven(found):
        _complain(UsageError(warning))
    return 0


def _parser(command: Command, code: Any) -> Parser:
    from harness.cli.options import Parser

    parser = Parser(command, code.__doc__, code.EXAMPLES)
    code.configure(parser)
    return parser


def _help() -> str:
    summaries = {**{command.name: command.summary for command in COMMANDS}, **GROUPS}
    jobs = (f"\n{job}:\n{_listed((name, summaries[name]) for name in names)}" for job, names in JOBS)
    return _HEAD + "".join(jobs) + _TAIL


def _group_help(group: str) -> str:
    inside = ((one.name, one.summary) for one in COMMANDS if one.name.startswith(f"{group} "))
    return f"usage: harness {group} COMMAND …\n\n{GROUPS[group]}\n\n{_listed(inside)}{_TAIL}"


def _listed(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    widest = max(len(name) for name, _ in rows)
    return "".join(f"  {name:<{widest}}  {summary}\n" for name, summary in rows)


def _no_command(arguments: Sequence[str]) -> int:
    """A group by itself or with --help shows its commands; anything else is a mistake."""
    group, *rest = arguments
    if group in GROUPS and rest and rest[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_group_help(group))
        return 0
    if group in GROUPS and not rest:
        names = ", ".join(one.name.split()[1] for one in COMMANDS if one.name.startswith(f"{group} "))
        sys.stderr.write(f"harness: {group} needs one of {names}; see `harness {group} --help`\n")
        return EXIT_USAGE
    import difflib

    word = " ".join(arguments[:2]) if group in GROUPS else group
    # By its last word too: `shwo` is `cassettes show`, whose first word can be left out.
    known = {command.name: command.name for command in COMMANDS} | {name: name for name in GROUPS}
    known = {name.rpartition(" ")[2]: name for name in known} | known
    near = [known[one] for one in (word if word in known else "", *difflib.get_close_matches(word, known, 1)) if one]
    hint = f"did you mean {near[0]!r}?" if near else "see `harness --help`"
    sys.stderr.write(f"harness: there is no command {word!r}; {hint}\n")
    return EXIT_USAGE


def _complain(error: BaseException) -> None:
    from harness.report import safe_text

    for line in getattr(error, "problems", None) or str(error).splitlines() or [type(error).__name__]:
        sys.stderr.write(f"harness: {safe_text.line(line)}\n")


def _bug(error: Exception) -> int:
    import tempfile
    import traceback

    from harness.report import safe_text

    with tempfile.NamedTemporaryFile(
        "w", prefix="harness-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        traceback.print_exception(error, file=file)
    what = safe_text.line(f"{type(error).__name__}: {error}", 300)
    sys.stderr.write(f"harness: this is a bug in harness ({what}); its traceback is in {file.name}\n")
    return EXIT_USAGE
