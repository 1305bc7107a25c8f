"""The parser of one command's words: a mistake is one sentence, and a flag is written out."""

from __future__ import annotations

import argparse
import difflib
import re
from typing import TYPE_CHECKING, NoReturn

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.cli.commands import Command


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

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` with what is wrong and what may be meant."""
        raise UsageError(f"{message.replace('unrecognized arguments', 'unknown arguments')}; {self._hint(message)}")

    def _hint(self, message: str) -> str:
        found = re.search(r"unrecognized arguments:.*?(--[\w-]+)", message)
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(found[1], flags, 1) if found else []
        return f"did you mean {near[0]}?" if near else f"see `{self.prog} --help`"
