"""Print the JSON schema of a file format, for editors and other tools."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness schema suite > suite.schema.json
  then, as the first line of a suite:  # yaml-language-server: $schema=../suite.schema.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "format", choices=("suite", "models", "card"), help="a suite file, models.yaml beside it, or behaviour cards"
    )


def run(args: argparse.Namespace) -> int:
    from harness.report.cards.document import schema as card_schema
    from harness.suite.collection import models_schema, suite_schema

    made = {"suite": suite_schema, "models": models_schema, "card": card_schema}[args.format]()
    sys.stdout.write(json.dumps(made, indent=2) + "\n")
    return 0
