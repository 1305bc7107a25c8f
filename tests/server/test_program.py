"""Programs of any language, recorded and replayed by one line each."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.cassette import load
from harness.cassette.storage.journal import read
from harness.cli import programs
from harness.dialects.clients import BASE_URLS
from harness.server.upstreams import upstreams, written
from tests import loopback
from tests.fake_models import TEXT, serving

HERE = Path(__file__).parent
KEY = "sk-proj-Zq8Wn3Lk5Tv7Rb2Xc9Md4Fg6Hj1Ps0Ya"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toolcall-harness" / "node"
PACKAGES = Path(os.environ.get("HARNESS_NODE_PACKAGES") or CACHE)

CURL = """
body='{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "'${QUESTION:-Hello}'"}]}'
curl -sS "$OPENAI_BASE_URL/chat/completions" -H "Authorization: Bearer $OPENAI_API_KEY" -H 'content-type: application/json' -d "$body"
curl -sS "$ANTHROPIC_BASE_URL/v1/messages" -H "x-api-key: $ANTHROPIC_API_KEY" -d "$body"
"""

# What the standard library alone can do: a POST to the variable named, with the body given.
ASK = """
import json, os, sys, urllib.request
def ask(variable, path, **body):
    data = json.dumps(body).encode()
    made = urllib.request.Request(os.environ[variable] + path, data, {"content-type": "application/json"})
    return urllib.request.urlopen(made, timeout=20).read()
def chat(text, **more):
    return ask("OPENAI_BASE_URL", "/chat/completions", model="m", messages=[{"role": "user", "content": text}], **more)
"""


@pytest.fixture(scope="module")
def fake():
    with serving() as made:
        yield made


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No base URLs, keys or proxies of whoever runs the tests; an empty folder."""
    for name in list(os.environ):
        if name.endswith(("_BASE_URL", "_API_BASE", "_API_KEY", "_PROXY", "_proxy")) or name in {"CI", "OLLAMA_HOST"}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def harness(bare, capfd):
    """The command line in this process, with more in its environment."""

    def run(*words, **more):
        with bare.context() as here:
            for name, value in more.items():
                here.setenv(name, value)
            code = main(list(map(str, words)))
        out = capfd.readouterr()
        assert "Traceback" not in out.err, out.err
        return subprocess.CompletedProcess(words, code, out.out, out.err)

    return run


@pytest.fixture
def recorded(fake, harness):
    there = {"OPENAI_BASE_URL": f"{fake.url}/v1", "ANTHROPIC_BASE_URL": fake.url}
    return functools.partial(harness, "record", OPENAI_API_KEY=KEY, ANTHROPIC_API_KEY=KEY, **there)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_a_shell_program_with_curl(fake, harness, recorded, tmp_path):
    Path("ask.sh").write_text(CURL)
    first = recorded("--", "sh", "ask.sh")
    assert first.returncode == 0, first.stderr
    file = tmp_path / "cassettes/programs/sh-ask.sh.json"
    assert f"recorded 2 exchanges in cassettes/programs/{file.name}" in first.stderr
    assert KEY not in file.read_text()
    assert load(file).provenance.kind == "local"
    asked = len(fake.asked)
    again = harness("replay", "--", "sh", "ask.sh")  # no key, no base URL
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    assert len(fake.asked) == asked
    missed = harness("replay", "--", "sh", "ask.sh", QUESTION="Goodbye")
    assert missed.returncode == 2
    assert 'messages[0].content: recorded "Hello", requested "Goodbye"' in missed.stderr
    assert "never asked for: exchange 0, 1" in missed.stderr
    assert "put `--unused allow` before the `--`" in missed.stderr
    assert "0 of 2 recorded exchanges used, 2 missed" in missed.stderr


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.skipif(not (PACKAGES / "node_modules/openai").exists(), reason="run `make node-packages`")
def test_a_node_program_with_the_official_packages(fake, harness, recorded, tmp_path):
    words = ("--", "node", HERE / "agent.mjs")
    first = recorded(*words, PACKAGES=str(PACKAGES))
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout) == [TEXT, TEXT]
    (file,) = (tmp_path / "cassettes/programs").glob("*.json")
    assert len(load(file).exchanges) == 6
    asked = len(fake.asked)
    again = harness("replay", *words, PACKAGES=str(PACKAGES))
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    assert len(fake.asked) == asked
    missed = harness("replay", *words, PACKAGES=str(PACKAGES), QUESTION="Why?")
    assert missed.returncode == 2
    assert "messages[0].content" in missed.stderr


def test_what_a_killed_recording_was_answered_is_on_disk(fake, bare, tmp_path):
    Path("agent.py").write_text(
        ASK + "chat('one'); chat('two')\nprint('asked', flush=True)\nimport time; time.sleep(60)"
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "harness", "record", "--", sys.executable, "agent.py"],
        env={**os.environ, "PYTHONPATH": str(HERE.parent.parent), "OPENAI_BASE_URL": f"{fake.url}/v1"},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert running.stdout.readline() == b"asked\n"
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    running.stdout.close()
    (journal,) = (tmp_path / "cassettes/programs").glob("*.journal")
    cassette, torn = read(journal)
    assert [json.loads(one.request.body)["messages"][0]["content"] for one in cassette.exchanges] == ["one", "two"]
    assert not torn


def test_a_program_that_fails_leaves_the_old_recording(fake, harness, recorded, tmp_path):
    Path("a.py").write_text(ASK + "chat('one')\nsys.exit(int(os.environ.get('CODE', 0)))")
    words = ("--cassette", "a.json", "--", sys.executable, "a.py")
    assert recorded(*words).returncode == 0
    before = Path("a.json").read_bytes()
    failed = recorded(*words, CODE="7")
    assert failed.returncode == 1
    assert "the program ended with 7" in failed.stderr
    assert Path("a.json").read_bytes() == before
    assert load("a.partial.json").partial
    assert harness("replay", *words, CODE="7").returncode == 1
    assert harness("replay", "--exit", "7", *words, CODE="7").returncode == 0


def test_what_is_asked_elsewhere_is_reported_and_refused_in_a_replay(fake, harness, recorded):
    Path("a.py").write_text(
        ASK
        + "chat('one')\nimport urllib.error\n"
        + "for url in ('https://api.openai.com/v1/models', 'http://elsewhere.invalid/x'):\n"
        + "    try: urllib.request.urlopen(url, timeout=5)\n    except (OSError, urllib.error.URLError) as error: print(error)"
    )
    words = ("--cassette", "a.json", "--", sys.executable, "a.py")
    first = recorded(*words)
    assert "the program asks api.openai.com:443 itself" in first.stderr
    assert "asked, and not recorded, elsewhere: api.openai.com:443 (1), elsewhere.invalid:80 (1)" in first.stderr
    assert first.returncode == 1  # a provider was asked past its variable
    again = harness("replay", *words)
    assert "refused to ask elsewhere: api.openai.com:443 (1), elsewhere.invalid:80 (1)" in again.stderr
    assert again.stdout.count("403") == 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "name the program after `--`"),
        (("no-such-program",), 2, "no-such-program: the program can't be started"),
        (("sh", "-c", "true"), 2, "asked nothing at its base-URL variables"),
        (("sh", "-c", "exit 3"), 1, "nothing was recorded: the program ended before it asked anything"),
    ],
)
def test_bad_commands(harness, words, code, told):
    done = harness("record", "--", *words)
    assert done.returncode == code
    assert told in done.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("record", sys.executable, "agent.py"), f"record -- {sys.executable} agent.py"),
        (("record", "agent.py", "--fast"), "record -- agent.py --fast"),
        (("record", "--cassettes", "x", "node", "a.mjs"), "record --cassettes x -- node a.mjs"),
        (("record", "--cassette", "x.json"), "record --cassette x.json -- CMD"),
        (("record", "--upstream=A=http://x"), "record --upstream=A=http://x -- CMD"),
        (("replay", "--exit", "3", "python", "-m", "agent"), "replay --exit 3 -- python -m agent"),
        (("mcp", "record", "server"), "mcp record -- server"),
    ],
)
def test_a_forgotten_separator(capsys, words, line):
    assert main(words) == 2
    assert capsys.readouterr().err == f"harness: a program and its arguments come after `--`: harness {line}\n"


def test_values_and_folders_of_suites_are_no_programs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test").mkdir()
    assert main(["record", "--suite", "test", "test"]) == 2
    assert "no suite in this folder" in capsys.readouterr().err


def test_bad_options(harness):
    assert "no VARIABLE=URL" in harness("record", "--upstream", "nonsense", "--", "true").stderr
    assert "no base URL" in harness("record", "--upstream", "A=ftp://x", "--", "true").stderr
    assert "give more than 0" in harness("record", "--timeout", "0", "--", "true").stderr
    assert "ends in .json" in harness("record", "--cassette", "a.yaml", "--", "true").stderr
    assert harness("replay", "--", "true").returncode == 2
    assert "nothing is recorded in CI" in harness("record", "--", "true", CI="1").stderr
    # The words of a suite are not those of a program.
    assert "no such" in harness("replay", "--cassette", "none.json", "--", "true").stderr


def test_a_program_that_never_ends_and_one_ended_by_a_signal(fake, harness, recorded):
    Path("a.py").write_text(
        ASK + "chat('one')\nimport time, signal\nos.kill(os.getpid(), 9) if sys.argv[1:] else time.sleep(60)"
    )
    begun = time.monotonic()
    done = recorded("--timeout", "2", "--cassette", "a.json", "--", sys.executable, "a.py")
    assert (done.returncode, time.monotonic() - begun < 30) == (1, True)
    assert "ran out of time" in done.stderr
    assert len(load("a.partial.json").exchanges) == 1
    done = recorded("--cassette", "b.json", "--", sys.executable, "a.py", "x")
    assert done.returncode == 1
    assert "ended by signal 9" in done.stderr


def test_binary_bodies_forks_and_two_at_once(fake, harness, recorded):
    Path("a.py").write_text(
        ASK
        + "import subprocess\n"
        + "data = bytes(range(256)) * int(sys.argv[1])\n"
        + "urllib.request.urlopen(urllib.request.Request(os.environ['OPENAI_BASE_URL'] + '/files', b'{}'))\n"
        + "if sys.argv[2:]: chat('child ' + sys.argv[2])\n"
        + "else: subprocess.run([sys.executable, 'a.py', sys.argv[1], 'x'], check=True)\n"
    )
    runs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "harness",
                "record",
                "--cassette",
                f"{n}.json",
                "--",
                sys.executable,
                "a.py",
                str(n),
            ],
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent), "OPENAI_BASE_URL": f"{fake.url}/v1"},
        )
        for n in (1, 2)
    ]
    assert [one.wait(60) for one in runs] == [0, 0]
    for n in (1, 2):
        assert len(load(f"{n}.json").exchanges) == 3
        assert harness("replay", "--cassette", f"{n}.json", "--", sys.executable, "a.py", str(n)).returncode == 0


def test_a_websocket_is_refused_with_a_sentence(fake, harness, recorded):
    head = "GET /v1/realtime HTTP/1.1\\r\\nHost: %s\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n"
    Path("a.py").write_text(
        ASK
        + "chat('one')\nimport socket\nhost = os.environ['OPENAI_BASE_URL'][7:-3]\n"
        + "asked = socket.create_connection(host.split(':'))\n"
        + f"asked.sendall((b'{head}Sec-WebSocket-Key: x\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n' % host.encode()))\n"
        + "print(asked.recv(99).split(b'\\r')[0])"
    )
    words = ("--cassette", "a.json", "--", sys.executable, "a.py")
    assert recorded(*words).returncode == 0
    done = harness("replay", *words)
    assert done.returncode == 2
    assert "501" in done.stdout
    assert "/v1/realtime: it asks for a WebSocket, which is neither recorded nor replayed" in done.stderr


def test_a_second_recording_of_the_same_cassette_is_refused(fake, harness, recorded):
    Path("a.py").write_text(ASK + "chat('one'); print('asked', flush=True)\nsys.stdin.read()")
    first = subprocess.Popen(
        [sys.executable, "-m", "harness", "record", "--cassette", "a.json", "--", sys.executable, "a.py"],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "OPENAI_BASE_URL": f"{fake.url}/v1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert first.stdout.readline() == b"asked\n"
    second = recorded("--cassette", "a.json", "--", sys.executable, "a.py")
    assert (second.returncode, "another recording of it is under way" in second.stderr) == (2, True)
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert len(load("a.json").exchanges) == 1


def test_a_binary_answer_comes_again_byte_for_byte(harness):
    body = bytes(range(256)) * 9
    with loopback.serving(lambda asked, headers: (200, "audio/mpeg", body)) as made:
        Path("a.py").write_text(
            ASK
            + "import hashlib; print(hashlib.sha256(ask('OPENAI_BASE_URL', '/audio/speech', input='x')).hexdigest())"
        )
        words = ("--cassette", "a.json", "--", sys.executable, "a.py")
        first = harness("record", *words, OPENAI_BASE_URL=f"http://127.0.0.1:{made.server_address[1]}/v1")
    assert first.returncode == 0, first.stderr
    again = harness("replay", *words)
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr


def test_faults_are_played_to_programs(fake, harness, recorded):
    Path("a.py").write_text(
        ASK
        + "import urllib.error\ntry: print(len(chat('one')))\nexcept urllib.error.HTTPError as error: print(error.code)"
    )
    Path("faults.yaml").write_text("faults:\n  - {fault: status, status: 429}\n")
    words = ("--cassette", "a.json", "--", sys.executable, "a.py")
    assert recorded(*words).returncode == 0
    done = harness("replay", "--faults", "faults.yaml", "--unused", "allow", *words)
    assert (done.returncode, done.stdout) == (0, "429\n")


def test_an_upstream_of_the_programs_own(fake, harness, recorded):
    Path("a.py").write_text(ASK + "print(len(ask('MY_LLM', '/chat/completions', model='m', messages=[])))")
    words = ("--cassette", "a.json", "--", sys.executable, "a.py")
    first = harness("record", "--upstream", f"MY_LLM={fake.url}/v1", *words)
    assert first.returncode == 0, first.stderr
    again = harness("replay", *words)  # the recording says where the variable leads
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr


def test_the_root_of_an_upstream_is_the_upstreams(harness):
    """An MCP server may be there, whose streams a client takes up again with GET; Ollama says there that it runs."""
    with loopback.serving(lambda asked, headers: (200, "text/plain", b"up")) as made:
        made.RequestHandlerClass = type(
            "Both", (made.RequestHandlerClass,), {"do_GET": made.RequestHandlerClass.do_POST}
        )
        Path("a.py").write_text("import os, urllib.request as u; print(u.urlopen(os.environ['MY'] + '/').read())")
        words = ("--cassette", "a.json", "--", sys.executable, "a.py")
        first = harness("record", "--upstream", f"MY=http://127.0.0.1:{made.server_address[1]}", *words)
    assert first.returncode == 0, first.stderr
    again = harness("replay", *words)
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    (asked,) = load("a.json").exchanges
    assert (asked.request.method, first.stdout) == ("GET", "b'up'\n")


def test_each_variable_leads_to_its_provider():
    assert len({row.variable for row in BASE_URLS}) == len(BASE_URLS)
    plain = {one.variable: one.url for one in upstreams({})}
    assert plain == {row.variable: row.default for row in BASE_URLS if row.default}
    assert {one.url for one in upstreams({"AWS_REGION": "eu-west-1"}) if "BEDROCK" in one.variable} == {
        "https://bedrock-runtime.eu-west-1.amazonaws.com"
    }
    assert "OPENAI_API_BASE" not in {one.variable for one in upstreams({}, untouched=["OPENAI_API_BASE"])}


def test_the_docs_have_the_whole_table():
    text = (HERE.parents[1] / "docs/programs.md").read_text()
    for row in BASE_URLS:
        assert f"| {row.provider} | `{row.variable}` | {row.default or '—'} | {row.source} |" in text


def test_one_variable_takes_its_twin_along():
    chosen = {one.variable: one for one in upstreams({"GROQ_API_BASE": "http://127.0.0.1:1/openai/v1"})}
    assert chosen["GROQ_BASE_URL"].url == "http://127.0.0.1:1"
    chosen = {one.variable: one for one in upstreams({"GROQ_BASE_URL": "http://127.0.0.1:1/"})}
    assert chosen["GROQ_API_BASE"].url == "http://127.0.0.1:1/openai/v1"
    assert chosen["GROQ_API_BASE"].at("http://127.0.0.1:2") == "http://127.0.0.1:2/openai/v1"


def test_what_a_recording_says_of_its_base_urls_is_read_back():
    made = upstreams({"OLLAMA_HOST": "10.0.0.1:11434", "OPENAI_BASE_URL": "https://me:secret@llm.example.com/v1"})
    told = f"node agent.mjs --url=https://other.example.com{written(made)}"
    assert "secret" not in told
    again = {one.variable: one.url for one in upstreams({}, source=told) if one.chosen}
    assert again["OPENAI_BASE_URL"] == "https://llm.example.com/v1"
    assert again["OLLAMA_API_BASE"] == "http://10.0.0.1:11434"
    assert "url" not in again


def test_what_is_not_recorded_names_the_command_that_records_it(harness):
    missing = harness("replay", "--", "python", "ask.py", "Good bye")
    assert missing.returncode == 2
    assert "there is no such cassette" in missing.stderr
    assert "`harness record -- python ask.py 'Good bye'`" in missing.stderr
    assert "--cassette" in missing.stderr


def test_a_recording_names_the_program_without_its_path():
    assert programs.shown(["/home/me/.venv/bin/python", "agent.py", "a b"]) == "python agent.py 'a b'"
