"""Stand in for an MCP server over stdio: put `harness mcp --` before its command, wherever an agent starts it.

Inside `harness record -- CMD` the server is started and recorded, with the model's answers, in one cassette; inside
`harness replay -- CMD` it is not started, and answered from there. Elsewhere its command runs as it is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness mcp -- python server.py                                   in an agent's configuration, for good
  harness mcp record --cassette tools.json -- python server.py      a recording of its own
  harness mcp replay --cassette tools.json -- python server.py      answer from it; the server is not started
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s -- CMD …"


def run(words: argparse.Namespace) -> int:
    from harness.core.errors import UsageError
    from harness.interception.mcp_stdio import url_of
    from harness.server import standin
    from harness.server.standin import joined

    if not words.program:
        raise UsageError("name the MCP server's command after `--`, such as: harness mcp -- python server.py")
    session = joined(url_of(words.program))
    if session is None:
        try:
            os.execvp(words.program[0], words.program)  # noqa: S606 - to run it is what was asked
        except OSError as error:
            raise UsageError(f"{words.program[0]}: the MCP server can't be started: {error.strerror}") from error
    if session.mode == "record":
        return standin.between(words.program, session)
    return standin.answer(session)
