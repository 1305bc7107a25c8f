"""Cassettes in object storage: a real S3 server on the loopback where its packages are, and fsspec's own memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from socket import socket

import pytest

from harness.__main__ import main
from harness.cassette import Cassette, load, save
from harness.cassette.storage.remote import mirrored, published
from harness.core.chat import Reply, Usage
from harness.core.errors import CassetteError, CassetteWriteError, UsageError
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.core.folders import cache_folder
from harness.dialects import OPENAI

fsspec = pytest.importorskip("fsspec", reason="NO STORE: make test-scale")
FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
PLACE = Path("shop") / "hello" / "openai+m.json"
SUITE = """
name: shop
models: [{name: m, backend: openai, hostname: "http://127.0.0.1:9/v1", api_key_env: SHOP_KEY}]
cases: [{id: hello, messages: [{user: Say hello.}], expect: {text: {contains: Hello}}}]
"""


def cassette(text="Hello there."):
    asked = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}
    request = HttpRequest(
        "POST", "http://127.0.0.1:9/v1/chat/completions", (), json.dumps(asked, separators=(",", ":")).encode()
    )
    return Cassette(FROM, (Exchange(request, OPENAI.render(Reply(text=text, finish="stop", usage=Usage(1, 1, 2)))),))


def said(path):
    return OPENAI.read(load(path).exchanges[0].response).text


@pytest.fixture(autouse=True)
def caches(tmp_path, monkeypatch):
    """Two people's caches; ``use`` changes from one to the other."""

    def use(who):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / who))

    use("one")
    return use


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """An S3-compatible server in a process of its own, and how clients reach it."""
    pytest.importorskip("s3fs", reason="NO S3: make test-scale")
    pytest.importorskip("moto.server", reason="NO S3: make test-scale")
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(3000):
        try:
            urllib.request.urlopen(url, timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(300)


@pytest.fixture(params=["memory", "s3"])
def root(request, monkeypatch, tmp_path):
    """A root in a store, empty."""
    if request.param == "memory":
        return f"memory://{tmp_path.name}/recordings"
    endpoint = request.getfixturevalue("s3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret-0123456789")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    store = fsspec.filesystem("s3")
    bucket = f"b{abs(hash(tmp_path.name)) % 10**10}"
    store.mkdir(bucket)
    return f"s3://{bucket}/recordings"


def test_what_one_records_the_other_reads(root, caches):
    mine = mirrored(root)
    save(mine / PLACE, cassette())
    published(mine / PLACE)
    caches("two")
    theirs = mirrored(root)
    assert theirs != mine
    assert said(theirs / PLACE) == "Hello there."


def test_only_what_changed_is_fetched(root, caches):
    mine = mirrored(root)
    for name in ("a", "b"):
        save(mine / name / PLACE, cassette(name))
        published(mine / name / PLACE)
    caches("two")
    theirs = mirrored(root)
    times = {name: (theirs / name / PLACE).stat().st_ino for name in ("a", "b")}
    caches("one")
    save(mine / "b" / PLACE, cassette("b again"))
    published(mine / "b" / PLACE)
    caches("two")
    assert mirrored(root) == theirs
    assert (theirs / "a" / PLACE).stat().st_ino == times["a"]
    assert said(theirs / "b" / PLACE) == "b again"


def test_two_writers_never_lose_ones_work(root, caches):
    mine = mirrored(root)
    caches("two")
    theirs = mirrored(root)
    save(theirs / PLACE, cassette("theirs"))
    published(theirs / PLACE)
    caches("one")
    save(mine / PLACE, cassette("mine"))
    with pytest.raises(CassetteWriteError, match="somebody else recorded it meanwhile") as caught:
        published(mine / PLACE)
    assert said(mine / PLACE) == "theirs"
    assert said(mine / PLACE.with_name("openai+m.partial.json")) == "mine"
    assert str(mine) in str(caught.value)
    save(mine / PLACE, cassette("mine, later"))
    published(mine / PLACE)
    caches("two")
    assert said(mirrored(root) / PLACE) == "mine, later"


def test_what_never_came_into_the_store_is_put_aside_and_not_lost(root, caches):
    mine = mirrored(root)
    save(mine / PLACE, cassette("mine"))  # and the machine went down
    caches("two")
    theirs = mirrored(root)
    save(theirs / PLACE, cassette("theirs"))
    published(theirs / PLACE)
    caches("one")
    mirrored(root)
    assert said(mine / PLACE) == "theirs"
    assert said(mine / PLACE.with_name("openai+m.partial.json")) == "mine"


def test_a_suite_is_replayed_from_a_store(root, tmp_path, monkeypatch, capfd):
    mine = mirrored(root)
    save(mine / PLACE, cassette())
    published(mine / PLACE)
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "shop.yaml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--cassettes", root]) == 0, capfd.readouterr()
    (tmp_path / "pyproject.toml").write_text(f'[tool.harness]\ncassettes = "{root}"\n')
    assert main(["run"]) == 0
    assert main(["cassettes", "list"]) == 0
    assert main(["cassettes", "prune", "--yes"]) == 2
    assert "use the store's own tools" in capfd.readouterr().err


def test_a_folder_of_ones_own_costs_nothing(tmp_path):
    save(tmp_path / PLACE, cassette())
    published(tmp_path / PLACE)
    assert not cache_folder("stores").exists()


@pytest.mark.parametrize(
    ("url", "kind", "told"),
    [
        ("s3://key:secret-0123456789@bucket/x", UsageError, "holds credentials"),
        ("nosuchstore://x", UsageError, "fsspec knows no such store"),
    ],
)
def test_a_wrong_url_is_one_sentence_without_its_secrets(url, kind, told):
    with pytest.raises(kind, match=told) as caught:
        mirrored(url)
    assert "secret-0123456789" not in str(caught.value)


def test_a_store_that_does_not_answer_is_one_sentence(monkeypatch):
    pytest.importorskip("s3fs", reason="NO S3: make test-scale")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret-0123456789")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # one that another test made knows another address
    with pytest.raises(CassetteError, match="the store can't be used") as caught:
        mirrored("s3://bucket/recordings")
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)
