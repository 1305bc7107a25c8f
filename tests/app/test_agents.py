"""Suites that drive a user's own agent or backend, and expectations on what it did."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from tests.fake_models import TEXT, serving

SUITE = """
models: [{label: mine, backend: openai, name: gpt-4o-mini, hostname: URL}]
cases:
  - id: paris
    messages: [{user: "How is Paris?"}]
    expect:
      text: {contains: sunny}
      trajectory: {tools: [weather, population], never: delete, at_most: {weather: 1}, steps: 3,
                   calls: [{name: weather, parameters: {city: Paris}}]}
"""
# An agent out of the standard library: a loop that calls the tools that the model asks for.
LOOP = """
import json, os, sys, urllib.request
PLACE = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": PLACE}} for name in ("weather", "population")]

def loop(base, messages, extra=""):
    messages = [*messages]
    while True:
        body = json.dumps({"model": "gpt-4o-mini", "messages": messages, "tools": TOOLS}).encode()
        asked = urllib.request.Request(base + "/chat/completions", body, {"content-type": "application/json"})
        message = json.loads(urllib.request.urlopen(asked, timeout=30).read())["choices"][0]["message"]
        if not message.get("tool_calls"):
            return message["content"] + extra
        messages.append(message)
        for call in message["tool_calls"]:
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "sunny"})
"""
AGENT = """
def agent(messages, base_url=None):
    return loop(base_url, messages)

async def awaited(messages, base_url=None):
    return loop(base_url, messages)

def changed(messages, base_url=None):
    return loop(base_url, [{"role": "system", "content": "Be brief."}, *messages])

def fails(messages):
    raise ValueError("no idea")

def silent(messages):
    return None
"""
COMMAND = "\nprint(loop(os.environ['OPENAI_BASE_URL'], json.load(sys.stdin)['messages']))\n"
BACKEND = """
from harness.core.chat import Reply
def complete(model, messages, *, tools=None, stream=False, **options):
    return Reply(text=loop(options["api_base"], messages), finish="stop")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    Path("suites").mkdir()
    for name in ("agent_under_test", "backend_under_test"):
        sys.modules.pop(name, None)
    Path("agent_under_test.py").write_text(LOOP + AGENT)
    Path("backend_under_test.py").write_text(LOOP + BACKEND)
    Path("command.py").write_text(LOOP + COMMAND)
    return tmp_path


def recorded(*words):
    with serving() as fake:
        Path("suites/mine.yaml").write_text(SUITE.replace("URL", f"{fake.url}/v1"))
        return main(["record", *words]), fake


@pytest.mark.parametrize("name", ["agent", "awaited"])
def test_an_agents_function_is_recorded_replayed_and_judged_as_a_whole(folder, capfd, name):
    words = ("--agent", f"agent_under_test:{name}")
    assert recorded(*words)[0] == 0, capfd.readouterr()
    assert main(["run", *words, "--json", "report.json"]) == 0
    told = json.dumps(json.loads(Path("report.json").read_text()))
    assert "3 steps, tools as expected: weather, population" in told


def test_a_changed_prompt_of_the_agent_is_a_miss(folder, capfd):
    assert recorded("--agent", "agent_under_test:agent")[0] == 0
    capfd.readouterr()
    assert main(["run", "--agent", "agent_under_test:changed"]) != 0
    out = capfd.readouterr()
    assert "messages[0]" in out.out + out.err


def test_an_agents_command_is_recorded_and_replayed(folder, capfd, monkeypatch):
    words = ("--agent", f"{sys.executable} command.py")
    with serving() as fake:
        Path("suites/mine.yaml").write_text(SUITE.replace("URL", f"{fake.url}/v1"))
        monkeypatch.setenv("OPENAI_BASE_URL", f"{fake.url}/v1")
        assert main(["record", *words]) == 0, capfd.readouterr()
        asked = len(fake.asked)
    assert main(["run", *words]) == 0, capfd.readouterr()
    assert len(fake.asked) == asked == 3


@pytest.mark.slow
def test_mutants_are_judged_by_an_agents_command(folder, capfd, monkeypatch):
    words = ("--agent", f"{sys.executable} command.py")
    with serving() as fake:
        Path("suites/mine.yaml").write_text(SUITE.replace("URL", f"{fake.url}/v1"))
        monkeypatch.setenv("OPENAI_BASE_URL", f"{fake.url}/v1")
        assert main(["record", *words]) == 0
    assert main(["mutate", *words, "--only", "responses", "--sample", "4"]) == 0, capfd.readouterr()


def test_a_case_that_fails_as_it_is_is_not_mutated(folder, capfd):
    assert recorded("--agent", "agent_under_test:agent")[0] == 0
    suite = Path("suites/mine.yaml")
    suite.write_text(suite.read_text().replace("contains: sunny", "contains: rainy"))
    capfd.readouterr()
    assert main(["mutate", "--agent", "agent_under_test:agent", "--at-least", "0"]) == 1
    out = capfd.readouterr()
    assert "its replay fails without any change" in " ".join((out.out + out.err).split())


def test_a_card_of_the_models_that_an_agent_asks(folder, capfd):
    words = ("card", "mine", "--probe", "c3-*", "-n", "1", "--agent", "agent_under_test:agent", "--json", "card.json")
    with serving() as fake:
        Path("suites/models.yaml").write_text(
            f"models: [{{label: mine, backend: openai, name: gpt-4o-mini, hostname: {fake.url}/v1}}]"
        )
        assert main([*words, "--record"]) == 0, capfd.readouterr()
    asked = len(fake.asked)
    assert main([*words]) == 0, capfd.readouterr()
    assert (len(fake.asked), asked > 0) == (asked, True)
    (card,) = json.loads(Path("card.json").read_text())["cards"]
    assert card["model"].endswith("/gpt-4o-mini")
    assert "agents/agent_under_test" in json.dumps(card)
    capfd.readouterr()
    assert main(["card", "mine", "--from", "cassettes", "--agent", "a:b"]) == 2
    assert "leave out --agent" in capfd.readouterr().err
    assert main(["card", "mine", "--agent", "agent_under_test:silent"]) == 2
    assert "nothing is recorded of the agent" in capfd.readouterr().err


def test_a_card_through_another_backend(folder, capfd, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key-of-this-test-alone-1")
    Path("backend_under_test.py").write_text("from harness import complete")
    words = ("card", "mine", "--probe", "c3-*", "-n", "1", "--no-self-checks", "--json", "card.json")
    words = (*words, "--backend", "backend_under_test:complete")
    with serving() as fake:
        Path("suites/models.yaml").write_text(
            f"models: [{{label: mine, backend: openai, name: gpt-4o-mini, hostname: {fake.url}/v1}}]"
        )
        assert main([*words, "--record"]) == 0, capfd.readouterr()
    (card,) = json.loads(Path("card.json").read_text())["cards"]
    assert any(cell["verdict"] != "unseen" for cell in card["cells"])
    Path("backend_under_test.py").write_text("def complete(*words, **options):\n    raise ValueError('no idea')")
    sys.modules.pop("backend_under_test")
    main([*words])
    out = capfd.readouterr()
    assert "the backend fails on them" in out.err
    assert "no idea" in out.err


def test_another_backend_is_asked_in_the_place_of_ours(folder, capfd):
    assert recorded("--backend", "backend_under_test:complete")[0] == 0, capfd.readouterr()
    assert main(["run", "--backend", "backend_under_test:complete"]) == 0, capfd.readouterr()
    assert main(["mutate", "--backend", "backend_under_test:complete", "--sample", "5"]) == 0, capfd.readouterr()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--agent", "agent_under_test:fails"), 1, "ValueError: no idea"),
        (("--agent", "agent_under_test:silent"), 1, "gave no answer"),
        (("--agent", "agent_under_test:nothing"), 2, "there is no agent"),
        (("--agent", "no_such_module:x"), 2, "there is no agent"),
        (("--agent", "no-such-program --x"), 2, "can't be started"),
        (("--backend", "nonsense"), 2, "is no backend"),
        (("--backend", "a:b", "--agent", "c:d"), 2, "not allowed with"),
    ],
)
def test_bad_agents(folder, capfd, words, code, told):
    Path("suites/mine.yaml").write_text(SUITE.replace("URL", "http://127.0.0.1:1/v1"))
    assert main(["run", *words]) == code
    out = capfd.readouterr()
    assert told in out.out + out.err
    assert "Traceback" not in out.err


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ("tools: [weather]", "called: weather, population; expected: weather"),
        ("in_order: [population, weather]", "weather does not come in its place"),
        ("in_order: [weather, population]", ""),
        ("any_order: [population, weather]", ""),
        ("any_order: [delete]", "delete was not called"),
        ("never: [weather]", "weather was called, 1 times"),
        ("at_most: {population: 0}", "population was called 1 times, 0 at most"),
        ("calls: [{name: weather, includes: {city: Rome}}]", "no call is the expected one 0"),
        ("calls: [{name: population, accepts: {city: [Paris, Rome]}}]", ""),
        ("steps: 2", "models were asked 3 times, 2 expected"),
        ("steps: {max: 3}", ""),
    ],
)
def test_each_expectation_on_a_run(folder, capfd, wanted, fault):
    assert recorded("--agent", "agent_under_test:agent")[0] == 0
    suite = Path("suites/mine.yaml")
    text = suite.read_text()
    suite.write_text(text[: text.index("      trajectory:")] + f"      trajectory: {{{wanted}}}\n")
    capfd.readouterr()
    assert main(["run", "--agent", "agent_under_test:agent"]) == bool(fault)
    assert fault in capfd.readouterr().out.replace("\n", " ").replace("  ", " ") or not fault
    assert TEXT
