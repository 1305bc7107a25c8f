"""A replay opens no socket, resolves no name and starts no process, from any thread: watched by Python's audit hook,
in a process whose machine has no network where one can be had.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from harness.cassette import Cassette, save
from harness.core.chat import Reply, Usage
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
URL = "https://provider.test/v1/chat/completions"
PROGRAM = """
import asyncio, sys, threading
from harness.backend.library import load_offline
load_offline()
import aiohttp, httpx, httpx2, litellm, requests, urllib.request
from harness.cassette import open_tape
from harness.interception.network_block import no_network
path, url = sys.argv[1:]
seen, watching = [], True
WATCHED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.")

def heard(event, words):
    if watching and event.startswith(WATCHED):
        seen.append((event, words))

body = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'
asked = {"model": "openai/m", "messages": [{"role": "user", "content": "hello"}], "api_key": "k"}
asked["api_base"] = url.removesuffix("/chat/completions")

async def awaited():
    async with aiohttp.ClientSession() as session, session.post(url, data=body) as answer:
        await answer.read()
    async with httpx.AsyncClient() as client:
        await client.post(url, content=body)
    await litellm.acompletion(**asked)

def ask():
    httpx.post(url, content=body)
    httpx2.post(url, content=body)
    requests.post(url, data=body)
    urllib.request.urlopen(urllib.request.Request(url, body, method="POST")).read()
    litellm.completion(**asked)
    asyncio.run(awaited())

done = []
with no_network(), open_tape(path) as tape:
    sys.addaudithook(heard)  # behind the guard's own: what that one refuses did not happen
    for _ in range(2):
        thread = threading.Thread(target=lambda: done.append(ask()))
        thread.start()
        thread.join()
    done.append(ask())
    left = tape.unused
watching = False
# An event loop's own pair of sockets never leaves the process.
opened = [event for event in seen if event[0] == "socket.__new__" and event[1][1] != 1]
outward = [event for event in seen if event[0] != "socket.__new__"]
print(len(done), len(left), opened, outward)
"""


def test_p4_a_replay_opens_no_socket_resolves_no_name_and_starts_no_process(tmp_path):
    answer = DIALECTS["openai"].render(Reply(text="Yes.", finish="stop", usage=Usage(1, 1, 2)))
    body = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'
    asked = Exchange(HttpRequest("POST", URL, (), body), answer)
    save(tmp_path / "a.json", Cassette(FROM, (asked,) * 24))
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / "a.json"), URL]
    alone = ["unshare", "-rn"]
    if shutil.which("unshare") and not subprocess.run([*alone, "true"], check=False).returncode:
        words = [*alone, *words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split("\n")[0] == "3 0 [] []", done.stdout + done.stderr


def test_p4_the_watch_of_this_test_sees_a_socket():
    program = "import sys, socket\nsys.addaudithook(lambda e, w: e.startswith('socket.') and print(e, w[1:2]))\nsocket.socket()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert "socket.__new__" in done.stdout
