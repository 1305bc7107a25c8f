"""The official OpenAI and Anthropic packages for Node: what they return from the server is what was recorded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.core.chat import Reply, ToolCall, Usage
from harness.core.exchange import Exchange, HttpResponse, Provenance
from harness.dialects import DIALECTS
from harness.server.app import App
from harness.server.proxy import Proxy, recorder
from harness.server.recording_index import RecordedExchange, RecordingIndex, gathered
from harness.server.replay import Replay
from harness.server.rules import Rules, from_text
from harness.server.synthetic import Script, scripted
from harness.server.web import serving

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toolcall-harness" / "node"
PACKAGES = Path(os.environ.get("HARNESS_NODE_PACKAGES") or CACHE)
pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
    pytest.mark.skipif(
        not (PACKAGES / "node_modules" / "openai").exists(), reason="needs its packages: run `make node-packages`"
    ),
]
REPLY = Reply(
    text="Let me see.",
    calls=(ToolCall("get_weather", {"city": "Zürich 🙂"}, "call_abc1234"), ToolCall("get_weather", {}, "call_def5678")),
    finish="tool_calls",
    usage=Usage(3, 4, 7),
)
WORDS = {"calls": [{"name": "get_weather", "parameters": {"city": "Zürich 🙂"}, "id": "call_abc1234"}]}


def node(url: str) -> dict[str, Any]:
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("clients.mjs")), url],
        env={**os.environ, "PACKAGES": str(PACKAGES)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


class Seen:
    """Renders ``REPLY`` for whoever asks, and keeps the exchanges."""

    def __init__(self) -> None:
        self.kept: list[RecordedExchange] = []
        self.recorded: tuple[RecordedExchange, ...] = ()
        self.used: list[int] = []

    def answer(self, request: Any) -> RecordedExchange:
        dialect = DIALECTS["anthropic" if "/messages" in request.url else "openai"]
        response: HttpResponse = dialect.render(REPLY, stream=json.loads(request.body).get("stream", False))
        one = RecordedExchange(Exchange(request, response), "here.json", len(self.kept), Provenance("synthetic", ""))
        self.kept.append(one)
        return one


def held(one: RecordedExchange) -> Any:
    """The JSON of a recorded answer; of a stream, that of each event."""
    body = one.exchange.response.body.decode()
    if not body.startswith(("data:", "event:")):
        return json.loads(body)
    events = [line[6:] for line in body.split("\n") if line[:6] == "data: "]
    told = [json.loads(event) for event in events if event != "[DONE]"]
    return [one for one in told if one.get("type") != "ping"]  # the package keeps these to itself


def calls_of(name: str, given: Any) -> list[tuple[str, Any]]:
    if name.startswith("openai"):
        told = [one["function"] for one in given["choices"][0]["message"]["tool_calls"]]
        return [(one["name"], json.loads(one["arguments"])) for one in told]
    return [(one["name"], one["input"]) for one in given["content"] if one["type"] == "tool_use"]


def test_node_gets_what_was_recorded_whole_and_streamed() -> None:
    seen = Seen()
    with serving(App(Replay(seen))) as door:
        first = node(door.url)
    with serving(App(Replay(RecordingIndex(seen.kept)))) as door:
        given = node(door.url)
    assert given == first
    assert len(given) == len(seen.kept) == 6
    for (name, got), one in zip(given.items(), seen.kept, strict=True):
        if not name.endswith("gathered"):  # what a helper makes of a stream holds more than the stream
            assert got == held(one), name
        if not name.endswith("stream"):
            assert calls_of(name, got) == [(call.name, call.parameters) for call in REPLY.calls], name


def test_node_records_through_the_proxy_and_replays_the_same(tmp_path: Path) -> None:
    upstream = App(Replay(scripted(Script.model_validate({"replies": [WORDS, {"text": "Sunny."}]}))))
    with (
        serving(upstream) as provider,
        recorder(tmp_path / "a.json", Provenance("synthetic", "")) as kept,
        serving(App(Proxy(provider.url, kept))) as door,
    ):
        first = node(door.url)
    with serving(App(Replay(RecordingIndex(gathered([tmp_path]))))) as door:
        assert node(door.url) == first
    assert first["openai whole"]["choices"][0]["message"]["tool_calls"]


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("{fault: status, status: 429, times: 6}", "RateLimitError"),
        ("{fault: reset, times: 6}", "APIConnectionError"),
    ],
)
def test_node_sees_faults_as_its_own_errors(rule: str, error: str) -> None:
    with serving(App(Replay(Seen(), rules=Rules([from_text(rule)])))) as door:
        assert {one["error"] for one in node(door.url).values()} == {error}
