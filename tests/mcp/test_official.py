"""The official `mcp` package, client and server, in an environment of its own: both sides recorded, and replayed alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.cassette import load
from tests.fake_models import TEXT, serving
from tests.frameworks.environments import python

HERE = Path(__file__).parent
NAMES = [name for name in ("mcp", "crewai") if python(name).exists()]  # mcp 2, and the mcp 1 that crewai asks for
pytestmark = [
    pytest.mark.frameworks,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not NAMES, reason="needs their environments: run `make frameworks`"),
    pytest.mark.parametrize("name", NAMES),
]

CLIENT = """
import asyncio, os, sys, pytest
from mcp import ClientSession, StdioServerParameters
import mcp.client.stdio, mcp.client.streamable_http as http

async def use(session):
    seen = []
    async def progress(*words): seen.append(words[:2])
    await session.initialize()
    tools = [one.name for one in (await session.list_tools()).tools]
    first = await session.call_tool("weather", {"city": os.environ.get("CITY", "Paris")})
    second = await session.call_tool("population", {"city": "Paris"}, progress_callback=progress)
    await asyncio.sleep(float(os.environ.get("STAY", "0")))
    return tools, first.content[0].text, second.content[0].text, seen

async def stdio():
    server = StdioServerParameters(command=sys.executable, args=[os.environ["TOOLS"], "stdio"])
    async with mcp.client.stdio.stdio_client(server) as (read, write), ClientSession(read, write) as session:
        return await use(session)

async def streamable():
    client = getattr(http, "streamable_http_client", None) or http.streamablehttp_client
    async with client(os.environ["MCP_URL"]) as streams, ClientSession(streams[0], streams[1]) as session:
        return await use(session)

WANTED = (["weather", "population"], "sunny in Paris", "2 million in Paris", [(1, 2), (2, 2)])
"""
TESTS = (
    CLIENT
    + """
@pytest.mark.cassette("stdio.json")
def test_stdio():
    assert asyncio.run(stdio()) == WANTED

@pytest.mark.cassette("http.json")
def test_http():
    assert asyncio.run(streamable()) == WANTED
"""
)


@pytest.fixture
def env(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gone = ("CI", "OPENAI_BASE_URL", "OPENAI_API_KEY")
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    return {
        **kept,
        "TOOLS": str(HERE / "tool_server.py"),
        "PYTHONPATH": str(HERE.parents[1]),
        "MCP_URL": "http://127.0.0.1:1/mcp",
    }


def run(name, env, *words, **more):
    done = subprocess.run(
        [python(name), *map(str, words)], env={**env, **more}, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout + done.stderr


@contextmanager
def tool_server(name, env):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([python(name), env["TOOLS"], "http", str(port)], env=env, stderr=subprocess.DEVNULL)
    for _ in range(400):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.terminate()
        server.wait(300)


def test_the_marker_records_and_replays_both_transports(name, env, tmp_path):
    Path("test_it.py").write_text(TESTS)
    pytest_ = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")
    with tool_server(name, env) as url:
        code, told = run(name, env, *pytest_, "--record-mode=once", MCP_URL=url)
    assert code == 0, told
    methods = [json.loads(one.request.body)["method"] for one in load("stdio.json").exchanges]
    assert methods == ["initialize", "notifications/initialized", "tools/list", "tools/call", "tools/call"]
    over = [f"{one.request.method} {one.request.url}" for one in load("http.json").exchanges]
    assert [one.split()[0] for one in over if not one.startswith("POST")] == ["GET", "DELETE"]
    assert "session-1" in Path("http.json").read_text()
    # The server is gone, and no process may start. A client that stays would ask again where its stream ended.
    code, told = run(name, env, *pytest_, MCP_URL=url, STAY="2.5")
    assert code == 0, told
    code, told = run(name, env, *pytest_, MCP_URL=url, CITY="Rome")
    assert code == 1
    assert told.count('recorded "Paris", requested "Rome"') >= 2, told


def test_a_program_is_recorded_with_its_server_over_http(name, env, tmp_path):
    Path("agent.py").write_text(CLIENT + "\nprint(asyncio.run(streamable()) == WANTED)")
    words = ("-m", "harness", "{}", "--cassette", "a.json", "--", python(name), "agent.py")
    with tool_server(name, env) as url:
        record = (*words[:2], "record", "--upstream", f"MCP_URL={url}", *words[3:])
        code, told = run(name, env, *record)
    assert (code, "True" in told) == (0, True), told
    replay = (*words[:2], "replay", *words[3:])
    code, told = run(name, env, *replay, STAY="2.5")
    assert (code, "True" in told) == (0, True), told


def test_an_agent_with_model_and_tools_in_one_cassette(name, env, tmp_path):
    words = ("-m", "harness", "record", "--cassette", "a.json", "--", python(name), HERE / "agent.py")
    with serving() as fake:
        code, told = run(
            name, env, *words, OPENAI_BASE_URL=f"{fake.url}/v1", OPENAI_API_KEY="sk-a-key-of-this-test-alone-1"
        )
    assert (code, TEXT in told) == (0, True), told
    schemes = [one.request.url.partition(":")[0] for one in load("a.json").exchanges]
    assert schemes == ["stdio"] * 3 + ["http", "stdio", "http", "stdio", "http"]
    words = ("-m", "harness", "replay", *words[3:])
    code, told = run(name, env, *words)
    assert (code, TEXT in told) == (0, True), told
    code, told = run(name, env, *words, CITY="Rome")
    assert (code, 'recorded "Paris", requested "Rome"' in told) == (2, True), told
