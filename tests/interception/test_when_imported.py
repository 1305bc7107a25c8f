"""Libraries are patched as the program imports them, whatever else finds modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from harness.interception.when_imported import when_imported
seen = []
when_imported("colorsys", lambda module: seen.append(("colorsys", module.hls_to_rgb is not None)))
when_imported("colorsys", lambda module: seen.append("again"))
when_imported("xml.dom.minidom", lambda module: seen.append(sys.modules["xml.dom"].minidom is module))
when_imported("sys", lambda module: seen.append("at once"))
assert seen == ["at once"]
import colorsys, xml.dom.minidom
import importlib.resources
print(seen, type(colorsys.__loader__).__name__, type(colorsys.__spec__.loader).__name__)
try:
    import not_there
except ModuleNotFoundError as error:
    print(error.name)
"""


def test_what_waits_for_a_module_is_called_once_it_is_loaded():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    seen, missing = done.stdout.splitlines()
    assert seen == "['at once', ('colorsys', True), 'again', True] SourceFileLoader SourceFileLoader"
    assert missing == "not_there"


def test_a_replay_loads_no_client_that_the_program_does_not():
    program = """
import sys, tempfile, pathlib
from harness.cassette import Cassette, open_tape, save
from harness.core.exchange import Provenance
path = pathlib.Path(tempfile.mkdtemp()) / "a.json"
save(path, Cassette(Provenance("synthetic", "2026-01-01T00:00:00+00:00")))
with open_tape(path):
    pass
heavy = ("httpx", "httpx2", "aiohttp", "vcr", "uvloop", "requests", "litellm", "pydantic", "yaml", "hypothesis", "pytest")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


ROOT = Path(__file__).parents[2]
TORNADO = {
    "__init__.py": "",
    "httputil.py": "",
    "httpclient.py": "class HTTPResponse: pass",
    "simple_httpclient.py": "class SimpleAsyncHTTPClient:\n    def fetch_impl(self, request, callback): pass",
}
FIRST = """
from harness.interception import vcrpy_patches
vcrpy_patches.install()
import vcr.patch
from tornado.simple_httpclient import SimpleAsyncHTTPClient
assert SimpleAsyncHTTPClient.fetch_impl is not vcr.patch._SimpleAsyncHTTPClient_fetch_impl, "ours is not in place"
"""


def test_vcrpy_finds_tornado_where_vcrpy_is_loaded_later(tmp_path):
    """pytest-recording's first cassette, where tornado is installed: vcrpy itself loads the client that we wait for."""
    package = tmp_path / "tornado"
    package.mkdir()
    for name, lines in TORNADO.items():
        (package / name).write_text(lines, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", FIRST], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
