"""Write a first suite, a first test and a CI job into this folder, for the providers whose keys are set.

Where none is, they are for the real small model that `harness local start` runs on this machine. It overwrites nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.core.errors import install_command

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness init
  harness init --folder my-project
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", default=".", metavar="DIR", help="where to write (default: this folder)")


def run(args: argparse.Namespace) -> int:
    import os
    from pathlib import Path

    from harness.app.starter import LOCAL_KEY, SETTINGS, TABLE, start

    made = start(Path(args.folder), os.environ)
    out = sys.stdout.write
    for file in made.written:
        out(f"wrote {file}\n")
    for file in made.kept:
        out(f"left {file} as it was\n")
    cd = "" if args.folder == "." else f"cd {args.folder} && "
    if made.providers:
        out(f"\nwith the keys of {', '.join(made.providers)}. Next:\n")
        steps = [f"{cd}harness record", "harness run", "pytest tests --harness-record-mode=once"]
    else:
        out("\nno provider's key is set, so they ask the local model. Next:\n")
        steps = [install_command("local"), f"{cd}harness record --local", "harness run"]
    notes = {
        "harness record": "asks for real, once",
        "harness record --local": "starts the model, asks it, stops it",
        "harness run": "replays offline, from now on",
        "pytest tests --harness-record-mode=once": "the same for a test",
    }
    for step in steps:
        note = notes.get(step.removeprefix(cd), "once")
        out(f"  {step:<44} # {note}\n")
    if not made.providers:
        out(
            f"The test needs the model too: harness local start --detach, {LOCAL_KEY} as it says, "
            "pytest --harness-record-mode=once\n"
        )
    if made.unmentioned:
        settings = Path(args.folder, SETTINGS)
        out(f'For pytest to run the suites too: {TABLE} in {settings}, and under it suites = ["suites"]\n')
    out("Your own agent: harness record -- CMD, harness replay -- CMD (docs/programs.md)\n")
    return 0
