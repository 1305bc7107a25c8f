"""Each adapter imports without its library, holds where its library holds, and says what its library gives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.core.errors import UnsupportedError, UsageError
from harness.laws import ALL_LAWS, run_trial
from harness.laws.exemplars import exemplars
from harness.laws.prove import complaint_of
from harness.laws.question import Question
from harness.laws.tested_backend import backend_at

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
PAGE = (Path(__file__).parent.parent.parent / "docs" / "adapters.md").read_text(encoding="utf-8")
ADAPTERS = {
    "openai_chat": ("openai", "openai"),
    "openai_responses": ("openai", "openai/responses"),
    "anthropic_messages": ("anthropic", "anthropic"),
    "google_genai": ("google.genai", "gemini"),
}
LAWS = [law for law in ALL_LAWS if law.grade != "opinion"]
FEW = 7  # calls one by one and together, and a text: nothing odd on the wire


def adapter(name):
    return f"harness.adapters.{name}:complete"


def test_each_imports_without_its_library_and_names_it():
    lines = [
        "import sys",
        "from harness.core.errors import UsageError",
        "from harness.laws.tested_backend import backend_at",
    ]
    lines += [f"sys.modules[{library!r}] = None" for library in ("openai", "anthropic", "google.genai")]
    for name in ADAPTERS:
        lines += [f"import harness.adapters.{name}", f"try: backend_at({adapter(name)!r})"]
        lines += ["except UsageError as error: print(error)"]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    named = re.findall(r"harness\.adapters\.(\w+) needs a package that is not installed", done.stdout)
    assert named == list(ADAPTERS)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ADAPTERS)
def test_what_is_plain_is_handed_on_as_it_was_sent(name, stream):
    """But for the names and ids that go out as the caller gave them: these libraries rename nothing."""
    pytest.importorskip(ADAPTERS[name][0])
    backend = backend_at(adapter(name))
    asked = exemplars(ADAPTERS[name][1], stream=stream)[:FEW]
    trials = [run_trial(question, backend.complete, backend.errors) for question in asked]
    found = [(law.id, complaint) for trial in trials for law in LAWS if (complaint := complaint_of(law, trial))]
    assert [one for one in found if one[0] != "N1"] == []
    assert all(trial.reply is not None for trial in trials)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_langchain_hands_on_what_is_plain_but_for_what_the_page_says(stream):
    pytest.importorskip("langchain_openai")
    backend = backend_at(adapter("langchain_chat"))
    trials = [run_trial(one, backend.complete, backend.errors) for one in exemplars("openai", stream=stream)[:FEW]]
    assert {law.id for trial in trials for law in LAWS if complaint_of(law, trial)} <= {
        "N1",
        "D19",
        "U3",
        *({"S1"} if stream else ()),
    }
    assert all(trial.reply is not None for trial in trials)


def test_a_wrong_adapter_is_found(monkeypatch):
    pytest.importorskip("openai")
    monkeypatch.setattr("harness.adapters.openai_chat._calls", lambda message: [])
    backend = backend_at(adapter("openai_chat"))
    trial = run_trial(exemplars("openai", stream=False)[2], backend.complete, backend.errors)
    assert {"D1"} <= {law.id for law in LAWS if complaint_of(law, trial)}


@pytest.mark.parametrize("name", ["openai_responses", "anthropic_messages", "google_genai"])
def test_an_option_that_the_library_does_not_have_is_declined_by_name(name):
    library, provider = ADAPTERS[name]
    pytest.importorskip(library)
    question = Question(provider, (), exemplars(provider, stream=False)[0].reply, options={"logit_bias": {"1": 1}})
    backend = backend_at(adapter(name))
    trial = run_trial(question, backend.complete, backend.errors)
    assert isinstance(trial.error, UnsupportedError)
    assert "logit_bias" in str(trial.error)
    assert trial.declined


def test_a_missing_module_is_a_usage_error():
    with pytest.raises(UsageError, match="there is no backend"):
        backend_at(adapter("no_such_library"))


def test_prove_asks_the_chosen_provider_first_and_keeps_what_a_provider_with_a_slash_breaks(tmp_path, monkeypatch):
    pytest.importorskip("openai")
    monkeypatch.setattr("harness.laws.prove.exemplars", lambda *asked, **mode: exemplars(*asked, **mode)[:1])
    monkeypatch.setattr("harness.laws.prove.shrunk", lambda *_: None)
    words = ["prove", "--backend", adapter("openai_responses"), "--provider", "openai/responses", "--law", "N1"]
    assert main([*words, "--mode", "whole", "--examples", "1", "--keep", str(tmp_path)]) == 1
    assert (tmp_path / "counterexamples" / "N1-openai-responses-whole.law.json").exists()


BLOCKS = re.findall(r"### ([^\n]*)\n.*?```python\n(.*?)```", PAGE, flags=re.DOTALL)
(FIRST,) = re.findall(r"```python\n(.*?)```", PAGE.partition("\n### ")[0], flags=re.DOTALL)


@pytest.fixture(scope="module")
def first():
    names: dict[str, object] = {}
    for library in ("openai", "anthropic", "google.genai"):
        pytest.importorskip(library)
    exec(compile(FIRST, "docs/adapters.md", "exec"), names)
    return names


@pytest.mark.parametrize(("title", "lines"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_what_was_found_is_still_there(title, lines, first):
    """A library that has mended it turns this red: its entry goes from the page."""
    if title.startswith("langchain"):
        pytest.importorskip("langchain_openai")
    assert "assert " in lines
    assert lines.count("\n") <= 10
    exec(compile(lines, f"docs/adapters.md, {title}", "exec"), dict(first))
