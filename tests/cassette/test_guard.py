"""Nothing leaves while the guard is closed: real sockets, from any thread and loop."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from harness.cassette.guard import no_way_out
from harness.errors import CassetteMiss


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


def in_a_loop(work):
    """Like asyncio.run, but leaves the thread's own event loop alone: litellm keeps one there, unclosed."""
    loop = asyncio.new_event_loop()
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
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_out_is_closed_and_open_again_afterwards(listening, way):
    with no_way_out(), pytest.raises(CassetteMiss, match="a replay must not go out"):
        way(listening)
    way(listening)


def test_threads_are_held_too(listening):
    caught = []

    def work():
        try:
            WAYS["tcp"](listening)
        except CassetteMiss as miss:
            caught.append(miss)

    with no_way_out():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_nested_guards_and_local_sockets(listening):
    with no_way_out():
        with no_way_out():
            pass
        left, right = socket.socketpair()
        left.send(b"x")
        assert right.recv(1) == b"x"
        left.close()
        right.close()
        in_a_loop(asyncio.sleep(0))
        with pytest.raises(CassetteMiss):
            WAYS["tcp"](listening)
