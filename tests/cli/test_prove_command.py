"""`harness prove` from the outside: the table, a broken law in plain words and put again by pytest, wrong words."""

from __future__ import annotations

import json
import os
import re
import sys
from itertools import islice
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.dialects.wire_profile import SHIPPED, load
from harness.laws.draw import questions
from harness.laws.prove import Effort, prove_one
from harness.laws.provider_options import likely
from harness.laws.tested_backend import backend_at
from tests.children import python

ADAPTER = '''
from dataclasses import replace
from harness import complete as right
from harness.laws.bare import complete as without_litellm

def naive(model, messages, *, tools=None, **options):
    """What a careless adapter does: "/" to "__", and back whatever it was."""
    given = [{**one, "function": {**one["function"], "name": one["function"]["name"].replace("/", "__")}} for one in tools or ()]
    reply = without_litellm(model, messages, tools=given or None, **options)
    return replace(reply, calls=tuple(replace(call, name=call.name.replace("__", "/")) for call in reply.calls))

class Adapter:
    complete = staticmethod(right)

adapter = Adapter()
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "careless.py").write_text(ADAPTER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    yield tmp_path
    sys.modules.pop("careless", None)


def test_our_backend_holds_and_the_counts_are_told(folder, capsys):
    assert main(["prove", "--provider", "ollama", "--examples", "10", "--json", "counts.json"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "and 140 drawn examples," in told
    assert "no broken laws (litellm " in told
    assert re.search(r"ollama: \d+ exemplars, 140 drawn, all laws hold", told)
    counts = json.loads((folder / "counts.json").read_text())
    assert {one["mode"]: one["drawn"] for one in counts}["bare stream"] == 50
    assert not any(one["broken"] for one in counts)


def test_answers_are_drawn_like_those_of_a_profile():
    profile = load(SHIPPED / "groq.openai.json")
    assert likely(profile) == "groq"
    assert likely(load(SHIPPED / "openai.openai_responses.json")) == "openai/responses"
    assert likely(load(SHIPPED / "zai.openai.json")) == "openai"
    effort = Effort(bare=20, like={"groq": profile}, exemplars=False)
    proof = prove_one(backend_at("harness.backend.completion:complete"), "groq", "bare stream", effort=effort)
    assert proof.holds
    assert proof.drawn == 20
    for stream in (False, True):
        drawn = list(islice(questions("groq", stream=stream, like=profile), 60))
        assert all(one.quirks <= profile.shown() for one in drawn if one.kind == "plain")
        assert all("plain" in one.quirks for one in drawn if one.kind == "plain")
        assert [one.reply for one in drawn] == [
            one.reply for one in islice(questions("groq", stream=stream, like=profile), 60)
        ]


def test_a_broken_law_is_told_kept_and_put_again(folder, capsys):
    words = ["prove", "--backend", "careless:naive", "--provider", "openai", "--law", "N4", "--examples", "20"]
    assert main(words) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "N4 (danger) does not hold for openai, whole: round trip" in told
    assert re.search(r"call \d was to '[^']*', came back as '/?[^']*'", told)
    for part in ("tools offered:", "provider answers:", "came back:", "should have been:"):
        assert part in told
    kept = folder / ".harness" / "counterexamples" / "N4-openai-whole.law.json"
    assert f"pytest {kept.relative_to(folder)}" in told
    assert main(["cassettes", "show", str(kept.with_name("N4-openai-whole.json"))]) == 0
    assert "synthetic" in capsys.readouterr().out
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    again = ("pytest", "-p", "no:cacheprovider", "-rA", str(kept))
    done = python(*again, cwd=folder, env=environment)
    assert done.returncode == 1, done.stdout
    assert "N4 (danger) does not hold for openai, whole" in done.stdout
    # Once the adapter is mended, the same file passes.
    mended = kept.read_text().replace("careless:naive", "harness.backend.completion:complete")
    kept.write_text(mended)
    done = python(*again, cwd=folder, env=environment)
    assert done.returncode == 0, done.stdout


def test_an_object_with_complete_is_a_backend_that_is_not_awaited(folder, capsys):
    assert main(["prove", "--backend", "careless:adapter", "--provider", "ollama", "--examples", "5"]) == 0
    assert "and 10 drawn examples" in " ".join(capsys.readouterr().out.split())


STRANGER = """
import dataclasses, types
from harness import complete as right

class OwnError(Exception):
    pass

class Adapter:
    errors = (OwnError,)

    def complete(self, model, messages, *, tools=None, stream=False, **options):
        if stream:
            raise NotImplementedError
        try:
            reply = right(model, messages, tools=tools, **options)
        except Exception as error:
            made = OwnError(str(error))
            made.__dict__.update(error.__dict__)
            raise made from error
        calls = [dataclasses.replace(one, parameters=types.MappingProxyType(one.parameters)) for one in reply.calls]
        return dataclasses.replace(reply, calls=calls)

adapter = Adapter()
"""


def test_own_exceptions_other_mappings_and_no_streams_are_fine(folder, capsys):
    (folder / "stranger.py").write_text(STRANGER)
    assert main(["prove", "--backend", "stranger:adapter", "--provider", "openai", "--examples", "40"]) == 0
    said = capsys.readouterr().out
    assert "does not stream (NotImplementedError): it is judged without streams" in " ".join(said.split())
    sys.modules.pop("stranger", None)


def test_modes_grades_and_quirks_are_chosen(folder, capsys):
    words = ["prove", "--provider", "openai", "--mode", "bare-stream", "--grade", "danger", "--without-quirk", "crlf"]
    assert main([*words, "--examples", "4", "--json", "-"]) == 0
    (proof,) = json.loads(capsys.readouterr().out)
    assert (proof["mode"], proof["drawn"]) == ("bare stream", 20)
    assert proof["judged"].keys() >= {"N4", "D10"}
    assert not proof["judged"].keys() & {"D5", "S5", "N3"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--examples", "0"], "--examples 0 proves nothing; give at least 1"),
        (["--law", "N44"], "no law N44; there are N1, N2"),
        (["--grade", "worst"], "no grade worst; there are danger, loss, contract, opinion"),
        (["--mode", "fast"], "no mode fast for this backend; there are whole, stream"),
        (["--without-quirk", "clrf"], "no quirk clrf; the closest: crlf, "),
        (["--without-quirk", "nix"], "; all of a dialect: `python -c"),
        (["--like", "nobody"], "nobody is no file, no folder, and no provider with a profile; there are anthropic"),
        (["--like", "."], "x.json is no profile: format: Field required"),
        (
            ["--like", "groq", "--provider", "gemini"],
            "gemini answers in the dialect gemini, and the profile groq is of",
        ),
        (["--like", "groq", "--without-quirk", "crlf"], "--without-quirk has no use beside --like"),
        (["--provider", "nobody"], "no provider nobody to prove; there are openai"),
        (["--provider", "vertex_ai"], "no provider vertex_ai to prove"),
        (["--keep", "x.json"], "x.json is no folder that can be written; give another"),
        (["--keep", "x.json/deep/er"], "x.json is no folder that can be written; give another"),
        (["--backend", "nonsense"], "'nonsense' is no backend; write module:attribute"),
        (["--backend", "no_such:x"], "there is no backend at 'no_such:x'"),
        (["--backend", "math:pi"], "'math:pi' can't be called"),
        (
            ["--provider", "ollama", "--examples", "1", "--json", "no/such/folder.json"],
            "no/such/folder.json: the folder for this report does not exist",
        ),
    ],
)
def test_wrong_words_are_one_sentence_and_exit_code_two(folder, words, told, capsys):
    (folder / "x.json").write_text("{}")
    assert main(["prove", *words]) == 2
    err = capsys.readouterr().err
    assert told in " ".join(err.split())
    assert "Traceback" not in err


LAWS = """
import pytest

@pytest.mark.laws("careless:{0}", providers=["openai"], modes=["whole"], laws=["N4"], examples=20)
def test_mine(proof):
    assert proof.examples
"""


def run(folder: Path, text: str, *words: str) -> tuple[int, str]:
    (folder / "test_mine.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(folder), "CI": "true"}
    done = python("pytest", "-p", "no:cacheprovider", "-rA", *words, cwd=folder, env=environment)
    return done.returncode, done.stdout + done.stderr


def test_pytest_runs_the_same_laws(folder):
    code, told = run(folder, LAWS.format("naive"))
    assert code == 1
    assert "FAILED test_mine.py::test_mine[openai-whole]" in told
    assert "N4 (danger) does not hold for openai" in told
    code, told = run(folder, LAWS.format("adapter"))
    assert code == 0, told
    assert "1 passed" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAWS.format("nothing"), "there is no backend at 'careless:nothing'"),
        (LAWS.format("adapter").replace("N4", "N44"), "no law N44"),
        (LAWS.format("adapter").replace('["openai"]', '["nobody"]'), "no provider nobody to prove"),
        ("def test_mine(proof):\n    pass\n", "the fixture `proof` needs @pytest.mark.laws(backend)"),
    ],
)
def test_wrong_marks_are_told(folder, text, told):
    code, said = run(folder, text)
    assert code != 0
    assert told in said


def test_a_file_that_is_no_counterexample_is_told(folder):
    (folder / "x.law.json").write_text("{}")
    code, said = run(folder, "", "x.law.json")
    assert code != 0
    assert "no counterexample of `harness prove`" in said
