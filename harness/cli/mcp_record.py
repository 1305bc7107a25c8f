"""Stand between an MCP client and its server over stdio, and record what they say, into a cassette of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness mcp record -- python server.py                              into cassettes/mcp/python-server.py.json
  harness mcp record --cassette tools.json -- python server.py

Both are commands for an agent's configuration, in the place of the server's own.

exit codes: those of the server, 2 nothing could be recorded, 3 a secret would leak
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s [options] -- CMD …"
    parser.add_argument(
        "--cassette", metavar="FILE", help="the cassette (default: one named after CMD, in cassettes/mcp)"
    )
    parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes (default: cassettes)")


def run(words: argparse.Namespace) -> int:
    import signal
    from dataclasses import replace

    from harness.app import assembly
    from harness.app.settings import settings
    from harness.cassette.recording import Recorder
    from harness.cassette.secrets.redaction import Redactor
    from harness.cli import programs
    from harness.interception.mcp_stdio import url_of
    from harness.server import standin

    program, path = programs.server(words)
    assembly.refuse_ci(settings({}))
    made = replace(assembly.provenance("local", programs.shown(program)), litellm="")
    kept = Recorder(path, made, Redactor(), (), lambda *_: None)
    # A client that leaves may end us so: what was said stays.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    whole = False
    try:
        code = standin.between(program, standin.Recorded(url_of(program), kept.begin))
        whole = True
    except KeyboardInterrupt:
        code, whole = 0, True
    finally:
        kept.end(whole=whole)
    return code
