"""An open tape lets nothing out in a replay, and counts what goes round it while it records."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import threading

import aiohttp
import httpcore
import httpx
import pytest

from harness.cassette import Cassette, load, open_tape, partial, save
from harness.core.errors import CassetteMiss, CassetteMissingError, UsageError
from harness.core.exchange import Provenance
from tests.loopback import serving

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00")


@pytest.fixture
def empty(tmp_path):
    save(tmp_path / "a.json", Cassette(FROM))
    return tmp_path / "a.json"


@pytest.fixture
def server():
    hits = []

    def answer(*given):
        hits.append(given)
        return 200, "application/json", b"{}"

    with serving(answer) as made:
        made.hits = hits
        yield made


def raw(port):
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"POST /raw HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}")
        sock.recv(100)


def with_asyncio(port):
    async def ask():
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    asyncio.run(ask())


def with_uvloop(port):
    uvloop = pytest.importorskip("uvloop", reason="uvloop is no requirement of ours")

    async def ask():
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    uvloop.run(ask())


def with_httpcore(port):
    with httpcore.ConnectionPool() as pool:
        pool.request("POST", f"http://127.0.0.1:{port}/httpcore", content=b"{}")


def with_websockets(port):
    client = pytest.importorskip("websockets.sync.client", reason="websockets is no requirement of ours")
    client.connect(f"ws://127.0.0.1:{port}/ws").close()


def handshake(port, client):
    """The request with which a client that speaks HTTP asks for a WebSocket, as aiohttp and httpx-ws send it."""
    if client == "aiohttp":

        async def ask():
            async with aiohttp.ClientSession() as session:
                await session.ws_connect(f"ws://127.0.0.1:{port}/v1/realtime")

        asyncio.run(ask())
    else:
        head = {
            "connection": "upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "x",
        }
        httpx.get(f"http://127.0.0.1:{port}/v1/realtime", headers=head)


@pytest.mark.parametrize("client", ["aiohttp", "httpx"])
def test_a_websocket_is_refused_by_name_in_a_replay(client, empty, server):
    with (
        open_tape(empty) as tape,
        pytest.raises(CassetteMiss, match=f"{client} requests .*/v1/realtime as a WebSocket"),
    ):
        handshake(server.server_port, client)
    assert (server.hits, len(tape.traffic.refused)) == ([], 1)


@pytest.mark.parametrize("client", ["aiohttp", "httpx"])
def test_a_websocket_goes_past_a_recording_which_says_so_and_stays_whole(client, tmp_path, server):
    with open_tape(tmp_path / "a.json", mode="record", provenance=Provenance("local", "x")) as tape:
        httpx.post(f"http://127.0.0.1:{server.server_port}/chat", content=b"{}")
        with contextlib.suppress(aiohttp.WSServerHandshakeError):
            handshake(server.server_port, client)
    assert [one.request.url.rpartition("/")[2] for one in load(tmp_path / "a.json").exchanges] == ["chat"]
    assert f"by a WebSocket of {client}" in tape.traffic.describe_bypassed()


def in_a_thread(port):
    caught = []

    def work():
        try:
            raw(port)
        except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    for error in caught:
        raise error


def udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1", port))


WAYS = {
    "raw": raw,
    "asyncio": with_asyncio,
    "uvloop": with_uvloop,
    "httpcore": with_httpcore,
    "websockets": with_websockets,
    "a thread": in_a_thread,
    "udp": udp,
    "dns": lambda _port: socket.getaddrinfo("localhost", 80),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_nothing_gets_out_of_a_replay(way, empty, server):
    with open_tape(empty) as tape, pytest.raises(CassetteMiss, match="must not go out"):
        way(server.server_port)
    assert server.hits == []
    assert len(tape.traffic.refused) >= 1
    assert tape.misses == []


def test_a_connection_from_before_sends_nothing_unless_it_is_allowed(empty):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        before = socket.create_connection(("127.0.0.1", port))
        served, _ = listening.accept()
        here, there = socket.socketpair(socket.AF_UNIX)
        with before, served, here, there:
            with open_tape(empty):
                here.send(b"x")
                for end in (before, served):
                    with pytest.raises(CassetteMiss, match=r"socket\.send"):
                        end.send(b"x")
                    with pytest.raises(CassetteMiss):
                        end.sendall(b"x")
            with open_tape(empty, allow=[f"localhost:{port}"]):
                before.send(b"x")
                served.send(b"y")
            before.send(b"x")
            assert served.recv(9) == b"xx"
            assert before.recv(9) == b"y"
    assert "send" not in socket.socket.__dict__, "the class is as it was"


def test_an_older_threads_connection_from_before_goes_on(empty):
    """A debugger's, for one."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        before = socket.create_connection(listening.getsockname())
        served, _ = listening.accept()
        go, sent = threading.Event(), threading.Event()

        def debugger():
            go.wait(300)
            before.sendall(b"still here")
            sent.set()

        thread = threading.Thread(target=debugger)
        thread.start()
        with before, served, open_tape(empty):
            go.set()
            assert sent.wait(300)
            assert served.recv(20) == b"still here"
        thread.join()


def test_a_datagram_endpoint_of_uvloop_that_could_send_anywhere_is_refused(empty):
    uvloop = pytest.importorskip("uvloop", reason="uvloop is no requirement of ours")

    async def ask():
        made = asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        transport, _ = await made
        transport.close()

    with open_tape(empty), pytest.raises(CassetteMiss, match="create_datagram_endpoint"):
        uvloop.run(ask())
    with open_tape(empty, allow=["localhost"]):
        uvloop.run(ask())


def child():
    pass


def programs():
    return {
        "subprocess": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        "os.system": lambda: os.system("true"),
        "spawn": lambda: started("spawn"),
        "forkserver": lambda: started("forkserver"),
    }


def started(method):
    process = multiprocessing.get_context(method).Process(target=child)
    process.start()
    process.join()


@pytest.mark.parametrize("start", programs().values(), ids=programs())
def test_programs_are_started_only_where_that_is_allowed(start, empty):
    with open_tape(empty), pytest.raises(PermissionError, match="allow_subprocesses"):
        start()
    with open_tape(empty, allow_subprocesses=True):
        start()


def test_a_forked_child_is_held_as_well(empty, server):
    with open_tape(empty):
        pid = os.fork()
        if not pid:
            try:
                raw(server.server_port)
            except CassetteMiss:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert server.hits == []


@pytest.mark.parametrize("mode", ["none", "record"])
def test_a_server_of_the_tests_own_is_reached_past_the_tape(mode, tmp_path, server):
    path = tmp_path / "a.json"
    save(path, Cassette(FROM))
    port = server.server_port
    with open_tape(path, mode=mode, provenance=FROM, allow=[f"localhost:{port}"]) as tape:
        assert httpx.post(f"http://127.0.0.1:{port}/x", json={}).status_code == 200
        raw(port)
        with_asyncio(port)
    assert len(server.hits) == 2
    assert (tape.taken, tape.misses, tape.requests) == ([], [], ())
    assert not tape.traffic.bypassed, "what is allowed is not reported"


def test_another_port_is_not(empty, server):
    with open_tape(empty, allow=["localhost:1"]), pytest.raises(CassetteMiss):
        raw(server.server_port)


def test_what_is_no_host_is_refused_before_anything_is_opened(empty):
    with pytest.raises(UsageError, match="is no host"), open_tape(empty, allow=["http://x"]):
        pass


@pytest.mark.parametrize("way", [raw, with_asyncio, with_uvloop, with_httpcore], ids=lambda way: way.__name__)
def test_what_goes_round_a_recording_is_told_at_its_end(way, tmp_path, server, caplog):
    with (
        caplog.at_level(logging.WARNING),
        open_tape(tmp_path / "a.json", mode="record", provenance=FROM) as tape,
    ):
        httpx.post(f"http://127.0.0.1:{server.server_port}/x", json={})
        way(server.server_port)
        way(server.server_port)
    client = "httpcore" if way is with_httpcore else "tests" if __name__.startswith("tests") else __name__
    ((host, by), count), *more = tape.traffic.bypassed.items()
    # By its name, where a test before this one in the same process has looked that up.
    assert host in {f"127.0.0.1:{server.server_port}", f"localhost:{server.server_port}"}
    assert (by, count, more) == (client, 2, [])
    assert f"went past the tape: {host} by {client}, 2 connections" in caplog.text
    assert len(load(tmp_path / "a.json").exchanges) == 1


def test_a_recording_goes_on_beside_another_threads_replay(tmp_path, server):
    path = tmp_path / "a.json"
    save(path, Cassette(FROM))
    inside, done = threading.Event(), threading.Event()

    def replay():
        with open_tape(path):
            inside.set()
            done.wait(300)

    thread = threading.Thread(target=replay)
    thread.start()
    inside.wait(300)

    async def ask():
        async with httpx.AsyncClient() as client:
            return (await client.post(f"http://localhost:{server.server_port}/x", json={})).status_code

    try:
        with open_tape(tmp_path / "b.json", mode="record", provenance=FROM):
            assert asyncio.run(ask()) == 200
            with pytest.raises(CassetteMiss), open_tape(path):
                raw(server.server_port)
    finally:
        done.set()
        thread.join()
    assert len(load(tmp_path / "b.json").exchanges) == 1


def test_the_path_is_the_one_meant_at_the_beginning(tmp_path, server, monkeypatch):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    monkeypatch.chdir(one)
    with open_tape("hello.json", mode="record", provenance=FROM) as tape:
        httpx.post(f"http://127.0.0.1:{server.server_port}/x", json={})
        os.chdir(two)
    assert [file.name for file in one.iterdir()] == ["hello.json"]
    assert list(two.iterdir()) == []
    assert tape.path == one / "hello.json"
    with pytest.raises(CassetteMissingError, match=str(two)), open_tape("hello.json"):
        pass


def test_the_open_tape_tells_the_requests_it_saw(tmp_path, server):
    url = f"http://127.0.0.1:{server.server_port}/x"
    key = "sk-0123456789abcdefghijklmn"
    for mode in ("record", "none"):
        with open_tape(tmp_path / "a.json", mode=mode, provenance=FROM) as tape:
            httpx.post(url, json={"a": 1}, headers={"authorization": f"Bearer {key}"})
        (seen,) = tape.requests
        assert (seen.method, seen.url, seen.body) == ("POST", url, b'{"a":1}')
        assert key not in str(seen)


def test_the_environment_is_given_back(empty):
    program = """
import os, sys
from harness.cassette import open_tape
with open_tape(sys.argv[1]):
    inside = sorted(name for name in os.environ if name.startswith(("LITELLM", "HF_", "AWS_")))
print(inside, sorted(name for name in os.environ if name.startswith(("LITELLM", "HF_", "AWS_"))))
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LITELLM", "HF_", "AWS_"))}
    done = subprocess.run(
        [sys.executable, "-c", program, str(empty)], capture_output=True, text=True, env=clean, timeout=60, check=True
    )
    assert (
        done.stdout.strip()
        == "['LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS', 'LITELLM_LOCAL_MODEL_COST_MAP', 'LITELLM_OFFLINE_MODE'] []"
    )


@pytest.mark.parametrize(("host", "kind"), [("127.0.0.1", "local"), ("models.test", "live")])
def test_a_recording_says_by_itself_where_it_is_from(host, kind, server, tmp_path, monkeypatch):
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *more, **named: found("127.0.0.1", *more, **named))
    address = f"http://{host}:{server.server_port}/x"
    with open_tape(tmp_path / "a.json", mode="once"):
        httpx.get(address)
    made = load(tmp_path / "a.json").provenance
    assert (made.kind, made.source) == (kind, "recorded by open_tape")
    with open_tape(tmp_path / "a.json"):
        httpx.get(address)


def test_a_provenance_of_another_kind_is_refused_before_anything_is_written(tmp_path):
    with (
        pytest.raises(UsageError, match=r"it is made by harness\.cassette\.provenance"),
        open_tape(tmp_path / "a.json", mode="once", provenance={"kind": "live"}),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_broken_off_recording_says_so_too_and_goes_on(server, tmp_path):
    path, url = tmp_path / "a.json", f"http://127.0.0.1:{server.server_port}"

    def break_off():
        with open_tape(path, mode="once"):
            httpx.post(f"{url}/1", json={})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert load(partial(path)).provenance.kind == "local"
    for _ in range(2):  # from what was broken off, then from the whole cassette
        with open_tape(path, mode="record", resume=True):
            assert [httpx.post(f"{url}/{number}", json={}).status_code for number in (1, 2)] == [200, 200]
        assert (load(path).provenance.kind, len(server.hits)) == ("local", 2)
