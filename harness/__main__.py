"""The command ``harness``."""

import sys

from harness.cli.entry import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
