"""No test goes out: litellm must not fetch its price list when a test imports it first."""

import os

from harness.backend.completion import OFFLINE

os.environ.update(OFFLINE)
