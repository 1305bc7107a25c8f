"""Stop the model that `harness local start --detach` left running on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness local stop
  harness local stop --port 8791
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="the port that it serves on (default: 8790)")


def run(words: argparse.Namespace) -> int:
    from harness.local import server

    process = server.stop(port=words.port or server.PORT)
    sys.stdout.write(f"stopped the local server (process {process})\n")
    return 0
