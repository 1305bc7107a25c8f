"""The wheel in an environment of its own, used in an empty folder: what somebody does who has just installed it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="NO PIP here to build and install a wheel with"),
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of an environment's commands: harness from its wheel, everything else from where this test runs."""
    folder = tmp_path_factory.mktemp("wheel")
    source, environment = folder / "source", folder / "environment"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "harness", source / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source],
        check=True,
        env=_clean(),
        timeout=300,
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, env=_clean(), timeout=300)
    (wheel,) = folder.glob("*.whl")
    commands = environment / "bin"
    subprocess.run(
        [*pip, "--python", commands / "python", "install", "--no-deps", wheel], check=True, env=_clean(), timeout=300
    )
    paths = sysconfig.get_paths("venv", {"base": str(environment), "platbase": str(environment)})
    (Path(paths["purelib"]) / "dependencies.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    return commands


def _clean(**more):
    away = ("CI", "PYTHONPATH", "PYTHONHOME")
    kept = {name: value for name, value in os.environ.items() if name not in away and not name.startswith("HARNESS_")}
    return {**kept, **more}


@pytest.fixture
def run(installed, tmp_path):
    """What a command of the wheel says in an empty folder; a scripted model answers where OpenAI is asked."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/v1"
    words = _clean(OPENAI_API_KEY="x", OPENAI_BASE_URL=address, OPENAI_API_BASE=address)
    folder = tmp_path / "empty"
    folder.mkdir()

    def runs(*command):
        done = subprocess.run(
            [installed / "harness", *command],
            cwd=folder,
            env=words,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    serving = [installed / "harness", "serve", "--scripted-model", "--port", str(port)]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(serving, cwd=tmp_path, env=words, stdout=log, stderr=log)
        try:
            _wait(server, port)
            yield runs, folder
        finally:
            server.terminate()
            server.wait(60)


def _wait(server, port):
    while server.poll() is None:  # pytest's own limit ends what never serves
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    pytest.fail(f"the server ended with {server.returncode}")


def test_it_is_the_wheel_that_runs(installed, tmp_path):
    where = "import harness; print(harness.__file__)"
    done = subprocess.run(
        [installed / "python", "-c", where], cwd=tmp_path, env=_clean(), check=True, capture_output=True, text=True
    )
    assert done.stdout.strip().startswith(str(installed.parent))


def test_eval_card_and_init_run_in_an_empty_folder(run):
    runs, folder = run
    code, said = runs("run")
    assert code == 2
    assert "`harness init` writes a first suite" in said
    for command in ("eval", "card"):
        code, said = runs(command)
        assert (code, "name a model" in said) == (2, True)
    assert not list(folder.iterdir())

    code, said = runs(
        "eval", "openai/scripted", "--pack", "tools", "--record", "--category", "simple", "--junit", "e.xml"
    )
    assert code == 0, said
    assert "13 cases to ask of openai/scripted: 13 questions" in said
    assert "trigger recall" in said
    assert (folder / "e.xml").stat().st_size
    code, said = runs("eval", "openai/scripted", "--category", "simple")
    assert code == 0, said

    code, said = runs(
        "card", "openai/scripted", "--record", "-n", "1", "--probe", "c*", "--no-self-checks", "--html", "c.html"
    )
    assert code == 0, said
    assert "scripted through openai: fit for tool calling" in said
    assert "<table" in (folder / "c.html").read_text(encoding="utf-8")

    code, said = runs("init")
    assert code == 0, said
    code, said = runs("run")
    assert code == 2
    assert "harness record" in said
