"""Start and stop a real llama.cpp server on the loopback, and say which it is."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, MissingExtraError
from harness.core.folders import cache_folder
from harness.local.weights import SMOLLM2, fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"
PORT = 8790
KEY = "local-server-key"
"""What the server asks for as its key. It guards nothing: it is there so that a wrong key gets a real 401."""


class LocalServerError(HarnessError):
    """The local server can't be started, reached or stopped."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that answers. ``url`` is the root: OpenAI's wire is at ``url + "/v1"``, Anthropic's at ``url``."""

    url: str
    pid: int
    model: str
    source: str


@contextlib.contextmanager
def running(*, port: int = PORT, say: Callable[[str], None] = print, seconds: float = 60) -> Iterator[LocalServer]:
    """Start the server, wait until it answers (``seconds`` at most), and stop it at the end.

    Raises ``MissingExtraError``, or ``LocalServerError`` if the port is taken or it does not come up.
    """
    server, process = _start(port, say, seconds)
    try:
        yield server
    finally:
        _end(process.pid, process)


def start_detached(*, port: int = PORT, say: Callable[[str], None] = print, seconds: float = 60) -> LocalServer:
    """Start the server and leave it running; ``stop`` ends it."""
    server, process = _start(port, say, seconds)
    process.returncode = 0  # it outlives us on purpose, which Popen would warn of
    _pid_file(port).write_text(str(server.pid), encoding="ascii")
    return server


def stop(*, port: int = PORT) -> int:
    """End the server that ``start_detached`` left on ``port``; its pid. ``LocalServerError`` if there is none."""
    file = _pid_file(port)
    try:
        pid = int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        pid = 0
    if not _is_ours(pid):
        file.unlink(missing_ok=True)
        raise LocalServerError(f"no local server of ours runs on port {port}; `harness local start` starts one")
    _end(pid)
    file.unlink(missing_ok=True)
    return pid


def _start(port: int, say: Callable[[str], None], seconds: float) -> tuple[LocalServer, subprocess.Popen[bytes]]:
    if importlib.util.find_spec("xllamacpp") is None:
        raise MissingExtraError("local", "the local server")
    _refuse_taken(port)
    options = {"weights": fetch(say=say), "alias": SMOLLM2.alias, "port": port, "key": KEY, "context": 4096, "slots": 1}
    words = [f"--{name}={value}" for name, value in options.items()]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "harness.local.llama", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        url = f"http://{HOST}:{port}"
        try:
            _wait(url, process, seconds)
            return LocalServer(url, process.pid, SMOLLM2.alias, _source(url)), process
        except BaseException:  # Ctrl-C too: no server outlives its start
            _end(process.pid, process)
            log.seek(0)
            say(log.read()[-2000:].decode(errors="replace"))
            raise


def _refuse_taken(port: int) -> None:
    if not 0 < port < 65536:  # noqa: PLR2004 - the range of a TCP port
        raise LocalServerError(f"{port} is no port; choose one from 1 to 65535 with --port")
    # Not a trial bind: sockets that linger after the last server refuse it for a minute, though llama.cpp can.
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise LocalServerError(f"port {port} is taken by another program; choose another with --port")


def _wait(url: str, process: subprocess.Popen[bytes], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise LocalServerError(f"the local server ended at once, with exit code {process.returncode}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=2):  # noqa: S310 - loopback
            return
        time.sleep(0.05)
    raise LocalServerError(f"the local server did not answer within {seconds:g} s")


def _source(url: str) -> str:
    """Who answers: package, its version, llama.cpp's own build, and the weights."""
    request = urllib.request.Request(f"{url}/props", headers={"Authorization": f"Bearer {KEY}"})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            build = json.load(answer).get("build_info", "unknown build")
    except urllib.error.HTTPError:
        build = "unknown build"
    package = importlib.metadata.version("xllamacpp")
    return f"llama.cpp {build} (xllamacpp {package}), {SMOLLM2.file} sha256 {SMOLLM2.sha256[:12]}"


def _end(pid: int, process: subprocess.Popen[bytes] | None = None, seconds: float = 10) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + seconds
    while _alive(pid, process):
        if time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            end = time.monotonic() + seconds
        time.sleep(0.02)


def _alive(pid: int, process: subprocess.Popen[bytes] | None) -> bool:
    return process.poll() is None if process else _is_ours(pid)


def _is_ours(pid: int) -> bool:
    try:
        return pid > 0 and b"harness.local.llama" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _pid_file(port: int) -> Path:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"local-{port}.pid"
