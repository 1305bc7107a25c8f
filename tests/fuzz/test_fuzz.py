"""Damaged suites, cassettes, requests, answers and imports: each is used or refused by a typed error, soon and small.

``HARNESS_FUZZ`` is the number of inputs for each kind, or ``HARNESS_FUZZ_SECONDS`` how long each is put to it;
``HARNESS_FUZZ_SEED`` is where they start. What it found is a plain
test beside the code that was mended.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.backend.attempt import Attempt
from harness.backend.library import load_offline
from harness.backend.request import PreparedRequest, prepare_request
from harness.backend.stream_watch import LineWatch
from harness.cassette.format.document import from_bytes
from harness.cassette.importers import read as imported
from harness.cassette.matching import canonical
from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.errors import HarnessError
from harness.core.exchange import Chunk, HttpRequest, HttpResponse
from harness.dialects import DIALECTS, dialect_at
from harness.dialects.framing import body_parts
from harness.dialects.providers import profile, proven
from harness.dialects.registry import read_chat_request
from harness.suite.collection import load_suites

ROOT = Path(__file__).parents[2]
NUMBER = int(os.environ.get("HARNESS_FUZZ", "3000"))
SECONDS = float(os.environ.get("HARNESS_FUZZ_SECONDS", "0"))
SEED = int(os.environ.get("HARNESS_FUZZ_SEED", "16"))
LONGEST = 10
LARGEST = 500 * 1024 * 1024

pytestmark = pytest.mark.slow


class TooLongError(Exception):
    """An input took longer than ``LONGEST`` seconds."""


@contextmanager
def limited() -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def memory() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def suites(data: bytes, folder: Path) -> None:
    file = folder / "suite.yaml"
    file.write_bytes(data)
    shared = folder / "models.yaml"
    if not shared.exists():
        shared.write_bytes((ROOT / "suites" / "models.yaml").read_bytes())
    load_suites([file])


def cassettes(data: bytes, _: Path) -> None:
    cassette = from_bytes(data, "fuzz.json")
    for exchange in cassette.exchanges:
        canonical(exchange.request)
        dialect = dialect_at(exchange.request.url)
        if dialect is not None and exchange.response is not None and exchange.response.status == 200:
            dialect.read(exchange.response)


def imports(data: bytes, folder: Path) -> None:
    file = folder / "recording.yaml"
    file.write_bytes(data)
    imported(file)


URLS = (
    *("/v1/chat/completions", "/v1/messages", "/v1beta/models/m:generateContent", "/model/m/converse", "/v2/chat"),
    *("/api/chat", "/api/generate", "/v1/responses"),
)


def requests(data: bytes, _: Path) -> None:
    for path in URLS:
        request = HttpRequest("POST", f"https://api.test{path}", (), data)
        canonical(request)
        read_chat_request(request)
        dialect = dialect_at(request.url)
        assert dialect is not None, path
        dialect.mentions(request)


def answers(data: bytes, _: Path) -> None:
    name, _, body = data.partition(b"\n")
    if name.decode("latin-1") not in DIALECTS:
        return
    response = HttpResponse(200, (), (Chunk(body),))
    assert b"".join(body_parts(response)) == body
    DIALECTS[name.decode()].read(response)


@cache
def question(dialect: str, *, stream: bool) -> PreparedRequest:
    row = next(row for row in map(profile, proven()) if row.dialect == dialect)
    tools = [{"type": "function", "function": {"name": "get_x", "parameters": {"type": "object"}}}]
    return prepare_request(row.model, [{"role": "user", "content": "Hi"}], tools, {}, stream=stream)


def decoded(data: bytes, _: Path) -> None:
    """What the backend itself does with an answer, litellm aside."""
    name, _, body = data.partition(b"\n")
    dialect = name.decode("latin-1")
    if dialect not in DIALECTS:
        return
    attempt = Attempt(question(dialect, stream=False))
    attempt.on_response(httpx.Response(200, content=body))
    attempt.store(body.decode(errors="replace"))
    attempt.rescued(ValueError())
    with suppress(HarnessError):
        attempt.reply({"choices": [{"message": {"content": None}, "finish_reason": "stop"}]})
    streamed = Attempt(question(dialect, stream=True))
    streamed.watch = LineWatch(streamed.request.provider, dialect)
    with suppress(HarnessError):
        for _line in chain(streamed.watch.feed(body), streamed.watch.finish()):
            pass
    streamed.begun = True
    streamed.streamed_reply(None)


def files(pattern: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted(ROOT.glob(pattern))]


def asked() -> list[bytes]:
    made = [file for file in files("cassettes/**/*.json") if len(file) < 100_000]
    found = [exchange.request.body for file in made[:60] for exchange in from_bytes(file, "seed").exchanges]
    schema = {"type": ["object", "null"], "properties": {"a": {"type": "string"}}}
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1", "content": "x"}]
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    parts = [{"functionCall": {"name": "f", "args": {}}}, {"functionResponse": {"name": "f", "response": {}}}]
    bodies: list[Any] = [
        {"model": "m", "messages": messages, "tools": tools, "response_format": {"json_schema": {"schema": schema}}},
        {"contents": [{"parts": parts}], "tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]},
    ]
    return [body for body in found if body] + [json.dumps(body).encode() for body in bodies]


def answered() -> list[bytes]:
    cut = CallError("arguments", "", "[1]", "get_y", "call_2", 1)
    reply = Reply(text="Hé 🙂", calls=(ToolCall("get_x", {"a": [1]}, "call_1"),), errors=(cut,), finish="tool_calls")
    plain = Reply(text="Hé 🙂", reasoning="hm", finish="stop", usage=Usage(1, 2, 3))
    made = []
    for dialect in DIALECTS.values():
        for one in (reply, plain):
            for stream in (False, True):
                try:
                    body = dialect.render(one, stream=stream).body
                except HarnessError:
                    continue
                made.append(dialect.name.encode() + b"\n" + body)
    return made


def heard() -> list[bytes]:
    load_offline()  # seconds that no input is to blame for
    return answered()


SMALL = [
    b"models: [openai/m]\ncases: {one: {x: {y: 1, z: 2}}}\n",
    b"models: [openai/m]\ntools: {f: {x: 1}}\ncases:\n one:\n  - id: w\n    messages:\n      - user: x\n",
    b"models: [openai/m]\ncases: [{id: a, messages: [{user: x}], expect: {calls: [{name: f, parameters: {y: 1}}]}}]\n",
    b"models: [openai/m]\ncases:\n  - id: a\n    messages:\n      - user: x\n    expect: {text: {contains: y}}\n",
    b"models: [openai/m]\ntools: [{name: f, parameters: {type: object}}]\ncases: [{id: a, tools: [f], messages: [{user: x}]}]\n",
]
KINDS: dict[str, tuple[Callable[[bytes, Path], None], Callable[[], list[bytes]]]] = {
    "suites": (suites, lambda: [*files("suites/*.yaml"), *SMALL]),
    "cassettes": (cassettes, lambda: [file for file in files("cassettes/**/*.json") if len(file) < 40_000]),
    "imports": (imports, lambda: files("tests/cassette/importers/files/*.*")),
    "requests": (requests, asked),
    "answers": (answers, answered),
    "decoded": (decoded, heard),
}


def numbers() -> Iterator[int]:
    """The seeds of the inputs."""
    end = time.monotonic() + SECONDS
    for number in count(SEED):
        if time.monotonic() > end if SECONDS else number == SEED + NUMBER:
            return
        yield number


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_input_is_used_or_refused_by_a_typed_error_soon_and_small(kind: str, tmp_path: Path) -> None:
    use, seeds = KINDS[kind]
    given = seeds()
    assert given, f"no {kind} to start from"
    before, ended, found, put = memory(), Counter[str](), {}, 0
    for number in numbers():
        data = damaged(given, random.Random(number))
        put += 1
        try:
            with limited():
                use(data, tmp_path)
        except HarnessError as error:
            ended[type(error).__name__] += 1
        except Exception as error:  # noqa: BLE001 - whatever is untyped is what is looked for
            found.setdefault(f"{type(error).__name__}: {error}"[:160], (number, base64.b64encode(data[:300]).decode()))
        else:
            ended["used"] += 1
    print(f"\n{kind}: {put} inputs from {SEED}, {dict(ended)}, {(memory() - before) >> 20} MB more")
    assert found == {}
    assert memory() - before < LARGEST


ODD = (
    *(b"", b"null", b"true", b"-1", b"1e400", b"NaN", b"[]", b"{}", b'""', b'"\\ud800"', b"\x00", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"{" * 200, b"[" * 5000, b"9" * 5000, b"*a", b"&a [*a]", b"!!python/object:os.system {}", b"<<: *a", b"? ", b"\r"),
    *(b"http://[", b"http://x:99999999/", b"file:///etc/passwd", b"data: ", b"event: error\n", b"data: [DONE]\n\n"),
    *(b'{"error": {"code": 429}}', b"2026-99-99", b"\xe2\x80\xa8", b"- ", b": ", b"'", b'"', b"|\n", b"%", b"\t"),
)  # fmt: skip
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_.+-]+|[\[\]{}:,]')
_MOST = 1 << 20


def damaged(seeds: list[bytes], chance: random.Random) -> bytes:
    """One of ``seeds`` after one to four mutations."""
    data = chance.choice(seeds)
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(_WAYS)(data, chance, seeds)[:_MOST]
    return data


def _flipped(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def _cut(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _inserted(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(ODD) + data[place:]


def _replaced(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    """A token becomes an odd value, or another token of the same file."""
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return data
    one, other = chance.choice(tokens), chance.choice(tokens)
    value = chance.choice((chance.choice(ODD), other[0]))
    return data[: one.start()] + value + data[one.end() :]


def _lines(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    """A line doubled, left out, moved, or set in further."""
    lines = data.split(b"\n")
    place, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    way = chance.randrange(4)
    if way == 0:
        lines.insert(place, lines[place])
    elif way == 1:
        lines.pop(place)
    elif way == 2:
        lines[place], lines[other] = lines[other], lines[place]
    else:
        lines[place] = b"  " + lines[place]
    return b"\n".join(lines)


def _key_doubled(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    """A key of a mapping stands twice, with the same value or without one."""
    pairs = list(re.finditer(rb'("[^"\n]*"|[\w-]+): *([^,}\n]*)', data))
    if not pairs:
        return data
    one = chance.choice(pairs)
    again = one[0] if chance.random() < 0.5 else one[1] + b": "
    between = b"\n" if data[: one.start()].endswith(b" ") and b"{" not in data[:40] else b", "
    return data[: one.end()] + between + again + data[one.end() :]


def _spliced(data: bytes, chance: random.Random, seeds: list[bytes]) -> bytes:
    other = chance.choice(seeds)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


_WAYS = (_flipped, _cut, _inserted, _replaced, _replaced, _lines, _key_doubled, _key_doubled, _spliced)
