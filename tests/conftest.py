"""No test goes out, and none writes into the home of who runs it."""

import atexit
import os
import shutil
import tempfile

from harness.backend.library import OFFLINE

os.environ.update(OFFLINE)
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="harness-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
