"""Every client's way out, with real clients and a real server: what is replayed, what is seen while it passes, and
whose answer it is. Clients are told apart only by how they are asked.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import http.client
import io
import threading
import urllib.request

import aiohttp
import botocore.awsrequest
import httpx
import httpx2
import pytest
import requests
import urllib3

from harness.core.errors import CassetteMiss
from harness.core.exchange import Chunk, Exchange, Failure, HttpResponse
from harness.interception.clients import answering

PIECES = (b"data: one\n\n", "data: zwölf 🙂\n\n".encode(), b"data: [DONE]\n\n")
NOWHERE = "http://provider.test"
BODY = b'{"messages":[]}'


class Watching:
    """Goes on to the network, and keeps what it is told."""

    def __init__(self):
        self.requests, self.chunks, self.ends, self.heads = [], [], [], []

    def __call__(self, request):
        self.requests.append(request)
        return WatchingOne(self)


class WatchingOne:
    """One exchange: only its first end counts."""

    def __init__(self, all_):
        self.all, self.ended = all_, False

    def head(self, status, headers):
        self.all.heads.append((status, headers))

    def chunk(self, data):
        self.all.chunks.append(data)

    def end(self, failure, *, complete=True):
        if not self.ended:
            self.all.ends.append((failure, complete))
        self.ended = True


def patience(url):
    return 0.5 if "silent" in url else 120


# Each gives (status, chunks) and hands every chunk to ``seen`` as it comes.


def with_httpx(url, seen, library=httpx):
    with library.Client(timeout=patience(url)) as client, client.stream("POST", url, content=BODY) as answer:
        for chunk in answer.iter_raw():
            seen(chunk)
        return answer.status_code


def with_httpx2(url, seen):
    return with_httpx(url, seen, httpx2)


def with_httpx_async(url, seen):
    async def ask():
        async with (
            httpx.AsyncClient(timeout=patience(url)) as client,
            client.stream("POST", url, content=BODY) as answer,
        ):
            async for chunk in answer.aiter_raw():
                seen(chunk)
            return answer.status_code

    return asyncio.run(ask())


def with_aiohttp(url, seen):
    async def ask():
        timeout = aiohttp.ClientTimeout(sock_read=patience(url))
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url, data=BODY) as answer:
            async for chunk in answer.content.iter_any():
                seen(chunk)
            return answer.status

    return asyncio.run(ask())


def with_requests(url, seen):
    with requests.post(url, data=BODY, stream=True, timeout=patience(url)) as answer:
        for chunk in answer.iter_content(None):
            seen(chunk)
        return answer.status_code


def with_urllib3(url, seen):
    with urllib3.PoolManager(retries=False, timeout=patience(url)) as pool:
        answer = pool.request("POST", url, body=BODY, preload_content=False)
        for chunk in answer.stream(None):
            seen(chunk)
        answer.release_conn()
        return answer.status


def with_urllib(url, seen):
    with urllib.request.urlopen(urllib.request.Request(url, BODY, method="POST"), timeout=patience(url)) as answer:
        while chunk := answer.read1():
            seen(chunk)
        return answer.status


def with_http_client(url, seen):
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=patience(url))
    try:
        connection.request("POST", "/" + url.split("/", 3)[3], BODY, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        while chunk := answer.read1():
            seen(chunk)
        return answer.status
    finally:
        connection.close()


def with_botocore(url, seen):
    host, _, port = url.split("/")[2].partition(":")
    pool = botocore.awsrequest.AWSHTTPConnectionPool(host, int(port or 80), timeout=patience(url))
    answer = pool.urlopen("POST", "/" + url.split("/", 3)[3], BODY, {}, retries=False, preload_content=False)
    for chunk in answer.stream(None):
        seen(chunk)
    answer.release_conn()
    pool.close()
    return answer.status


CLIENTS = {
    "httpx": with_httpx,
    "httpx2": with_httpx2,
    "httpx async": with_httpx_async,
    "aiohttp": with_aiohttp,
    "requests": with_requests,
    "urllib3": with_urllib3,
    "urllib": with_urllib,
    "http.client": with_http_client,
    "botocore": with_botocore,
}
every_client = pytest.mark.parametrize("ask", CLIENTS.values(), ids=CLIENTS)


@every_client
def test_a_replay_needs_no_server_and_keeps_its_chunks(ask):
    asked, got = [], []
    response = HttpResponse(201, (("content-type", "text/event-stream"),), tuple(map(Chunk, PIECES)))
    with answering(lambda request: asked.append(request) or response):
        assert ask(f"{NOWHERE}/v1/chat?x=1", got.append) == 201
    assert got == list(PIECES)
    (request,) = asked
    assert (request.method, request.url, request.body) == ("POST", f"{NOWHERE}/v1/chat?x=1", BODY)


@every_client
def test_the_first_piece_is_handed_over_at_once_and_all_is_seen(ask, served):
    watching = Watching()
    got, early = [], []

    def seen(chunk):
        got.append(chunk)
        if not served.go.is_set():
            early.append(list(watching.chunks))
            served.go.set()  # the rest comes only now: had the first been held back, this would never be reached

    with answering(watching):
        assert ask(f"{served.url}/stream", seen) == 200
    assert early == [[PIECES[0]]]
    assert b"".join(got) == b"".join(PIECES)
    assert b"".join(watching.chunks) == b"".join(PIECES)
    assert watching.ends[-1:] == [(None, True)]
    ((status, headers),) = watching.heads
    assert status == 200
    assert [value for name, value in headers if name.lower() == "x-twice"] == ["1", "2"]
    assert served.hits == [("/stream", BODY)]


@every_client
def test_what_passes_is_the_same_with_and_without_a_listener(ask, served):
    bare, watched = [], []
    ask(f"{served.url}/plain", bare.append)
    with answering(Watching()):
        ask(f"{served.url}/plain", watched.append)
    after = []
    ask(f"{served.url}/plain", after.append)
    assert b"".join(bare) == b"".join(watched) == b"".join(after)
    assert [body for _, body in served.hits] == [BODY] * 3


FAILURES = {
    "refused": "refused",
    "reset": "reset",
    "silent": "timeout",
    "nonsense": "protocol",
    "cut": "cut",
    "closed": "closed",
}


def outcome(ask, url):
    got = []
    try:
        ask(url, got.append)
    except (
        OSError,
        httpx.TransportError,
        httpx2.TransportError,
        aiohttp.ClientError,
        http.client.HTTPException,
    ) as error:
        return type(error), b"".join(got)
    except urllib3.exceptions.HTTPError as error:
        return type(error), b"".join(got)
    except botocore.exceptions.BotoCoreError as error:
        return type(error), b"".join(got)
    return None, b"".join(got)


@pytest.mark.parametrize("how", FAILURES)
@every_client
def test_a_failure_is_seen_and_replays_as_the_same_error(ask, how, served):
    url = f"{served.url}/{how}"
    if how == "refused":
        with http.client.socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    watching = Watching()
    with answering(watching):
        live = outcome(ask, url)
    served.go.set()
    assert live[0] is not None
    failure, complete = watching.ends[0]
    assert complete, watching.ends
    assert failure is not None, watching.ends
    head = HttpResponse(*watching.heads[0], tuple(map(Chunk, watching.chunks))) if watching.heads else None
    played = Exchange(watching.requests[0], head, failure)
    with answering(lambda _: played):
        replayed = outcome(ask, url)
    assert failure.kind == FAILURES[how] or (how == "closed" and failure.kind == "protocol")
    if ask in {with_urllib3, with_botocore} and how in {"refused", "silent"}:
        # urllib3 names a connection that was never made, or a pool that waited, by classes of its own
        assert issubclass(replayed[0], (urllib3.exceptions.HTTPError, botocore.exceptions.BotoCoreError))
    else:
        assert replayed == live


def test_a_miss_passes_through_every_client():
    def refuse(_):
        raise CassetteMiss("no recording")

    for ask in CLIENTS.values():
        with answering(refuse), pytest.raises(CassetteMiss):
            ask(f"{NOWHERE}/x", [].append)


def answered(text):
    response = HttpResponse(200, (), (Chunk(text.encode()),))
    return answering(lambda _: response)


def get(url=f"{NOWHERE}/x"):
    return requests.get(url, timeout=60).text + httpx.get(url).text


def test_threads_with_tapes_of_their_own_never_cross():
    wrong = []

    def work(name):
        for _ in range(20):
            with answered(name):
                if get() != name * 2:
                    wrong.append(name)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_tasks_with_tapes_of_their_own_never_cross():
    async def one(name):
        got = []
        with answered(name):
            async with aiohttp.ClientSession() as session, httpx.AsyncClient() as client:
                for _ in range(20):
                    async with session.get(f"{NOWHERE}/x") as answer:
                        got.append(await answer.text())
                    await asyncio.sleep(0)
                    got.append((await client.get(f"{NOWHERE}/x")).text)
        return set(got) == {name}

    async def all_of_them():
        return await asyncio.gather(*(one(str(number)) for number in range(8)))

    assert asyncio.run(all_of_them()) == [True] * 8


def test_nested_tapes_answer_inside_out():
    with answered("out"):
        with answered("in"):
            assert get() == "inin"
        assert get() == "outout"


def in_a_thread(work):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_a_worker_belongs_to_whoever_gave_it_its_work():
    with answered("one"):
        assert in_a_thread(get) == "oneone"
        with answered("two"):
            assert in_a_thread(get) == "twotwo"
        assert in_a_thread(get) == "oneone"


def test_a_thread_left_from_a_closed_tape_is_refused_even_if_another_is_open(served):
    with answered("first"):
        left = contextvars.copy_context()
    with pytest.raises(CassetteMiss, match="closed"):
        in_a_thread(lambda: left.run(get, served.url))
    with answered("second"), pytest.raises(CassetteMiss, match="closed"):
        in_a_thread(lambda: left.run(get, served.url))
    assert served.hits == []
    assert "path" in get(served.url)


def test_an_abandoned_generator_leaves_the_right_tape_behind(served):
    def held():
        with answered("held"):
            yield

    with answered("out"):
        generator = held()
        next(generator)
        with answered("in"):
            generator.close()
            assert get() == "inin"
        assert get() == "outout"
    generator = held()
    next(generator)
    contextvars.Context().run(generator.close)  # closed by the collector, anywhere
    assert served.hits == []
    assert "path" in get(served.url)


def test_clients_that_outlive_a_tape_and_were_there_before(served):
    with httpx.Client() as client, requests.Session() as session:
        before = client.get(served.url).text, session.get(served.url, timeout=60).text
        with answered("taped"):
            assert (client.get(served.url).text, session.get(served.url, timeout=60).text) == ("taped", "taped")
        assert (client.get(served.url).text, session.get(served.url, timeout=60).text) == before
    assert len(served.hits) == 4


def test_a_stream_is_left_early(served):
    watching = Watching()
    with answering(watching):
        with httpx.Client() as client, client.stream("GET", f"{served.url}/stream") as answer:
            assert next(answer.iter_raw()) == PIECES[0]
        with requests.get(f"{served.url}/stream", stream=True, timeout=60) as answer:
            assert next(answer.iter_content(None)) == PIECES[0]

        async def ask():
            async with aiohttp.ClientSession() as session, session.get(f"{served.url}/stream") as answer:
                return await answer.content.readany()

        assert asyncio.run(ask()) == PIECES[0]
    assert watching.ends == [(None, False)] * 3


def test_a_redirect_a_head_and_no_content(served):
    watching = Watching()
    with answering(watching):
        assert requests.get(f"{served.url}/empty", timeout=60).status_code == 204
    with answering(lambda _: HttpResponse(204)):
        assert requests.head(f"{NOWHERE}/x", timeout=60).status_code == 204
        assert httpx.head(f"{NOWHERE}/x").status_code == 204
    moved = HttpResponse(302, (("location", "/there"),))
    with answering(lambda request: moved if request.url.endswith("/here") else HttpResponse(200)):
        assert requests.get(f"{NOWHERE}/here", timeout=60).url == f"{NOWHERE}/there"


def test_an_upload_in_pieces_is_read_whole():
    asked = []
    pieces = [b"one", b"two"]

    async def coming():
        for piece in pieces:
            yield piece

    async def ask():
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{NOWHERE}/x", data=coming()):
                pass
            async with session.post(f"{NOWHERE}/x", data={"file": io.BytesIO(b"three")}):
                pass
            async with session.post(f"{NOWHERE}/x", json={"a": 1}, params={"q": "1"}):
                pass

    with answering(lambda request: asked.append(request) or HttpResponse(200)):
        requests.post(f"{NOWHERE}/x", data=iter(pieces), timeout=60)
        httpx.post(f"{NOWHERE}/x", content=iter(pieces))
        asyncio.run(ask())
    assert [request.body for request in asked[:3]] == [b"onetwo"] * 3
    assert b"three" in asked[3].body
    assert (asked[4].body, asked[4].url) == (b'{"a": 1}', f"{NOWHERE}/x?q=1")


def test_aiohttp_reads_in_all_its_ways():
    async def ask(how):
        async with aiohttp.ClientSession() as session, session.get(f"{NOWHERE}/x") as answer:
            return await how(answer)

    async def lines(answer):
        return [line async for line in answer.content]

    async def chunks(answer):
        return [data async for data, _ in answer.content.iter_chunks()]

    async def small(answer):
        return [data async for data in answer.content.iter_chunked(4)]

    async def refused(answer):
        with pytest.raises(aiohttp.ClientResponseError):
            answer.raise_for_status()

    response = HttpResponse(404, (("content-type", "text/plain"),), (Chunk(b"ab\nc"), Chunk(b""), Chunk(b"d\n")))
    with answering(lambda _: response):
        assert asyncio.run(ask(lambda answer: answer.text())) == "ab\ncd\n"
        assert asyncio.run(ask(lines)) == [b"ab\n", b"cd\n"]
        assert asyncio.run(ask(chunks)) == [b"ab\nc", b"d\n"]
        assert asyncio.run(ask(small)) == [b"ab\nc", b"d\n"]
        asyncio.run(ask(refused))


def test_a_recorded_failure_in_the_middle_comes_after_its_chunks():
    broken = Exchange(None, HttpResponse(200, (), (Chunk(b"half"),)), Failure("timeout"))
    got = []
    with answering(lambda _: broken), pytest.raises(httpx.ReadTimeout):
        with_httpx(f"{NOWHERE}/x", got.append)
    assert got == [b"half"]


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST")])
def test_aiohttp_sees_each_hop_of_a_redirect(status, method):
    asked = []

    def answer(request):
        asked.append((request.method, request.url, request.body, dict(request.headers).get("Authorization")))
        moved = HttpResponse(status, (("location", "http://elsewhere.test/there"),))
        return moved if request.url.endswith("/here") else HttpResponse(200)

    async def ask(**options):
        options["headers"] = {"Authorization": "k"}
        async with aiohttp.ClientSession() as session, session.post(f"{NOWHERE}/here", data=b"body", **options) as got:
            return got.status, [one.status for one in got.history], str(got.url)

    with answering(answer):
        assert asyncio.run(ask()) == (200, [status], "http://elsewhere.test/there")
        assert asyncio.run(ask(allow_redirects=False)) == (status, [], f"{NOWHERE}/here")
        with pytest.raises(aiohttp.TooManyRedirects):
            asyncio.run(ask(max_redirects=1))
    assert asked[1] == (method, "http://elsewhere.test/there", b"body" if method == "POST" else b"", None)
