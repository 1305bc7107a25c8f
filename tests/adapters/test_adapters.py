"""Each adapter imports without its library, holds where its library holds, and says what its library gives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.core.errors import UnsupportedError, UsageError
from harness.laws import ALL_LAWS, BY_ID, aask, run_trial
from harness.laws.exemplars import exemplars
from harness.laws.prove import complaint_of
from harness.laws.question import Question
from harness.laws.tested_backend import backend_at

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning",  # google-genai's, as it is first awaited
)
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
ADAPTERS = {
    "openai_chat": ("openai", "openai"),
    "openai_responses": ("openai", "openai/responses"),
    "anthropic_messages": ("anthropic", "anthropic"),
    "google_genai": ("google.genai", "gemini"),
}
BESIDE = {
    "langchain_chat": ("langchain_openai", "openai"),
    "langchain_litellm": ("langchain_litellm", "openai"),
    "pydantic_ai": ("pydantic_ai", "openai"),
    "any_llm": ("any_llm", "openai"),
}
"""What has an environment of its own, which `make test-neighbours` makes."""
PLAIN: dict[str, set[str]] = {
    "langchain_chat": {"D19", "U3", "S1"},
    "langchain_litellm": {"U3", "S1"},
}
"""Laws that an adapter breaks with plain answers too, as the page says."""
ENVIRONMENTS = {
    "pydantic_ai": ["pydantic-ai-slim[openai,anthropic,google]"],
    "any_llm": ["any-llm-sdk[openai]", "anthropic", "google-genai"],
    "langchain": ["langchain-openai", "langchain-litellm", "anthropic", "google-genai"],
}
NEEDED = [
    "litellm>=1.106.2,!=1.107.*",
    "vcrpy",
    "hypothesis",
    "pytest",
    "pytest-timeout",
    "pydantic",
    "jiter",
    "pyyaml",
]
NEEDED += ["jsonschema", "rich", "jinja2", "filelock", "platformdirs"]
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
    lines += [f"sys.modules[{library!r}] = None" for library, _ in BESIDE.values()]
    for name in ADAPTERS | BESIDE:
        lines += [f"import harness.adapters.{name}", f"try: backend_at({adapter(name)!r})"]
        lines += ["except UsageError as error: print(error)"]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    named = re.findall(r"harness\.adapters\.(\w+) needs a package that is not installed", done.stdout)
    assert named == [*ADAPTERS, *BESIDE]


@pytest.mark.parametrize("awaited", [False, True], ids=["called", "awaited"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ADAPTERS | BESIDE)
def test_what_is_plain_is_handed_on_as_it_was_sent(name, stream, awaited):
    """But for the names and ids that go out as the caller gave them: these libraries rename nothing."""
    library, provider = (ADAPTERS | BESIDE)[name]
    pytest.importorskip(library)
    backend = backend_at(adapter(name))
    asked = exemplars(provider, stream=stream)[: FEW - 3 * awaited]
    put = (lambda one: aask(one, backend.acomplete, errors=backend.errors)) if awaited else _called(backend)
    trials = [put(question) for question in asked]
    found = [(law.id, complaint) for trial in trials for law in LAWS if (complaint := complaint_of(law, trial))]
    assert [one for one in found if one[0] not in {"N1"} | PLAIN.get(name, set())] == []
    assert all(trial.reply is not None for trial in trials)


def _called(backend):
    return lambda question: run_trial(question, backend.complete, backend.errors)


@pytest.mark.neighbours
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_in_an_environment_of_its_own_each_is_as_its_page_says(name, tmp_path):
    """This file again, where the library is there: nothing about it may be skipped."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *ENVIRONMENTS[name], *NEEDED]
    subprocess.run(install, check=True)
    gone = ("CI", "PYTHONHOME")
    env = {key: one for key, one in os.environ.items() if key not in gone and not key.startswith("PYTEST")}
    words = [
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-k",
        f"({name} or {name.replace('_', '-')}) and not own",
    ]
    done = subprocess.run(
        [python, *words, "tests/adapters"],
        cwd=ROOT, env={**env, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout, done.stdout
    assert re.search(r"[1-9]\d? passed", done.stdout), done.stdout


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


def test_state_is_judged_where_messages_go_to_responses_without_a_type():
    """The type of a message may be left out there, as the adapter leaves it out."""
    pytest.importorskip("openai")
    backend = backend_at(adapter("openai_responses"))
    asked = [one for one in exemplars("openai/responses", stream=False) if one.kind == "state"]
    trials = [run_trial(question, backend.complete, backend.errors) for question in asked]
    assert [complaint for trial in trials if (complaint := complaint_of(BY_ID["T6"], trial))]  # it hands on no state


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
    library = title.partition(":")[0].replace("-", "_")
    pytest.importorskip({"langchain": "langchain_openai", "google_genai": "google.genai"}.get(library, library))
    assert "assert " in lines
    assert lines.count("\n") <= 10
    exec(compile(lines, f"docs/adapters.md, {title}", "exec"), dict(first))
