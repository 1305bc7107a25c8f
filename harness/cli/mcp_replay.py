"""Answer an MCP client in a server's place, over stdio, from what `harness mcp record` recorded. Nothing is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness mcp replay -- python server.py                              from cassettes/mcp/python-server.py.json
  harness mcp replay --cassette tools.json -- python server.py

A request that was not recorded is answered with a JSON-RPC error that names the nearest one and what differs.

exit codes: 0 fine, 1 the recorded server had ended, 2 the cassette can't be used or does not hold what was asked
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from harness.cli import mcp_record

    mcp_record.configure(parser)


def run(words: argparse.Namespace) -> int:
    from harness.app.settings import settings
    from harness.cassette import load
    from harness.cassette.tape import loaded
    from harness.cli import programs
    from harness.interception.mcp_stdio import url_of
    from harness.server import standin

    program, path = programs.server(words)
    tape = loaded(load(path), path, matcher=settings({}).matcher())
    session = standin.Replayed(url_of(program), tape.answer, lambda miss: programs.say(str(miss)))
    code = standin.answer(session)
    return 2 if tape.misses else code
