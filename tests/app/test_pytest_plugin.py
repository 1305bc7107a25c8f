"""The plugin in real pytest runs, against a real server on the loopback."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.children import python
from tests.loopback import serving

ROOT = Path(__file__).parent.parent.parent


def chat(asked):
    word = asked["messages"][-1]["content"] if "messages" in asked else asked
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"you said {word}"}}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


@pytest.fixture
def server():
    def answer(body, _headers):
        asked = json.loads(body)
        made.asked.append(asked)
        return 200, "application/json", json.dumps(made.says(asked)).encode()

    with serving(answer, asked=[], says=chat) as made:
        yield made


@pytest.fixture
def run(tmp_path, server):
    """Run pytest in a folder of its own: ``run(files, *words)`` gives the outcome and what it printed."""

    def runs(files, *words, loaded=True, **environment):
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("PORT", str(server.server_port)))
        kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "harness.app.pytest_plugin.plugin"}
        env = {**kept, **alone, **environment}
        done = python("pytest", "-p", "no:cacheprovider", "-rA", *words, cwd=tmp_path, env=env, loaded=loaded)
        return done.returncode, done.stdout + done.stderr

    return runs


ASK = """
import httpx, pytest
def ask(word, port=PORT):
    return httpx.post(f"http://127.0.0.1:{port}/v1/x", json={"word": word, "list": [1, 2]}).json()
"""
HELLO = (
    ASK
    + """
@pytest.mark.cassette("tapes/hello.json")
def test_hello():
    assert "hello" in str(ask("hello"))
"""
)


def test_record_then_replay_without_the_server(run, server, tmp_path):
    assert run({"test_a.py": HELLO})[0] == 1, "by default nothing is recorded"
    assert server.asked == []
    assert run({}, "--record-mode=once")[0] == 0
    assert len(server.asked) == 1
    assert (tmp_path / "tapes" / "hello.json").exists()
    code, told = run({})
    assert (code, len(server.asked)) == (0, 1), told
    assert run({}, "--record-mode=once")[0] == 0
    assert len(server.asked) == 1, "once replays what is there"
    assert run({}, "--record-mode=record")[0] == 0
    assert len(server.asked) == 2


def test_a_missing_cassette_is_one_sentence(run):
    code, told = run({"test_a.py": HELLO})
    assert code == 1
    assert "tapes/hello.json: there is no such cassette" in told
    assert told.partition("short test summary")[0].count("there is no such cassette") == 1


def test_ci_never_records_and_says_so(run, server):
    code, told = run({"test_a.py": HELLO}, "--record-mode=record", CI="true")
    assert code == 1
    assert server.asked == []
    assert "--harness-record-mode=record was ignored and cassettes were replayed: CI is set" in told
    assert "was ignored" not in run({}, CI="true")[1]


def test_an_altered_request_fails_at_once_and_names_the_leaf(run):
    run({"test_a.py": HELLO}, "--record-mode=once")
    code, told = run({"test_a.py": HELLO.replace('"list": [1, 2]', '"list": [1, 3]')})
    assert code == 1
    assert re.search(r"FAILED test_a.py::test_hello", told)
    assert "list[1]" in told
    assert "httpx/" not in told, "no trace through the client's inside"


def test_a_recorded_exchange_left_over_fails_unless_allowed(run):
    both = HELLO.replace('assert "hello"', 'ask("second")\n    assert "hello"')
    run({"test_a.py": both}, "--record-mode=once")
    code, told = run({"test_a.py": HELLO})
    assert code == 1
    assert "recorded, but never asked for: exchange 0" in told
    allowed = HELLO.replace('("tapes/hello.json")', '("tapes/hello.json", unused="allow")')
    assert run({"test_a.py": allowed})[0] == 0


def test_a_swallowed_miss_still_fails(run):
    run({"test_a.py": HELLO}, "--record-mode=once")
    swallowing = (
        HELLO
        + """
    try:
        ask("other")
    except BaseException:  # a program that swallows everything: the plugin must tell it all the same
        pass
"""
    )
    code, told = run({"test_a.py": swallowing})
    assert code == 1
    assert "and the test went on all the same" in told
    assert "the nearest recording, exchange 0, differs at " in told


def test_a_miss_that_a_client_takes_for_an_answer_is_named_all_the_same(run):
    run({"test_a.py": HELLO}, "--record-mode=once")
    gathered = (
        ASK
        + """
import asyncio
@pytest.mark.cassette("tapes/hello.json")
def test_hello():
    async def asked():
        return ask("other")
    async def both():
        return await asyncio.gather(asked(), return_exceptions=True)
    (answer,) = asyncio.run(both())
    answer["word"]
"""
    )
    code, told = run({"test_a.py": gathered})
    assert code == 1
    assert 'differs at body.word: recorded "hello", requested "other"' in told


def test_the_default_path_and_the_fixture_without_a_marker(run, tmp_path):
    text = (
        ASK
        + """
class TestThese:
    @pytest.mark.parametrize("word", ["a/b", "A/B"])
    def test_one(self, cassette, word):
        assert word in str(ask(word))
        assert len(cassette.taken) == 1
"""
    )
    assert run({"sub/test_a.py": text}, "--record-mode=once")[0] == 0
    assert len(list((tmp_path / "sub" / "cassettes" / "test_a").iterdir())) == 2
    assert run({})[0] == 0


def test_a_failing_test_records_nothing_in_a_cassettes_place(run, tmp_path):
    code, _ = run({"test_a.py": HELLO.replace('assert "hello"', 'assert "nonsense"')}, "--record-mode=once")
    assert code == 1
    assert [file.name for file in (tmp_path / "tapes").iterdir()] == ["hello.partial.json"]


def test_hypothesis_shrinks_a_miss(run):
    text = (
        ASK
        + """
from hypothesis import given, settings, strategies as st

@settings(max_examples=60, database=None, deadline=None)
@given(st.integers(0, 1000))
def test_numbers(open_cassette, number):
    with open_cassette("tapes/numbers.json"):
        if number > 17:
            ask("new")
"""
    )
    run(
        {
            "test_b.py": ASK
            + """
@pytest.mark.cassette("tapes/numbers.json")
def test_numbers():
    ask("old")
"""
        },
        "--record-mode=once",
        "test_b.py",
    )
    code, told = run({"test_a.py": text}, "test_a.py")
    assert code == 1
    assert "number=18" in told, told
    assert "no unused exchange answers" in told


SUITE = """
name: some
models: [{name: m, backend: openai, hostname: "http://127.0.0.1:PORT/v1", api_key_env: SOME_KEY}]
cases:
  - id: good
    messages: [{user: hello}]
    expect: {text: {exact: you said hello}}
  - id: bad
    messages: [{user: bye}]
    expect: {text: {exact: you said good bye}}
"""


def test_the_example_in_the_documentation(run, server, tmp_path):
    page = (ROOT / "docs" / "pytest.md").read_text()
    example, _allowing, laws = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "pytest.mark.laws" in laws  # tested in tests/cli/test_prove_command.py
    base = {"OPENAI_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1"}
    code, told = run({"test_it.py": example}, "--record-mode=once", OPENAI_API_KEY="some-key-that-works", **base)
    assert code == 0, told
    assert len(server.asked) == 3
    assert run({}, **base)[0] == 0  # without a key
    assert len(server.asked) == 3
    assert (tmp_path / "tapes" / "hello.json").exists()


USES_US = {"pyproject.toml": "[tool.harness]\n"}


def test_suites_as_items(run, server, tmp_path):
    files = {
        **USES_US,
        "suites/some.yaml": SUITE,
        "suites/compose.yaml": "services: {}\n",
        "suites/models.yaml": "models: []\n",
    }
    files["suites/models.yaml"] = "models: [{name: x, backend: openai}]\n"
    code, told = run(files, "suites", "--record-mode=once", SOME_KEY="sk-0123456789abcdefghij")
    assert code == 1
    assert "PASSED suites/some.yaml::good[openai/m]" in told
    assert 'the text is "you said bye", not "you said good bye"' in told
    assert len(server.asked) == 2
    assert "sk-0123456789abcdefghij" not in (tmp_path / "cassettes/some/good/openai+m.json").read_text()
    code, told = run({}, "suites")
    assert "1 failed, 1 passed" in told
    assert len(server.asked) == 2
    assert "see: harness cassettes show" in told


def test_a_broken_suite_is_told_with_its_line(run):
    code, told = run({**USES_US, "suites/some.yaml": SUITE.replace("expect", "expct")}, "suites")
    assert code == 2
    assert 'some.yaml:7: case "good": expct: unknown key "expct"; did you mean "expect"?' in told


def test_it_loads_nothing_heavy_and_touches_no_other_test(run):
    conftest = """
import sys
def pytest_sessionfinish(session):
    heavy = {"litellm", "vcr", "pydantic", "yaml", "httpx", "rich", "jsonschema", "harness.cassette"} & set(sys.modules)
    print("HEAVY", sorted(heavy))
"""
    text = "def test_plain(request):\n    assert request.fixturenames == ['request']\n"
    found = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "", "PYTEST_PLUGINS": ""}  # by its entry point, as users have it
    code, told = run(
        {"conftest.py": conftest, "test_a.py": text}, "-s", "-p", "no:hypothesispytest", loaded=False, **found
    )
    assert code == 0
    assert "HEAVY []" in told


# What a replay of what was recorded has no use for: to look for secrets, to write, to read answers, other clients.
UNUSED = (
    *("harness.cassette.secrets", "harness.cassette.recording", "harness.cassette.storage.journal"),
    "harness.cassette.importers",
    *("harness.dialects.facts", "harness.dialects.registry", "harness.core.chat", "harness.core.card"),
    *("harness.interception.mcp_stdio", "harness.interception.aiohttp_client"),
    *("litellm", "vcr", "pydantic", "yaml", "rich", "jsonschema", "hmac", "asyncio", "email.utils"),
)


def test_a_replay_of_what_was_recorded_loads_only_what_answers(run, server, tmp_path):
    test = """
import http.client, pytest, sys
before = set(sys.modules)
@pytest.mark.cassette("hello.json")
def test_hello():
    client = http.client.HTTPConnection("127.0.0.1", PORT)
    client.request("POST", "/v1/x", b'{"word": "hello"}', {"content-type": "application/json", "authorization": "Bearer k"})
    assert b"hello" in client.getresponse().read()
def test_loaded():
    print("LOADED", *sorted(set(sys.modules) - before))
"""
    code, told = run({"test_a.py": test}, "--harness-record-mode=record", "-k", "hello")
    assert code == 0, told
    server.asked.clear()
    code, told = run({"test_a.py": test}, "-s", loaded=False)
    assert (code, server.asked) == (0, []), told
    (line,) = [one for one in told.splitlines() if "LOADED" in one]
    assert "harness.cassette.tape" in line.split()
    assert not [name for name in line.split() if name.startswith(UNUSED)]


SCHEMA = "# yaml-language-server: $schema=../suite.schema.json\n"
COUNT = """
import sys
def seen(event, words):
    if event == "open" and str(words[0]).endswith((".yaml", ".yml", ".law.json")):
        print("OPENED", words[0])
def pytest_configure(config):
    sys.addaudithook(seen)
"""


def test_a_project_that_does_not_use_us_has_no_file_opened(run, tmp_path):
    files = {"conftest.py": COUNT, "some.yaml": SUITE, "deep/other.yml": SUITE, "x.law.json": "{}"}
    os.mkfifo(tmp_path / "pipe.yaml")
    code, told = run({**files, "test_a.py": "def test_a(): pass\n"}, "-s", ".")
    assert code == 0, told
    assert "1 passed" in told
    assert "OPENED" not in told


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({**USES_US, "suites/some.yaml": SUITE}, ()),
        ({"pyproject.toml": "[tool.harness]\nsuites = ['evals']\n", "evals/some.yaml": SUITE}, ()),
        ({**USES_US, "here/some.yaml": SCHEMA + SUITE}, ()),
        ({"here/some.yaml": SCHEMA + SUITE}, ("here/some.yaml",)),
        ({"here/some.yaml": SUITE}, ("--harness-suites=here",)),
        ({"here/some.yaml": SUITE}, ("--harness-suites", "here/some.yaml")),
    ],
)
def test_what_says_that_a_file_is_a_suite(files, words, run):
    _, told = run({**files, "test_a.py": "def test_a(): pass\n"}, "--collect-only", "-q", *words)
    assert "some.yaml::good[openai/m]" in told


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({**USES_US, "here/some.yaml": SUITE}, ()),
        ({"here/some.yaml": SUITE}, ("here/some.yaml",)),
        ({**USES_US, "suites/compose.yaml": "services: {}\n"}, ()),
        ({**USES_US, "x.law.json": "{}"}, ()),
        ({"pyproject.toml": "[tool.other]\n", "here/some.yaml": SCHEMA + SUITE}, ("here",)),
    ],
)
def test_no_other_file_is_one(files, words, run):
    _, told = run({**files, "test_a.py": "def test_a(): pass\n"}, "--collect-only", "-q", *words)
    assert "good" not in told
    assert "INTERNALERROR" not in told
    assert "error during collection" not in told


def test_a_suite_that_is_not_there_is_a_sentence(run):
    code, told = run({}, "--harness-suites=nosuch")
    assert (code, "--harness-suites: there is no nosuch" in told) == (4, True), told


SHARED = """
import http.server, threading, httpx, pytest

@pytest.fixture(scope="module")
def started():
    import socket
    socket.getaddrinfo("localhost", PORT)
    return True

@pytest.fixture
def own(harness_cassette):
    return harness_cassette

@pytest.mark.cassette("tapes/empty.json")
def test_it(own, started):
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler):
        assert own.taken == []
"""


def test_what_tests_share_is_made_outside_a_tape_and_a_server_starts_inside_one(run):
    empty = json.dumps({"format": 1, "provenance": {"kind": "synthetic", "recorded": ""}, "exchanges": []})
    code, told = run({"tapes/empty.json": empty, "test_a.py": SHARED})
    assert code == 0, told


def test_the_hint_works(run, server):
    _, told = run({"test_a.py": HELLO})
    (hint,) = set(re.findall(r"`pytest (--\S+)`", told))
    assert run({}, hint)[0] == 0
    assert len(server.asked) == 1


def test_what_goes_round_the_tape_fails_a_replay_even_if_it_is_swallowed(run):
    run({"test_a.py": HELLO}, "--record-mode=once")
    swallowing = (
        HELLO
        + """
    import socket
    try:
        socket.create_connection(("127.0.0.1", PORT))
    except BaseException:
        pass
"""
    )
    code, told = run({"test_a.py": swallowing})
    assert code == 1
    assert "the test went on after it was refused this" in told
    assert run({"test_a.py": swallowing.replace('hello.json"', 'hello.json", allow=["localhost"]')})[0] == 0


def test_hosts_of_the_tests_own_are_allowed_by_marker_and_settings(run, server):
    text = """
import socket, subprocess, sys, pytest
@pytest.mark.cassette("tapes/empty.json", MARKER)
def test_it():
    socket.create_connection(("127.0.0.1", PORT)).close()
    subprocess.run([sys.executable, "-c", ""], check=True)
"""
    empty = json.dumps({"format": 1, "provenance": {"kind": "synthetic", "recorded": ""}, "exchanges": []})
    files = {"tapes/empty.json": empty, "test_a.py": text.replace("MARKER", "unused='allow'")}
    assert run(files)[0] == 1
    files["test_a.py"] = text.replace("MARKER", "allow='localhost', allow_subprocesses=True")
    code, told = run(files)
    assert code == 0, told
    settings = "[tool.harness]\nallow = ['localhost']\nallow_subprocesses = true\n"
    code, told = run({**files, "test_a.py": text.replace("MARKER", ""), "pyproject.toml": settings})
    assert code == 0, told


def test_what_went_past_a_recording_is_told_in_the_summary(run, server):
    code, told = run(
        {"test_a.py": HELLO + "    import socket\n    socket.create_connection(('127.0.0.1', PORT)).close()\n"},
        "--record-mode=once",
    )
    assert code == 0, told
    assert f"test_a.py::test_hello: 127.0.0.1:{server.server_port} by test_a, one connection" in told


ANYIO = """
import httpx, pytest
from harness.cassette import open_tape
pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend(): return "asyncio"

@pytest.fixture
async def client():
    async with httpx.AsyncClient() as client:
        yield client

@pytest.fixture
def tape():
    with open_tape("tapes/hello.json") as tape:
        yield tape

@pytest.mark.cassette("tapes/hello.json", unused="allow")
async def test_marked(client):
    await client.post("http://provider.test/x", json={})

async def test_opened(client, tape):
    await client.post("http://provider.test/x", json={})

async def test_after(client): pass
async def test_after_that(client): pass
"""


def test_a_miss_in_an_anyio_test_is_one_failure(run):
    run({"test_a.py": HELLO}, "--record-mode=once")
    code, told = run({"test_b.py": ANYIO}, "-p", "anyio", "test_b.py")
    assert code == 1
    assert "2 failed, 2 passed" in told, told
    assert told.count("no unused exchange answers") >= 2


def test_an_option_of_that_name_from_another_plugin(run):
    other = 'def pytest_addoption(parser):\n    parser.addoption("--record-mode", default=None)\n'
    code, told = run(
        {"other_plugin.py": other, "test_a.py": HELLO},
        "-p",
        "other_plugin",
        "--harness-record-mode=once",
        PYTHONPATH=os.pathsep.join([".", str(ROOT)]),
    )
    assert code == 0, told


SERVED = """
import json, pathlib, urllib.request
from harness.cassette import Cassette, save
from harness.core.chat import Reply
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS

ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

def tape():
    sent = HttpRequest("POST", "https://api.openai.com/v1/chat/completions", (("content-type", "application/json"),), json.dumps(ASKED).encode())
    answer = DIALECTS["openai"].render(Reply(text="hello", finish="stop"))
    save(pathlib.Path(__file__).parent / "here.json", Cassette(Provenance("synthetic", "", "a test"), (Exchange(sent, answer),)))

def ask(base, body):
    request = urllib.request.Request(f"{base}/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as got:
            return json.load(got)
    except urllib.error.HTTPError as error:
        return error.code

def test_served(serve_cassettes):
    tape()
    one, two = serve_cassettes("here.json"), serve_cassettes("here.json", repeat=True)
    assert one.url != two.url
    assert ask(one.openai, ASKED)["choices"][0]["message"]["content"] == "hello"
    assert ask(two.openai, ASKED) == ask(two.openai, ASKED)

def test_missed(serve_cassettes):
    tape()
    assert ask(serve_cassettes("here.json").openai, {**ASKED, "model": "other"}) == 404
"""


def test_cassettes_are_served_to_programs_of_the_test(run):
    pytest.importorskip("uvicorn", reason="the extra `serve` is not installed")
    code, told = run({"test_a.py": SERVED})
    assert code == 1, told
    assert "PASSED test_a.py::test_served" in told
    assert "ERROR test_a.py::test_missed" in told
    assert 'body.model: recorded "m", requested "other"' in told


ODD_MARKERS = [
    ("'x.json', unsed='allow'", "the marker knows no option 'unsed'; it has path, unused, allow"),
    ("3", "the path in the marker must be a text, not 3"),
    ("'x.json', 'y.json'", "the marker takes one path, and 2 are given"),
]


def test_odd_words_of_a_marker_are_one_sentence(run):
    tests = [f"@pytest.mark.cassette({words})\ndef test_{n}(): pass\n" for n, (words, _) in enumerate(ODD_MARKERS)]
    code, printed = run({"test_a.py": "import pytest\n" + "".join(tests)})
    assert code == 1
    assert "Traceback" not in printed
    assert [told for _, told in ODD_MARKERS if told not in printed] == []


def test_settings_that_can_not_be_read_are_one_sentence(run):
    code, printed = run({"pyproject.toml": '[tool.harness]\nrecrod_mode = "x"\n', "test_a.py": "def test_it(): pass\n"})
    assert code == 4
    assert "[tool.harness] has no key 'recrod_mode'" in printed
    assert "INTERNALERROR" not in printed
    assert "Traceback" not in printed


def test_a_marker_of_laws_that_names_no_backend_is_one_sentence(run):
    text = "import pytest\n@pytest.mark.laws('broken2:complete')\ndef test_it(proof): pass\n"
    code, printed = run({"test_a.py": text})
    assert code == 2
    assert "there is no backend at 'broken2:complete'" in printed
    assert "laws.py" not in printed
    assert "Traceback" not in printed
