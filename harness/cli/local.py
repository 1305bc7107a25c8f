"""A real model on this machine: SmolLM2-135M-Instruct on a llama.cpp server."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from harness.core.errors import install_command

if TYPE_CHECKING:
    import argparse

    from harness.local.server import LocalServer


class Start:
    """Start a real model on this machine: SmolLM2-135M-Instruct on a llama.cpp server.

    It speaks OpenAI's wire at http://127.0.0.1:8790/v1 and Anthropic's at http://127.0.0.1:8790.
    """

    EXAMPLES = f"""examples:
  {install_command("local"):<46} what it needs, once
  harness local start --fetch                    only fetch the weights (93 MB), check their sum, keep them
  harness local start                            serve until Ctrl-C
  harness local start --detach                   serve in the background; `harness local stop` ends it
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="the port to serve on (default: 8790)")
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument("--detach", action="store_true", help="leave it running in the background")
        ways.add_argument("--fetch", action="store_true", help="only fetch and check the weights")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.local import server, weights

        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server is stopped then too
        port = args.port or server.PORT
        if args.fetch:
            sys.stdout.write(f"the weights are in {weights.fetch()}\n")
        elif args.detach:
            _describe(server.start_detached(port=port), "harness local stop ends it")
        else:
            with server.running(port=port) as one:
                _describe(one, "Ctrl-C ends it")
                _wait()
            sys.stdout.write("stopped\n")
        return 0


def _describe(one: LocalServer, how: str) -> None:
    from harness.local.server import KEY

    sys.stdout.write(f"{one.model} at {one.url}/v1 (OpenAI's wire) and {one.url} (Anthropic's)\n")
    sys.stdout.write(f"base URL: {one.url}/v1\nkey: {KEY} (suites take it from HARNESS_LOCAL_KEY)\n")
    sys.stdout.write(f"{one.source}\n{how}\n")
    sys.stdout.flush()


def _wait() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()


class Stop:
    """Stop the model that `harness local start --detach` left running on this machine."""

    EXAMPLES = """examples:
  harness local stop
  harness local stop --port 8791
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="the port that it serves on (default: 8790)")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from harness.local import server

        process = server.stop(port=args.port or server.PORT)
        sys.stdout.write(f"stopped the local server (process {process})\n")
        return 0
