"""`harness local start` and `record --local` where they can't work, told in a sentence."""

from __future__ import annotations

import importlib.util
import socket

import pytest

from harness.__main__ import main


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def runs(*words):
        code = main(words)
        return code, capfd.readouterr().err.strip()

    return runs


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_stopping_what_does_not_run(run):
    port = free_port()
    code, err = run("local", "stop", "--port", str(port))
    assert code == 2
    assert err == f"harness: no local server of ours runs on port {port}; `harness local start` starts one"


def test_a_port_that_is_taken(run):
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("the local extra is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = run("local", "start", "--port", str(port))
    assert code == 2
    assert err == f"harness: port {port} is taken by another program; choose another with --port"


def test_without_the_extra(run, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "xllamacpp" else found(name, *more)
    )
    code, err = run("local", "start", "--port", str(free_port()))
    assert code == 2
    assert err == "harness: the local server is not installed; run: pip install xllamacpp==0.2.12"


def test_the_options_exclude_one_another(run):
    code, err = run("local", "start", "--fetch", "--detach")
    assert code == 2
    assert "not allowed with" in err
