"""Nothing leaves while the guard is closed: real sockets, from any thread and loop."""

from __future__ import annotations

import _socket
import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import threading

import pytest

from harness.core.errors import CassetteMiss
from harness.interception.network_block import no_network


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1", port))


def connect_ex(port):
    with socket.socket() as sock:
        sock.connect_ex(("127.0.0.1", port))


def raw(port):
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        sock.connect(("127.0.0.1", port))
    finally:
        sock.close()


async def looked_up():
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)


async def started():
    await (await asyncio.create_subprocess_exec("true")).wait()


def in_a_loop(work, new=asyncio.new_event_loop):
    """Like asyncio.run, but leaves the thread's own event loop alone: litellm keeps one there, unclosed."""
    loop = new()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


async def opened(port):
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


WAYS = {
    "tcp": lambda port: socket.create_connection(("127.0.0.1", port)).close(),
    "udp": udp,
    "dns": lambda port: socket.getaddrinfo("localhost", port),
    "old dns": lambda port: socket.gethostbyname("localhost"),
    "connect_ex": connect_ex,
    "asyncio": lambda port: in_a_loop(opened(port)),
    "_socket": raw,
}
PROGRAMS = {
    "subprocess": lambda: subprocess.run(["true"], check=True),
    "os.system": lambda: os.system("true"),
    "posix_spawn": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
    "asyncio": lambda: in_a_loop(started()),
}
if importlib.util.find_spec("uvloop"):  # it makes its connections in C, and is no requirement of ours
    new_loop = importlib.import_module("uvloop").new_event_loop
    WAYS["uvloop"] = lambda port: in_a_loop(opened(port), new_loop)
    WAYS["uvloop dns"] = lambda port: in_a_loop(looked_up(), new_loop)
    PROGRAMS["uvloop"] = lambda: in_a_loop(started(), new_loop)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_out_is_closed_and_open_again_afterwards(listening, way):
    with no_network(), pytest.raises(CassetteMiss, match="a replay must not go out"):
        way(listening)
    way(listening)


@pytest.mark.parametrize("start", PROGRAMS.values(), ids=PROGRAMS)
def test_no_program_is_started(start):
    with no_network(loopback=True), pytest.raises(PermissionError, match="a replay must not go out"):
        start()
    start()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_loopback_can_be_allowed_by_all(listening, way):
    with no_network(loopback=True):
        way(listening)
        with no_network(), pytest.raises(CassetteMiss):
            way(listening)
        way(listening)


@pytest.mark.parametrize("host", ["192.0.2.1", "provider.test", "::2", "localhost.evil.test", "127.evil.test"])
def test_the_loopback_is_all_that_is_allowed(host):
    with no_network(loopback=True), pytest.raises(CassetteMiss):
        socket.create_connection((host, 9), timeout=0.2)


def test_another_programs_socket_on_this_machine_is_no_exception(tmp_path):
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        with no_network(), pytest.raises(CassetteMiss):
            client.connect(str(tmp_path / "s"))


def test_litellm_imports_and_fails_at_once_with_nothing_turned_off_beforehand():
    program = """
import os, sys, time
for name in ("LITELLM_OFFLINE_MODE", "LITELLM_LOCAL_MODEL_COST_MAP", "HF_HUB_OFFLINE"):
    os.environ.pop(name, None)
from harness.interception.network_block import no_network
with no_network():
    import litellm
    start = time.monotonic()
    try:
        litellm.completion("openai/m", [{"role": "user", "content": "x"}], api_key="k", num_retries=3,
                           api_base="http://192.0.2.1/v1")
    except BaseException as error:  # the guard's own is no Exception, on purpose
        print(type(error).__name__, time.monotonic() - start < 60)
print("LITELLM_OFFLINE_MODE" in os.environ)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split() == ["CassetteMiss", "True", "False"], done.stderr


def test_threads_are_held_too(listening):
    caught = []

    def work():
        try:
            WAYS["tcp"](listening)
        except CassetteMiss as miss:
            caught.append(miss)

    with no_network():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_nested_guards_and_local_sockets(listening):
    with no_network():
        with no_network():
            pass
        left, right = socket.socketpair()
        left.send(b"x")
        assert right.recv(1) == b"x"
        left.close()
        right.close()
        in_a_loop(asyncio.sleep(0))
        with pytest.raises(CassetteMiss):
            WAYS["tcp"](listening)
