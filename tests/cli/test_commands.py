"""The command line from the outside: recording from a real server, replaying, and every kind of bad input."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.__main__ import main
from harness.cli.commands import COMMANDS, GROUPS, JOBS
from tests.children import python
from tests.loopback import serving

KEY = "sk-planted-0123456789abcdef"
SUITE = """
name: shop
models: [{name: m, backend: openai, hostname: "http://127.0.0.1:PORT/v1", api_key_env: SHOP_KEY}]
tools: [{name: text/translate, parameters: {type: object, properties: {text: {type: string}}}}]
defaults: {temperature: 0, max_tokens: 20}
cases:
  - id: hello
    messages: [{user: Say hello.}]
    expect: {text: {contains: hello}}
  - id: call
    messages: [{user: Translate.}]
    tools: [text/translate]
    tool_choice: required
    expect: {calls: [{name: text/translate, fits: tool}]}
    then:
      - results: {text/translate: bonjour}
        expect: {text: {contains: bonjour}}
  - id: refused
    wrong_key: true
    messages: [{user: Say hello.}]
    expect: {error: {type: AuthenticationError, status: 401}}
"""


def chat(asked):
    """A model that calls the first tool it is offered, then repeats what it was told."""
    said = asked["messages"][-1]
    message = {"role": "assistant", "content": str(said["content"])}
    if asked.get("tools") and said["role"] != "tool":
        function = {"name": asked["tools"][0]["function"]["name"], "arguments": '{"text": "x"}'}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        }
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


@pytest.fixture(scope="module")
def server():
    def answer(body, headers):
        asked = json.loads(body)
        made.asked.append(asked)
        status, said = 200, made.says(asked)
        if headers.get("authorization") != f"Bearer {KEY}":
            status, said = 401, {"error": {"message": "wrong key", "type": "auth", "code": "invalid_api_key"}}
        return status, "application/json", json.dumps(said).encode()

    with serving(answer, asked=[], says=chat) as made:
        yield made


@pytest.fixture(scope="module")
def recorded(server, tmp_path_factory):
    """A project whose suite was recorded by the command itself, in a process of its own."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "suites").mkdir()
    (folder / "suites" / "shop.yaml").write_text(SUITE.replace("PORT", str(server.server_port)))
    done = command("record", "--json", "report.json", cwd=folder, SHOP_KEY=KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 cases recorded" in done.stdout
    return folder


def command(*words, cwd, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    return python("harness", *words, cwd=cwd, env={**kept, **environment})


@pytest.fixture
def project(recorded, tmp_path, monkeypatch):
    """A copy to alter, as the current folder; nothing listens where it was recorded from, for all it knows."""
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHOP_KEY", raising=False)
    return tmp_path


def tape(project, case="hello") -> Path:
    return project / "cassettes" / "shop" / case / "openai+m.json"


def test_a_replay_asks_nobody_and_is_green(project, run, server):
    before = len(server.asked)
    code, out, _ = run("run")
    assert (code, len(server.asked)) == (0, before)
    assert "3 cases: 3 pass; replayed" in out
    assert re.search(r"shop +hello +pass", out)


def test_a_replay_lets_nothing_out(project, run, monkeypatch, server):
    """Even what goes round every HTTP client: here a backend that opens a socket of its own."""

    def straying(model, messages, **options):
        socket.create_connection(server.server_address).close()

    monkeypatch.setattr("harness.app.runner_factory.complete", straying)
    code, out, _ = run("run", "-k", "hello")
    assert code == 2
    assert "a replay must not go out" in out


def test_two_replays_give_the_same_bytes_but_for_seconds(project, run):
    for name in ("one.json", "two.json"):
        assert run("run", "--json", name)[0] == 0
    texts = [re.sub(r'"seconds": [\d.e-]+', "", Path(name).read_text()) for name in ("one.json", "two.json")]
    assert texts[0] == texts[1]
    assert json.loads(Path("one.json").read_text())["counts"] == {"pass": 3}


def test_what_was_recorded_is_judged_the_same_when_replayed(project, run):
    live = json.loads(Path("report.json").read_text())
    run("run", "--json", "again.json")
    again = json.loads(Path("again.json").read_text())
    for one, other in zip(live["results"], again["results"], strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


@pytest.mark.parametrize(
    ("before", "after", "case", "leaf"),
    [
        ("Say hello.", "Say hallo.", "hello", "body.messages[0].content"),
        ("text__translate", "text__translat", "call", "body.tools[0].function.name"),
    ],
)
def test_an_altered_recording_is_a_miss_that_names_the_leaf(project, run, before, after, case, leaf):
    file = tape(project, case)
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    code, out, _ = run("run", "-k", case)
    assert code == 2
    assert leaf in out
    assert after in out


def test_a_changed_suite_is_a_miss_too(project, run):
    file = project / "suites" / "shop.yaml"
    file.write_text(file.read_text().replace("Say hello.", "Say goodbye."))
    code, out, _ = run("run", "-k", "hello")
    assert code == 2
    assert "body.messages[0].content" in out


def test_a_failed_check_ends_with_1_and_shows_where_the_proof_is(project, run):
    file = project / "suites" / "shop.yaml"
    file.write_text(file.read_text().replace("contains: hello", "contains: salut"))
    code, out, _ = run("run", "--junit", "junit.xml")
    assert code == 1
    assert '"salut" is not in the text' in out
    shown = re.search(r"see: harness (cassettes show \S+ \d)", out)
    assert shown
    code, out, _ = run(*shown[1].split())
    assert code == 0
    assert "Say hello." in out
    assert ET.parse("junit.xml").getroot().get("failures") == "1"


def test_a_recording_that_is_not_used_fails(project, run):
    file = tape(project)
    words = json.loads(file.read_text())
    words["exchanges"].append(words["exchanges"][0])
    file.write_text(json.dumps(words))
    code, out, _ = run("run")
    assert code == 1
    assert "H2" in out
    assert "never asked for: exchange 1" in out


def test_an_orphan_fails_a_whole_run_and_not_a_part_of_one(project, run):
    shutil.copytree(tape(project).parent, project / "cassettes" / "shop" / "gone")
    code, out, _ = run("run")
    assert code == 1
    assert "cassettes/shop/gone/openai+m.json: no case uses this cassette" in out
    assert run("run", "-k", "hello")[0] == 0


def test_a_suite_that_nobody_recorded_yet_has_no_orphans(project, run):
    shutil.rmtree(project / "cassettes" / "shop")
    code, out, _ = run("run")
    assert code == 2
    assert "does not exist; record it" in out
    assert "no case uses this cassette" not in out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist; record it: harness record --suite shop --case hello --model openai/m"),
        (b"", "empty"),
        (b'{"format": 1, "provenance": {', ""),
        (b'{"format": 999}', "999"),
        (b"[]", ""),
        (b"<html>", ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_an_unusable_cassette_is_a_sentence_and_stays_as_it_is(project, run, content, sentence):
    file = tape(project)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    code, out, _ = run("run")
    assert code == 2
    assert str(file.relative_to(project)) in out
    assert sentence in out
    assert "3 cases: 2 pass, 1 unusable" in out
    assert (file.read_bytes() if file.exists() else None) == content


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "nowhere"), "nowhere: no such file or folder"),
        (("run", "-k", "nope"), "no case fits nope; there are hello, call, refused"),
        (("run", "--suite", "nope"), "no suite fits nope; there are shop"),
        (
            ("run", "--model", "suites"),
            "no model fits suites; there are openai/m; suites is a path, which --help has a place for",
        ),
        (("run", "--model", "gpt"), "no model fits gpt; there are openai/m; name others as provider/model"),
        (("run", "--json", "no/such/folder.json"), "the folder for this report does not exist"),
        (("run", "--json", "circle.json"), "circle.json: can't be written: its symbolic links lead in a circle"),
        (("run", "--json", "-", "--junit", "-"), "two reports can't both go to standard output"),
        (("record",), "openai/m takes its key from SHOP_KEY, which is not set"),
        (("record", "--missing"), "nothing to record: every case has its cassette"),
        (("cassettes", "show", "nowhere.json"), "nowhere.json: there is no such cassette"),
        (("cassettes", "show", "cassettes/shop/hello/openai+m.json", "7"), "there is no exchange 7; they are 0 to 0"),
        (("cassettes", "show", "cassettes/shop/hello/openai+m.json", "--raw"), "--raw needs the number of an exchange"),
        (("cassettes", "check", "nowhere"), "nowhere: no such file or folder"),
        (("run", "--cassettes", "a" * 300), "can't be read: File name too long"),
        (("cassettes", "check", "--cassettes", "a" * 300), "can't be read: File name too long"),
        (("cassettes", "list", "--cassettes", "a" * 300), "can't be read: File name too long"),
        (("card", "openai/m", "--cassettes", "a" * 300), "can't be read: File name too long"),
        (("mutate", "--cassettes", "a" * 300), "can't be read: File name too long"),
        (("record", "--missing", "--cassettes", "a" * 300), "can't be read: File name too long"),
        (("run", "--cassette", "one.json"), "unknown argument: --cassette; did you mean --cassettes?"),
        (("cassettes", "show", "--nonsense"), "unknown argument: --nonsense; see `harness cassettes show --help`"),
        (("cassettes", "explain", "a", "b", "--most", "0"), "--most 0 shows nothing; give at least 1"),
        (("run", "--workers", "many"), "argument --workers: invalid int value: 'many'; see `harness run --help`"),
        (("record", "--max-dollars", "nan"), "--max-dollars is nan; give more than 0"),
        (("nonsense",), "there is no command 'nonsense'; see `harness --help`"),
        (("recrod",), "did you mean 'record'?"),
        (("shwo",), "there is no command 'shwo'; did you mean 'cassettes show'?"),
        (("diff", "none.json", "suites"), "none.json: there is no such file or folder; give two cassettes"),
        (("diff", "notes.txt", "notes.txt"), "it does not look like a cassette"),
        (("serve", "none.json"), "none.json: there is no such file or folder; name cassettes"),
        (("start",), "there is no command 'start'; did you mean 'local start'?"),
        (("cassettes", "lsit"), "there is no command 'cassettes lsit'; did you mean 'cassettes list'?"),
        (("cassettes",), "cassettes needs one of list, show, explain, check, cover, prune, audit, import, export"),
    ],
)
def test_wrong_usage_is_a_sentence_and_ends_with_2(project, run, words, sentence):
    (project / "notes.txt").write_text("notes")
    (project / "circle.json").symlink_to("circle.json")
    code, _, err = run(*words)
    assert code == 2
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_a_run_of_a_model_that_was_never_recorded(project, run):
    code, out, _ = run("run", "--model", "groq/llama", "-k", "hello")
    assert code == 2
    assert "groq+llama.json does not exist; record it" in out


@pytest.mark.parametrize("text", ["", "cases: [", "\tx: 1", "cases: []\n"])
def test_a_broken_suite_is_told_with_file_and_line(project, run, text):
    (project / "suites" / "broken.yaml").write_text(text)
    code, _, err = run("run")
    assert code == 2
    assert "suites/broken.yaml:1: " in err
    assert "3 cases" not in err


def test_nothing_answers(project, run, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", KEY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = project / "suites" / "shop.yaml"
    file.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", file.read_text()))
    before = tape(project).read_bytes()
    code, _, err = run("record")
    assert code == 2
    assert f"nothing answers at http://127.0.0.1:{port}/v1" in err
    assert "harness local start" not in err, "it is another server's address"
    assert tape(project).read_bytes() == before
    monkeypatch.setattr("harness.local.server.PORT", port)
    assert "start the local model with `harness local start`" in run("record")[2]


def test_a_wrong_key_is_told_and_nothing_is_replaced(project, run, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "sk-wrong-0123456789abcdef")
    before = {file: file.read_bytes() for file in (project / "cassettes").rglob("*.json")}
    code, out, err = run("record")
    assert code == 2
    assert "openai/m was refused its key; set it in SHOP_KEY" in out
    assert "1 of 3 cases recorded" in out, "the case that expects a refusal is"
    assert "sk-wrong-0123456789abcdef" not in out + err
    for file, content in before.items():
        if "refused" not in str(file):
            assert file.read_bytes() == content


def test_a_model_without_a_key_is_not_said_to_be_refused(project, run, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    file = project / "suites" / "shop.yaml"
    file.write_text(file.read_text().replace("api_key_env: SHOP_KEY", "label: keyless"))
    code, out, _ = run("record", "-k", "hello")
    assert code == 2
    assert "keyless was not asked: no key for openai: set OPENAI_API_KEY" in out


def secret_in_the_prompt(project, run, secret):
    file = project / "suites" / "shop.yaml"
    file.write_text(file.read_text().replace("{user: Say hello.}", f"{{user: Say hello {secret}}}", 1))
    return run("record", "-k", "hello", "--json", "report.json", "--jsonl", "lines", "--junit", "junit.xml")


def test_an_unknown_secret_that_would_leak_ends_with_3_and_is_not_written(project, run, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", KEY)
    before = tape(project).read_bytes()
    secret = "sk-ant-planted-by-a-test-0123456789"
    code, out, err = secret_in_the_prompt(project, run, secret)
    assert code == 3
    assert secret not in out + err
    assert tape(project).read_bytes() == before
    assert not any(secret.encode() in file.read_bytes() for file in (project / "cassettes").rglob("*.json"))


def test_a_known_secret_in_a_prompt_is_taken_out(project, run, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", KEY)
    file = project / "suites" / "shop.yaml"
    file.write_text(file.read_text().replace("contains: hello", "exact: nothing such"))
    code, out, err = secret_in_the_prompt(project, run, KEY)
    assert code == 1
    assert "the text is" in out
    assert KEY not in out + err
    file.unlink()
    for written in project.rglob("*"):
        assert not written.is_file() or KEY.encode() not in written.read_bytes(), written


@pytest.mark.parametrize("words", [("record",), ("record", "--local")])
def test_ci_records_nothing(project, run, monkeypatch, server, words):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("SHOP_KEY", KEY)
    before = len(server.asked)
    code, _, err = run(*words)
    assert (code, len(server.asked)) == (2, before)
    assert "CI is set, and nothing is recorded in CI" in err
    tape(project).unlink()
    code, out, _ = run("run")
    assert (code, len(server.asked)) == (2, before)
    assert "does not exist; record it" in out


@pytest.mark.parametrize(
    ("model", "names"), [("openai/gpt-4o-mini", "OPENAI_API_KEY"), ("google/x", "GEMINI_API_KEY or GOOGLE_API_KEY")]
)
def test_no_key_is_told_before_the_first_question(project, run, monkeypatch, model, names):
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = run("record", "--model", model)
    assert code == 2
    assert f"{model} needs a key; set {names}" in err


def test_an_unknown_provider(project, run, monkeypatch):
    code, out, err = run("record", "--model", "nosuchprovider/x", "-k", "hello")
    assert code in {1, 2}
    assert "nosuchprovider" in out + err
    assert not (project / "cassettes" / "shop" / "hello" / "nosuchprovider+x.json").exists()


def test_an_interruption_keeps_what_was_recorded(recorded, tmp_path, server):
    shutil.copytree(recorded / "suites", tmp_path / "suites")
    asked_slowly, over = threading.Event(), threading.Event()

    def slow(asked):
        if asked.get("tools"):
            asked_slowly.set()
            over.wait(300)
        return chat(asked)

    server.says = slow
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "record", "--json", "report.json"],
        cwd=tmp_path,
        env={**kept, "SHOP_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            while not asked_slowly.wait(0.1):
                assert process.poll() is None, process.stdout.read()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=300)
        finally:
            over.set()
            server.says = chat
            process.kill()
    assert process.returncode == 130
    assert "interrupted: 1 of 3 cases recorded" in out
    assert "Traceback" not in out
    assert json.loads(tape(tmp_path).read_text())["exchanges"]
    assert not tape(tmp_path, "call").exists()
    assert len(json.loads((tmp_path / "report.json").read_text())["results"]) == 1


TWO_NAMES = """
models: [{name: m, backend: openai, hostname: "http://127.0.0.1:PORT/v1", api_key_env: SHOP_KEY}]
tools:
  - {name: text/translate, parameters: {type: object}}
  - {name: text__translate, parameters: {type: object}}
cases:
  - id: both
    tools: [text/translate, text__translate]
    messages: [{user: Translate.}]
    expect:
      calls: [{name: text__translate, parameters: {n: 1}}, {name: text/translate, parameters: {n: 0}}]
    then:
      - results: {text/translate: from the slash, text__translate: from the underscores}
        expect: {text: {exact: "from the underscores, from the slash"}}
"""


def both_tools(asked):
    """Calls both tools, the last one first; then says what their results were, in the order of the calls."""
    results = [message["content"] for message in asked["messages"] if message["role"] == "tool"]
    answer = chat({"messages": [{"role": "user", "content": ", ".join(results)}]})
    if not results:
        names = [tool["function"]["name"] for tool in asked["tools"]]
        made = [
            {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": json.dumps({"n": n})}}
            for n, name in reversed(list(enumerate(names)))
        ]
        answer["choices"][0] |= {"finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": made}}
    return answer


def test_two_names_that_meet_on_the_wire_both_come_home(project, run, monkeypatch, server):
    (project / "suites" / "two.yaml").write_text(TWO_NAMES.replace("PORT", str(server.server_port)))
    monkeypatch.setenv("SHOP_KEY", KEY)
    server.asked.clear()
    server.says = both_tools
    try:
        code, out, _ = run("record", "--suite", "two")
    finally:
        server.says = chat
    assert code == 0, out
    first, second = server.asked
    offered = [tool["function"]["name"] for tool in first["tools"]]
    assert len(set(offered)) == 2
    assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}", name) for name in offered)
    history = next(message["tool_calls"] for message in second["messages"] if message.get("tool_calls"))
    assert [call["function"]["name"] for call in history] == offered[::-1]
    code, out, _ = run("run", "--suite", "two", "--json", "two.json")
    assert code == 0, out
    (result,) = json.loads(Path("two.json").read_text())["results"]
    assert [call["name"] for call in result["turns"][0]["reply"]["calls"]] == ["text__translate", "text/translate"]
    assert len(server.asked) == 2, "the replay asked nobody"


def test_json_on_standard_output_is_json_alone(project, run):
    code, out, err = run("run", "--json", "-")
    assert code == 0
    assert json.loads(out)["exit_code"] == 0
    assert "3 cases: 3 pass" in err


def test_events_as_lines(project, run):
    assert run("run", "--jsonl", "events.jsonl")[0] == 0
    events = [json.loads(line)["event"] for line in Path("events.jsonl").read_text().splitlines()]
    assert events == ["run_started", *["case_started", "case_finished"] * 3]


def test_list(project, run):
    tape(project, "call").unlink()
    code, out, _ = run("cassettes", "list")
    assert code == 0
    assert re.search(r"hello +openai/m +1 exchange +local +today +\d+ KB +used", out)
    assert re.search(r"call +openai/m +missing", out)


def test_show_in_short_whole_and_raw(project, run):
    name = str(tape(project, "call").relative_to(project))
    _, short, _ = run("cassettes", "show", name)
    assert 'text__translate({"text": "x"}) [tool_calls]' in short
    assert "bonjour" in short
    _, whole, _ = run("cassettes", "show", name, "0")
    assert '"tool_choice": "required"' in whole
    assert "finish: tool_calls" in whole
    _, raw, _ = run("cassettes", "show", name, "0", "--raw")
    assert json.loads(raw)["choices"]


def test_validate_tells_all_faults_at_once(project, run):
    assert run("cassettes", "check")[0] == 0
    (project / "suites" / "broken.yaml").write_text("cases: 1\nnonsense: 2\n")
    tape(project).write_bytes(b"{")
    code, out, err = run("cassettes", "check")
    assert code == 2
    assert "broken.yaml:1: cases: must be a list, not 1" in err
    assert 'broken.yaml:2: nonsense: unknown key "nonsense"' in err
    assert "hello/openai+m.json" in err
    assert "2 suite files, 3 cassettes: " in out


def test_validate_passes_over_what_a_broken_off_recording_left(project, run):
    left = tape(project).with_name("openai+m.partial.json")
    left.write_text(tape(project).read_text().replace('"format"', '"partial": true,\n "format"', 1))
    assert run("cassettes", "check")[0] == 0
    code, _, err = run("cassettes", "check", str(left))  # named, it is told
    assert code == 2
    assert "a recording that was broken off" in err


def test_validate_of_nothing_is_no_success(project, run):
    (project / "empty").mkdir()
    code, out, err = run("cassettes", "check", "empty")
    assert (code, out) == (2, "")
    assert "nothing to check: no suite and no cassette in empty" in err


def test_validate_and_help_load_nothing_heavy(project):
    program = (
        "import sys\nfrom harness.__main__ import main\ncode = main({words})\n"
        "print(code, sorted({{'litellm', 'vcr', 'httpx', 'aiohttp', 'pydantic', 'rich', 'yaml'}} & set(sys.modules)))"
    )

    def loaded(words):
        done = subprocess.run(
            [sys.executable, "-c", program.format(words=words)], capture_output=True, text=True, check=True, cwd=project
        )
        return done.stdout.splitlines()[-1]

    assert loaded(["--help"]) == "0 []"
    assert loaded(["cassettes", "check"]) == "0 ['pydantic', 'yaml']"


def test_schema(project, run):
    code, out, _ = run("schema", "suite")
    assert code == 0
    assert json.loads(out)["properties"]["cases"]


@pytest.mark.parametrize("name", [one.name for one in COMMANDS])
def test_every_command_has_help_with_examples(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert f"harness {name}" in out


def test_help_and_version(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    shown = {one.name.split()[0] if one.name.split()[0] in GROUPS else one.name for one in COMMANDS}
    assert sorted(name for _, names in JOBS for name in names) == sorted(shown)
    assert all(one.name in out and one.summary in out for one in COMMANDS if one.name in shown)
    for group in GROUPS:
        assert main([group, "--help"]) == 0
        out = capsys.readouterr().out
        assert all(one.summary in out for one in COMMANDS if one.name.startswith(f"{group} "))
    assert main([]) == 2
    assert main(["--version"]) == 0
    assert re.search(r"harness \d+\.\d+", capsys.readouterr().out)


def test_a_bug_of_ours_is_called_one_and_its_traceback_saved(monkeypatch, capsys):
    monkeypatch.setattr("harness.cli.schema.run", lambda words: {}["no such key"])
    assert main(["schema", "suite"]) == 2
    err = capsys.readouterr().err
    found = re.fullmatch(
        r"harness: this is a bug in harness \(KeyError: 'no such key'\); its traceback is in (\S+)\n", err
    )
    assert found
    assert "no such key" in Path(found[1]).read_text()
    Path(found[1]).unlink()


def test_a_reader_that_goes_away_is_no_error(project):
    done = subprocess.run(
        f"{sys.executable} -m harness schema suite | head -c 1", shell=True, capture_output=True, text=True, check=False
    )
    assert done.stdout == "{"
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


def test_the_word_cassettes_can_be_left_out(capsys, tmp_path):
    (tmp_path / "clean.txt").write_text("nothing here")
    assert main(["audit", str(tmp_path / "clean.txt")]) == 0
    short = capsys.readouterr()
    assert main(["cassettes", "audit", str(tmp_path / "clean.txt")]) == 0
    assert capsys.readouterr().out == short.out
