"""Tests written for pytest-recording, replayed by our tapes as they stand: real pytest runs over vcrpy's YAML."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from harness.__main__ import main
from harness.app.pytest_plugin.vcr import COUNTERPARTS, imported
from tests.children import python

ROOT = Path(__file__).parent.parent.parent


def interaction(path, body, answer, method="POST", *, host="api.test", **headers):
    return {
        "request": {
            "method": method,
            "uri": f"https://{host}{path}",
            "headers": {"content-type": ["application/json"]},
            "body": body,
        },
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-type": ["application/json"], **{name: [value] for name, value in headers.items()}},
            "body": {"string": answer},
        },
    }


def cassette(folder, name, *interactions):
    path = folder / "cassettes" / "test_a" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"version": 1, "interactions": list(interactions)}))


@pytest.fixture
def run(tmp_path):
    def runs(test, *words, conftest="", settings="vcr = true\n"):
        (tmp_path / "pyproject.toml").write_text(f"[tool.harness]\n{settings}")
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "test_a.py").write_text(f"import httpx, json, pytest\n{test}")
        kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "harness.app.pytest_plugin.plugin"}
        options = ("-p", "no:cacheprovider", "-rA", "--strict-markers")
        done = python("pytest", *options, *words, cwd=tmp_path, env={**kept, **alone})
        return done.returncode, done.stdout + done.stderr

    return runs


PLAIN = """
@pytest.mark.vcr
@pytest.mark.parametrize("word", ["a:b", "x"])
def test_it(word, vcr):
    assert httpx.post("https://api.test/x", json={"w": word}).json() == {"is": word}
    assert json.loads(vcr.requests[0].body) == {"w": word}
    assert (vcr.requests[0].uri, vcr.requests[0].path, vcr.play_count, vcr.all_played, len(vcr)) == (
        "https://api.test/x", "/x", 1, True, 1)

class TestThese:
    @pytest.mark.vcr()
    def test_it(self):
        assert httpx.post("https://api.test/x", json={}).json() == {}

@pytest.mark.vcr
@pytest.mark.default_cassette("another")
def test_named():
    assert httpx.post("https://api.test/x", json={}).json() == {"named": 1}

def test_plain(vcr):
    assert vcr is None
"""


def plain_cassettes(folder):
    for word in ("a:b", "x"):
        name = f"test_it[{word}]".replace(":", "-")
        cassette(folder, name, interaction("/x", f'{{"w":"{word}"}}', f'{{"is":"{word}"}}'))
    cassette(folder, "TestThese.test_it", interaction("/x", "{}", "{}"))
    cassette(folder, "another", interaction("/x", {}, '{"named":1}'))


def test_marked_tests_replay_from_yaml_as_it_stands(run, tmp_path):
    plain_cassettes(tmp_path)
    code, told = run(PLAIN)
    assert code == 0, told
    assert "5 passed" in told


def test_and_from_a_tree_that_was_imported_with_its_names(run, tmp_path, capsys):
    plain_cassettes(tmp_path)
    (tmp_path / "cassettes" / "notes.json").write_text('{"no": "recording"}')
    folder = str(tmp_path / "cassettes")
    assert main(["cassettes", "import", folder, "--to", folder]) == 0
    assert "notes.json: looks like no recording" in capsys.readouterr().err
    for file in (tmp_path / "cassettes").rglob("*.yaml"):
        assert file.with_suffix(".json").exists(), file
        file.unlink()
    code, told = run(PLAIN)
    assert code == 0, told


def test_what_counts_is_what_match_on_says(run, tmp_path):
    test = """
@pytest.mark.vcr
def test_it():
    assert httpx.post("https://api.test/x", json={"other": 1}).json() == {}
"""
    cassette(tmp_path, "test_it", interaction("/x", '{"w":1}', "{}"))
    assert run(test)[0] == 0, "vcrpy's default looks at no body"
    code, told = run(test.replace(".vcr", ".vcr(match_on=['method', 'uri', 'body'])"))
    assert code == 1
    assert "body.other: requested 1" in told
    assert run(test.replace("/x", "/y"))[0] == 1
    assert run(test.replace("api.test", "elsewhere.test"))[0] == 1
    assert run(test.replace("api.test", "elsewhere.test").replace(".vcr", ".vcr(match_on=['path'])"))[0] == 0


CONFIG = """
import pytest
def before(request):
    if request.path == "/ignored":
        return None
    request.uri = request.uri.replace("/v2/", "/v1/")
    return request

@pytest.fixture(scope="module")
def vcr_config():
    return {"filter_headers": ["authorization"], "filter_query_parameters": ["key", ("day", "X")],
            "before_record_request": before, "allow_playback_repeats": True, "ignore_localhost": True,
            "decode_compressed_response": True, "match_on": ["method", "uri", "body"],
            "filter_post_data_parameters": ["stamp"]}

@pytest.fixture(scope="module")
def vcr_cassette_dir(request):
    return str(request.path.parent / "elsewhere")
"""


def test_a_client_that_wants_a_key_starts_without_one(run, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    cassette(tmp_path, "test_it", interaction("/x", "{}", "{}", host="api.openai.com"))
    test = """
import os

@pytest.mark.vcr
def test_it():
    assert os.environ["OPENAI_API_KEY"]
    assert httpx.post("https://api.openai.com/x", json={}).json() == {}

def test_after_it():
    assert "OPENAI_API_KEY" not in os.environ
"""
    code, output = run(test)
    assert code == 0, output


def test_filters_repeats_and_folders_mean_what_they_meant(run, tmp_path):
    test = """
@pytest.mark.vcr
def test_it():
    for number in range(3):
        url = f"https://api.test/v2/x?key={number}&day=now&n=1"
        assert httpx.post(url, json={"stamp": number, "a": 1}).json() == {"n": min(number, 1)}

@pytest.mark.vcr
def test_miss():
    httpx.post("https://api.test/v2/x?key=1&n=2", json={"a": 1})
"""
    one = interaction("/v1/x?key=K&day=X&n=1", '{"a":1}', '{"n":0}')
    two = interaction("/v1/x?key=K&day=X&n=1", '{"a":1}', '{"n":1}')
    cassette(tmp_path, "test_it", one, two)
    cassette(tmp_path, "test_miss", one)
    (tmp_path / "cassettes" / "test_a").rename(tmp_path / "elsewhere")
    _, told = run(test.replace("min(number, 1)", "[0, 1, 0][number]"), conftest=CONFIG)
    assert "1 failed, 1 passed" in told, told
    assert "n=2" in told


@pytest.mark.parametrize(
    ("marker", "name"),
    [
        (".vcr(custom_patches=())", "custom_patches"),
        (".vcr(match_on=['method', 'mine'])", "mine"),
        (".vcr('extra.yaml')", "more than one cassette"),
    ],
)
def test_what_has_no_counterpart_is_named(marker, name, run, tmp_path):
    cassette(tmp_path, "test_it", interaction("/x", "{}", "{}"))
    code, told = run(f"@pytest.mark{marker}\ndef test_it():\n    pass\n")
    assert code == 1
    assert name in told
    assert "docs/from-vcrpy.md" in told


HOOK = """
def pytest_recording_configure(config, vcr):
    def path(one, other):
        assert one.path.lower() == other.path.lower()
    def before(request):
        return None if request.path == "/token" else request
    vcr.register_matcher("path", path)
    vcr.register_serializer("yaml", object())
    vcr.before_record_request = before
"""


def test_matchers_of_the_suites_own_and_headers_compare_by_vcrpys_rules(run, tmp_path):
    test = """
@pytest.mark.vcr
def test_it(vcr):
    assert httpx.post("https://api.test/PATH", json={}).json() == {"n": 0}
    assert httpx.post("https://api.test/path", json={}).json() == {"n": 1}
    assert (vcr.play_counts, vcr.record_mode.name, len(vcr.requests)) == ({0: 1, 1: 1}, "NONE", 2)

@pytest.mark.vcr(match_on=["path", "headers"])
def test_headers():
    httpx.post("https://api.test/path", json={})
"""
    cassette(tmp_path, "test_it", interaction("/path", "{}", '{"n":0}'), interaction("/path", "{}", '{"n":1}'))
    cassette(tmp_path, "test_headers", interaction("/path", "{}", "{}", accept="x"))
    _, told = run(test, conftest=HOOK)
    assert "PASSED test_a.py::test_it" in told, told
    assert "FAILED test_a.py::test_headers" in told


def test_a_missing_cassette_and_a_swallowed_miss_fail(run, tmp_path):
    test = """
@pytest.mark.vcr
def test_missing():
    httpx.post("https://api.test/z", json={})

@pytest.mark.vcr
def test_that_asks_nothing(): pass

@pytest.mark.vcr
def test_swallowed():
    try:
        httpx.post("https://api.test/z", json={})
    except BaseException:
        pass
"""
    cassette(tmp_path, "test_swallowed", interaction("/x", "{}", "{}"))
    code, told = run(test)
    assert code == 1
    assert (
        "test_missing.json: no unused exchange answers POST https://api.test/z: there is no such cassette, as .json"
        in told
    )
    assert "PASSED test_a.py::test_that_asks_nothing" in told
    assert "the test went on all the same" in told


def test_an_empty_cassette_of_vcrpy_is_one(run, tmp_path, capsys):
    (tmp_path / "cassettes").mkdir(exist_ok=True)
    (tmp_path / "cassettes" / "empty.yaml").write_text("interactions: []\nversion: 1\n")
    assert imported(tmp_path / "cassettes" / "empty.yaml").exchanges == ()
    assert main(["cassettes", "import", str(tmp_path / "cassettes" / "empty.yaml"), "--to", str(tmp_path)]) == 2
    assert "empty.yaml: vcrpy, no interactions" in capsys.readouterr().err


def test_without_the_setting_nothing_is_taken_over(run, tmp_path):
    cassette(tmp_path, "test_it", interaction("/x", "{}", "{}"))
    code, told = run("@pytest.mark.vcr\ndef test_it(): pass\n", settings="")
    assert code == 2
    assert "'vcr' not found in `markers`" in told


def test_the_plugin_whose_marker_it_is_must_be_away(run, tmp_path):
    other = "import pytest\n@pytest.fixture(autouse=True)\ndef vcr(): pass\n"
    (tmp_path / "recording.py").write_text(other)
    code, told = run("def test_it(): pass\n", "-p", "recording")
    assert code == 4
    assert "add -p no:recording" in told


def test_the_page_names_every_option():
    page = (ROOT / "docs" / "from-vcrpy.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) >= set(COUNTERPARTS)


def test_no_warning_comes_of_the_fixtures(run):
    test = "@pytest.mark.vcr\ndef test_it(vcr_config, vcr_cassette_dir):\n    assert vcr_config == {}\n"
    code, printed = run(test, "-W", "error")
    assert code == 0, printed
