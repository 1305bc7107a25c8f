"""The parser of one command's words: a mistake is one sentence, and a flag is written out."""

from __future__ import annotations

import argparse
import difflib
from typing import TYPE_CHECKING, Any, NoReturn

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.cli.commands import Command

_ALIKE = 0.75
"""How alike two flags are, from 0 to 1, for one to be taken for the other's misspelling."""


class Parser(argparse.ArgumentParser):
    """What ``argparse`` does, but for its abbreviations and its ending of the process."""

    def __init__(self, command: Command, description: str | None, epilog: str) -> None:
        super().__init__(
            prog=f"harness {command.name}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # what is half a flag today may be another flag tomorrow
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The parsed words. An unknown flag is named before anything that is missing."""
        flags = {flag for action in self._actions for flag in action.option_strings}
        for word in args or ():
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag not in flags and flag != "--":
                near = difflib.get_close_matches(flag, flags, 1, _ALIKE)
                raise UsageError(f"unknown argument: {flag}; {self._hint(near)}")
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` with what is wrong."""
        raise UsageError(f"{message.replace('unrecognized arguments', 'unknown arguments')}; {self._hint(())}")

    def _hint(self, near: Sequence[str]) -> str:
        return f"did you mean {near[0]}?" if near else f"see `{self.prog} --help`"
