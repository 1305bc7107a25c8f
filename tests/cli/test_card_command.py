"""`harness card` from the outside: asked of a real server, replayed, compared, and every kind of bad input."""

import json
import shutil
from pathlib import Path

import pytest

from harness.core.chat import Reply, ToolCall, Usage
from harness.dialects import OPENAI
from harness.dialects.wire_profile import profiles_at
from tests.loopback import serving

KEY = "sk-planted-0123456789abcdef"
MODELS = 'models:\n- {name: m, backend: openai, hostname: "http://127.0.0.1:PORT/v1", api_key_env: CARD_KEY}\n'
SOME = ("--probe", "c3-*", "--probe", "c1-irrelevant*", "--probe", "e1-wrong-key*")


def _reply(asked):
    if asked.get("tools") and asked.get("tool_choice") == "required":
        call = ToolCall(asked["tools"][0]["function"]["name"], {"city": "Paris"}, "call_1")
        return Reply(calls=(call,), finish="tool_calls", usage=Usage(3, 2, 5))
    return Reply(text="Good morning.", finish="stop", usage=Usage(3, 2, 5))


def well(_):
    return 200


@pytest.fixture(scope="module")
def server():
    """Calls the first tool that it is offered, in OpenAI's own bytes, until it is told to fail."""

    def answer(body, headers):
        asked = json.loads(body)
        made.asked.append(asked)
        status = made.status(len(made.asked)) if headers.get("authorization") == f"Bearer {KEY}" else 401
        if status != 200:
            return status, "application/json", b'{"error": {"message": "no", "type": "x", "code": "x"}}'
        said = OPENAI.render(_reply(asked), stream=bool(asked.get("stream")), model="m")
        return 200, "text/event-stream" if asked.get("stream") else "application/json", said.body

    with serving(answer, asked=[], status=well) as made:
        yield made


@pytest.fixture
def empty(tmp_path, monkeypatch, server):
    """A project with a model and no recordings; the server answers."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "models.yaml").write_text(MODELS.replace("PORT", str(server.server_port)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARD_KEY", KEY)
    server.asked, server.status = [], well
    return tmp_path


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("card")


@pytest.fixture
def project(empty, kept, run, monkeypatch):
    """The same with a few probes recorded, once for all tests; nothing is asked from here on."""
    if not any(kept.iterdir()):
        code, out, err = run("card", "--record", "-n", "2", "--no-self-checks", *SOME)
        assert code == 0, out + err
        shutil.copytree(empty / "cassettes", kept / "cassettes")
    shutil.copytree(kept / "cassettes", empty / "cassettes", dirs_exist_ok=True)
    monkeypatch.delenv("CARD_KEY")
    return empty


def card(path="card.json"):
    return json.loads(Path(path).read_text(encoding="utf-8"))["cards"][0]


def cell(made, check, mode):
    return next(one for one in made["cells"] if (one["check"], one["mode"]) == (check, mode))


def test_a_recorded_card_is_replayed_the_same_byte_for_byte(project, run, server):
    before = len(server.asked)
    for name in ("one.json", "two.json"):
        assert run("card", *SOME, "--json", name)[0] == 0
    assert len(server.asked) == before
    assert Path("one.json").read_bytes() == Path("two.json").read_bytes()
    made = card("one.json")
    assert cell(made, "C3", "whole") | {"findings": 0, "evidence": 0} == cell(made, "C3", "whole") | {
        "verdict": "pass",
        "findings": 0,
        "evidence": 0,
    }
    assert cell(made, "D1", "stream")["rate"]["n"] == 2
    assert cell(made, "E1", "whole")["verdict"] == "pass"
    assert {one["verdict"] for one in made["cells"] if one["check"] in {"H1", "H2", "H3", "H5", "H6"}} == {"pass"}
    assert {one["kind"] for one in made["recordings"].values()} == {"local"}


def test_what_it_asked_before_it_started_and_what_it_came_to(empty, run):
    code, out, _ = run("card", "--record", "-n", "2", "--no-self-checks", *SOME)
    assert code == 0
    assert "6 of 6 probes to ask, 12 questions, at most $0" in out
    assert "6 of 6 probes recorded in cassettes" in out
    code, out, _ = run("card", "--record", "-n", "2", "--no-self-checks", *SOME)
    assert "all 6 probes are recorded; --again asks once more" in out


def test_a_key_that_runs_dry_stops_it_and_keeps_what_was_recorded(empty, run, server):
    server.status = lambda number: 200 if number <= 3 else 401
    code, out, _ = run("card", "--record", "-n", "1", "--no-self-checks", "--probe", "c7-*")
    assert code == 2
    assert "was refused its key" in out
    assert "3 of 12 probes recorded in cassettes, and they stay" in out
    assert len(server.asked) == 4


def test_a_storm_of_refusals_is_not_asked_through(empty, run, server):
    server.status = lambda number: 200 if number <= 2 else 429
    code, out, _ = run("card", "--record", "-n", "1", "--no-self-checks", "--probe", "c7-*")
    assert code == 2
    assert "stopped after 5 probes in a row without an answer" in out
    assert len(server.asked) == 7


def test_a_budget_is_kept(empty, run, server):
    code, out, _ = run("card", "--record", "-n", "2", "--no-self-checks", "--probe", "c7-*", "--max-requests", "5")
    assert (code, len(server.asked)) == (2, 5)
    assert "the budget of 5 requests is spent" in out
    assert "2 of 12 probes recorded" in out


def test_a_card_broken_off_goes_on_without_asking_twice(empty, run, server):
    words = ("card", "--record", "-n", "2", "--no-self-checks", "--probe", "c7-*")
    assert run(*words, "--max-requests", "5")[0] == 2
    code, out, _ = run(*words)
    assert code == 0
    assert "10 of 10 probes recorded" in out
    assert len(server.asked) == 24
    assert not list(Path("cassettes").rglob("*.partial.json"))


def test_more_repeats_are_added_to_those_that_are_there(empty, run, server):
    words = ("card", "--record", "--no-self-checks", "--probe", "c7-enum*", "-n")
    assert run(*words, "1")[0] == 0
    assert run(*words, "3", "--json", "c.json")[0] == 0
    assert len(server.asked) == 6
    assert cell(card("c.json"), "C6", "whole")["rate"]["n"] == 3


def test_a_budget_in_dollars_needs_prices(empty, run):
    (empty / "suites" / "models.yaml").write_text(
        "models:\n- {name: no-such-model, backend: openai, api_key_env: CARD_KEY}\n"
    )
    code, _, err = run("card", "--record", "--max-dollars", "1", *SOME)
    assert code == 2
    assert "litellm knows no price for openai/no-such-model" in err


def test_nothing_is_recorded_in_ci(empty, run, monkeypatch, server):
    monkeypatch.setenv("CI", "true")
    code, _, err = run("card", "--record", *SOME)
    assert (code, server.asked) == (2, [])
    assert "nothing is recorded in CI" in err


def test_a_broken_contract_fails_against_a_baseline(project, run):
    assert run("card", *SOME, "--no-self-checks", "--json", "now.json")[0] == 0
    assert run("card", *SOME, "--no-self-checks", "--baseline", "now.json")[0] == 0
    later = json.loads(Path("now.json").read_text())
    worse = cell(later["cards"][0], "D1", "whole")
    worse |= {"verdict": "fail", "rate": {"held": 0, "n": 2, "low": 0.0, "high": 0.66}}
    Path("worse.json").write_text(json.dumps(later))
    code, out, _ = run("diff", "now.json", "worse.json")
    assert code == 1
    assert "D1" in out
    assert run("diff", "now.json", "worse.json", "--fail-on", "never")[0] == 0
    assert run("diff", "worse.json", "now.json")[0] == 0
    assert run("diff", "worse.json", "now.json", "--fail-on", "shape")[0] == 1
    code, out, _ = run("diff", "now.json", "worse.json", "--json", "-")
    assert [(one["of"], one["grade"]) for one in json.loads(out)["changes"]] == [("openai/m", "contract")]


def test_a_reference_gives_trigger_f1(project, run):
    assert run("card", *SOME, "--no-self-checks", "--json", "reference.json")[0] == 0
    _, out, _ = run("card", *SOME, "--no-self-checks", "--reference", "reference.json")
    assert "trigger F1 1.000 over 12 answers" in out


def test_every_report_is_written(project, run):
    words = ("--json", "c.json", "--markdown", "c.md", "--junit", "c.xml", "--html", "c.html")
    code, out, _ = run("card", *SOME, *words)
    assert code == 0
    assert "C6 schema accuracy" in out
    assert all("openai/m" in Path(name).read_text(encoding="utf-8") for name in words[1::2])
    code, out, _ = run("card", *SOME, "--no-self-checks", "--json", "-")
    assert json.loads(out)["cards"][0]["model"] == "openai/m"


def test_recordings_of_anybody_are_judged_by_their_bytes(project, run):
    assert run("card", "--from", "cassettes", "--json", "from.json")[0] == 0
    made = card("from.json")
    assert made["model"] == "local"
    assert cell(made, "D1", "whole")["verdict"] == "pass"
    assert run("card", "--from", "cassettes", "--through", "litellm", "--json", "full.json")[0] == 0
    assert Path("full.json").read_bytes() == Path("from.json").read_bytes()
    assert run("card", "--from", "cassettes", "--by", "model", "--check", "D1", "--json", "by.json")[0] == 0
    assert {one["check"] for one in card("by.json")["cells"]} == {"D1"}


def test_profiles_are_mined_from_recordings(project, run):
    code, out, err = run("card", "--from", "cassettes", "--profiles", "mined", "--check", "D1")
    assert code == 0
    assert "1 profile in mined" in err
    assert "local.openai" in out
    (profile,) = profiles_at("mined")
    assert profile.answers["whole"] > 1
    assert profile.quirks["whole"]["no_usage"].eligible == profile.answers["whole"]
    assert profile.quirks["stream"]["no_done"] == (0, profile.answers["stream"], "")


OWN = '''
from harness.core.finding import Finding

def short(observation, expect):
    """an answer is short"""
    if observation.reply is not None:
        yield Finding("", "pass" if len(observation.reply.text) < 200 else "fail", "as long as it is")
'''


def test_a_check_of_ones_own(project, run, monkeypatch):
    monkeypatch.syspath_prepend(project)
    Path("my_card_checks.py").write_text(OWN)
    Path("pyproject.toml").write_text('[tool.harness]\nchecks = ["my_card_checks:short"]\n')
    code, out, _ = run("card", *SOME, "--no-self-checks", "--json", "own.json")
    assert code == 0
    assert cell(card("own.json"), "short", "whole")["verdict"] == "pass"
    assert "short" in out
    for name in ("my_card_checks:none", "no_such_module:x", "my_card_checks"):
        Path("pyproject.toml").write_text(f'[tool.harness]\nchecks = ["{name}"]\n')
        code, _, err = run("card", *SOME)
        assert code == 2
        assert name in err


WRONG = [
    (("--check", "Z9"), "no check Z9; there are A1"),
    (("nobody",), "no model is called 'nobody'; write it as provider/model, such as openai/nobody"),
    (("openai/other",), "nothing is recorded of openai/other; record it: harness card openai/other --record"),
    (("--record", "-n", "0"), "--repeats is 0; give 1 or more"),
    (("--record", "--per-minute", "0"), "--per-minute is 0; give more than 0"),
    (("--from", "nowhere"), "nowhere: no such file or folder"),
    (("--through", "parsers"), "--through goes with --from; a model's own probes"),
    (("--profiles", "p"), "--profiles goes with --from: profiles are mined from recordings"),
    (("--from", "cassettes", "--profiles", "text.json"), "text.json: can't be written: File exists"),
    (("--from", "suites"), "no cassettes there; `harness cassettes import` takes over"),
    (("--json", "no/such/folder.json"), "the folder for this report does not exist"),
    (("--json", "-", "--markdown", "-"), "two reports can't both go to standard output"),
    (("--baseline", "nowhere.json"), "nowhere.json: can't be read: No such file"),
    (("--baseline", "text.json"), "text.json"),
    (("--baseline", "newer.json"), "newer.json"),
    (("--probe", "z9"), "no case"),
    (("compare", "a.json", "b.json"), "harness diff A.json B.json compares cards"),
    (("a.json",), "harness diff A.json B.json compares cards"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_mistake_is_one_sentence(project, run, words, told):
    Path("text.json").write_text("no JSON")
    Path("newer.json").write_text('{"format": 99, "cards": []}')
    code, _, err = run("card", *words)
    assert code == 2
    assert told in err


def test_a_damaged_recording_is_told_and_the_rest_is_judged(project, run):
    hurt = next(Path("cassettes").rglob("c3-required/*.json"))
    hurt.write_text(hurt.read_text()[:200])
    _, _, err = run("card", *SOME, "--no-self-checks", "--json", "c.json")
    assert str(hurt) in err
    assert cell(card("c.json"), "C3", "stream")["verdict"] == "pass"
    assert cell(card("c.json"), "C3", "whole")["verdict"] == "unseen"
    code, _, err = run("card", "--from", "cassettes", "--json", "f.json")
    assert code == 0
    assert str(hurt) in err


def test_no_recordings_at_all(empty, run):
    code, _, err = run("card")
    assert code == 2
    assert "nothing is recorded of openai/m" in err
    assert "there is nothing to make a card of" in err
