"""LiteLLM records through the proxy; from that one cassette it gets the same from the server and in process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.cassette import open_tape
from harness.core.chat import Reply
from harness.core.exchange import Provenance
from harness.dialects.providers import profile, proven
from harness.server.app import App
from harness.server.proxy import Proxy, recorder
from harness.server.recording_index import RecordingIndex, gathered
from harness.server.replay import Replay
from harness.server.synthetic import Script, scripted
from harness.server.web import serving

# litellm pools its connections for the life of the process, and leaves an event loop behind on import.
pytestmark = pytest.mark.filterwarnings("ignore")  # litellm leaves sockets and event loops behind

FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
TOOLS = [{"type": "function", "function": FUNCTION}]
QUESTION = [{"role": "user", "content": "Weather in Zürich?"}]
SCRIPT = Script.model_validate(
    {"replies": [{"calls": [{"name": "get_weather", "parameters": {"city": "Zürich 🙂"}, "id": "call_abc1"}]}]}
)


@pytest.fixture(autouse=True, scope="module")
def _offline() -> None:
    load_offline()


def ask(provider: str, base: str, stream: bool) -> Reply:
    model, options = profile(provider).model, dict(profile(provider).options)
    moved: dict[str, Any] = {
        name: value.replace("http://provider.test", base) if isinstance(value, str) else value
        for name, value in options.items()
    }
    return complete(model, QUESTION, tools=TOOLS, stream=stream, **moved)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "provider", [name for name in proven() if name not in {"ollama", "vertex_ai/claude"}]
)  # litellm has it put calls in text
def test_through_the_proxy_the_server_and_in_process_are_alike(provider: str, stream: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with (
        serving(App(Replay(scripted(SCRIPT)))) as upstream,
        recorder(path, Provenance("synthetic", "")) as kept,
        serving(App(Proxy(upstream.url, kept))) as door,
    ):
        first = ask(provider, door.url, stream)
    with serving(App(Replay(RecordingIndex(gathered([path]))))) as door:
        assert ask(provider, door.url, stream) == first
    with open_tape(path):
        assert ask(provider, upstream.url, stream) == first
    assert [(call.name, call.parameters) for call in first.calls] == [("get_weather", {"city": "Zürich 🙂"})]
