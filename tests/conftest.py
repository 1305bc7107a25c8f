"""No test goes out, and none writes into the home of who runs it. Each run is the same, wherever it is started."""

import atexit
import inspect
import os
import shutil
import signal
import tempfile
from pathlib import Path

import certifi
import httpx
import hypothesis

from harness.backend.library import OFFLINE
from tests.children import OUTSIDE

assert dict(os.environ) == OUTSIDE, "it is imported before anything below"
os.environ.update(OFFLINE)
os.environ.pop("CI", None)  # a recording is refused there; tests of that set it themselves
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="harness-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# Every HTTP client loads the certificates that it trusts, 140 of them in some 30 ms; nothing here speaks to the world,
# so one is enough.
_ONE, _END, _ = certifi.contents().partition("-----END CERTIFICATE-----\n")
_CERTIFICATES = Path(os.environ["XDG_STATE_HOME"], "ca.pem")
_CERTIFICATES.write_text(_ONE + _END, encoding="utf-8")
os.environ["SSL_CERT_FILE"] = str(_CERTIFICATES)

# One object is the default of every function and client of httpx. Five seconds are too few for an answer of the
# loopback where eight other processes want the processor; a test of a timeout gives its own.
for _part in ("connect", "read", "write", "pool"):
    setattr(inspect.signature(httpx.get).parameters["timeout"].default, _part, 120.0)

# Drawn tests draw the same here as in CI, and keep nothing; `make test-nightly` draws others, and four times as many.
hypothesis.settings.register_profile(
    "nightly",
    derandomize=False,
    deadline=None,
    max_examples=400,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("ci")

# nohup ignores SIGINT, and programs that are started here would inherit that: those under test end at Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
