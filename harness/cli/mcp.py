"""MCP over stdio: stand in for a server, record what it says, answer from a recording."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from harness.cli import programs
from harness.cli.options import warn

if TYPE_CHECKING:
    import argparse


class StandIn:
    """Stand in for an MCP server over stdio: put `harness mcp --` before its command, wherever an agent starts it.

    Inside `harness record -- CMD` the server is started and recorded, with the model's answers, in one cassette; inside
    `harness replay -- CMD` it is not started, and answered from there. Elsewhere its command runs as it is.
    """

    EXAMPLES = """examples:
  harness mcp -- python server.py                                   in an agent's configuration, for good
  harness mcp record --cassette tools.json -- python server.py      a recording of its own
  harness mcp replay --cassette tools.json -- python server.py      answer from it; the server is not started
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.usage = "%(prog)s -- CMD …"

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.core.errors import UsageError
        from harness.interception.mcp_stdio import url_of
        from harness.server import standin

        server = programs.mcp_server(args, "mcp")
        session = standin.joined(url_of(server))
        if session is None:
            try:
                os.execvp(server[0], server)  # noqa: S606 - to run it is what was asked
            except OSError as error:
                raise UsageError(f"{server[0]}: the MCP server can't be started: {error.strerror}") from error
        if session.mode == "record":
            return standin.between(server, session)
        return standin.answer(session)


class Record:
    """Stand between an MCP client and its server over stdio, and record what they say, into a cassette of its own."""

    EXAMPLES = """examples:
  harness mcp record -- python server.py                              into cassettes/mcp/python-server.py.json
  harness mcp record --cassette tools.json -- python server.py

Both are commands for an agent's configuration, in the place of the server's own.

exit codes: those of the server, 2 nothing could be recorded, 3 a secret would leak
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        programs.cassette_options(parser, "mcp")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from dataclasses import replace

        from harness.app import assembly
        from harness.app.settings import settings
        from harness.cassette.recording import Recorder
        from harness.cassette.secrets.redaction import Redactor
        from harness.interception.mcp_stdio import url_of
        from harness.server import standin

        server = programs.mcp_server(args, "mcp record")
        path = programs.cassette(args, "mcp")
        assembly.refuse_ci(settings({}))
        made = replace(assembly.provenance("local", programs.shown(server)), litellm="")
        recorder = Recorder(path, made, Redactor(), (), lambda *_: None)
        # A client that leaves may end us so: what was said stays.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        whole = False
        try:
            code = standin.between(server, standin.Recorded(url_of(server), recorder.begin))
            whole = True
        except KeyboardInterrupt:
            code, whole = 0, True
        finally:
            recorder.end(whole=whole)
        return code


class Replay:
    """Answer an MCP client in a server's place, over stdio, from what `harness mcp record` recorded. No server is
    started.
    """

    EXAMPLES = """examples:
  harness mcp replay -- python server.py                              from cassettes/mcp/python-server.py.json
  harness mcp replay --cassette tools.json -- python server.py

A request that was not recorded is answered with a JSON-RPC error that names the nearest one and what differs.

exit codes: 0 fine, 1 the recorded server had ended, 2 the cassette can't be used or does not hold what was asked
"""

    configure = staticmethod(Record.configure)

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.app.settings import settings
        from harness.cassette import load
        from harness.cassette.tape import loaded
        from harness.interception.mcp_stdio import url_of
        from harness.server import standin

        server = programs.mcp_server(args, "mcp replay")
        path = programs.cassette(args, "mcp")
        tape = loaded(load(path), path, matcher=settings({}).matcher())
        session = standin.Replayed(url_of(server), tape.answer, lambda miss: warn(str(miss)))
        code = standin.answer(session)
        return 2 if tape.misses else code
