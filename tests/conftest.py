"""No test goes out, and none writes into the home of who runs it. Each run is the same, wherever it is started."""

import atexit
import os
import shutil
import signal
import tempfile

import hypothesis

from harness.backend.library import OFFLINE

os.environ.update(OFFLINE)
os.environ.pop("CI", None)  # a recording is refused there; tests of that set it themselves
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="harness-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# Drawn tests draw the same here as in CI, and keep nothing; `make test-nightly` draws others.
hypothesis.settings.register_profile(
    "nightly", derandomize=False, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("ci")

# nohup ignores SIGINT, and programs that are started here would inherit that: those under test end at Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
