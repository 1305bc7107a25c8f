"""Which litellm is here, and whether it is newer than what was proven."""

import asyncio
import importlib.metadata
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from harness.__main__ import main
from harness.backend import library
from harness.backend.completion import watched
from harness.core.exchange import Chunk, HttpResponse
from harness.interception.clients import answering

ROOT = Path(__file__).parents[2]


@pytest.fixture
def newer(monkeypatch):
    """A litellm that nobody has proven yet."""
    real = importlib.metadata.version
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.0.0" if name == "litellm" else real(name))


@pytest.mark.parametrize("version", ["", "1.100.0", *library.PROVEN, f"{library.PROVEN[-1]}.post1", "main"])
def test_a_version_up_to_the_newest_proven_one_is_no_warning(version):
    assert library.unproven(version) == ""


def test_a_newer_version_is_one_line():
    major, minor, patch = library.PROVEN[-1].split(".")
    for version in (f"{major}.{minor}.{int(patch) + 1}", f"{major}.{int(minor) + 1}.0rc1", "2.0.0"):
        warning = library.unproven(version)
        assert warning.startswith(f"litellm {version} is newer")
        assert library.PROVEN[-1] in warning
        assert "\n" not in warning


def test_version_names_the_litellm_and_warns_of_a_newer_one(newer, capsys):
    assert main(["--version"]) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"harness \S+, litellm 9\.0\.0\n", said.out)
    assert said.err.count("\n") == 1
    assert "litellm 9.0.0 is newer" in said.err


def test_prove_warns_of_a_newer_one(newer, capsys):
    assert main(["prove", "--provider", "no-such-provider"]) == 2
    assert "litellm 9.0.0 is newer" in capsys.readouterr().err


def test_card_warns_of_a_newer_one(newer, capsys, tmp_path):
    assert main(["card", "--from", str(tmp_path / "none.json")]) == 2
    assert "litellm 9.0.0 is newer" in capsys.readouterr().err


def test_the_lock_has_the_newest_that_was_proven():
    assert f"\nlitellm=={library.PROVEN[-1]} " in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_proven_versions_are_in_the_declared_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {one.name: one.specifier for one in map(Requirement, project["dependencies"])}
    assert all(version in declared["litellm"] for version in library.PROVEN)
    assert "1.107.3" not in declared["litellm"]
    assert sorted(library.PROVEN, key=Version) == list(library.PROVEN)
    assert "13.9.4" in declared["rich"]  # litellm[proxy] wants rich < 14


class Doubling:
    """Sends each body twice, and gets the answer in capitals."""

    request = SimpleNamespace(arguments={"model": "openai/gpt-4o-mini"})

    def on_request(self, body):
        return body + body

    def on_response(self, response):
        return httpx.Response(200, text=response.text.upper(), request=response.request)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_attempt_changes_what_litellms_clients_send_and_get():
    library.library()
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

    sent = []

    def answer(request):
        sent.append(request.body)
        return HttpResponse(200, (("content-type", "text/plain"),), (Chunk(b"yes"),))

    url = "http://provider.test/v1"
    with answering(answer), watched(Doubling()):
        assert HTTPHandler().post(url, data="a").text == "YES"
        assert asyncio.run(AsyncHTTPHandler().post(url, data="b")).text == "YES"
        HTTPHandler().post(url, json={"x": 1})
    assert sent == [b"aa", b"bb", b'{"x":1}']
