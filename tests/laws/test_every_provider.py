"""No provider, mode or dialect is left out of the proofs."""

import importlib.util
from collections import Counter
from pathlib import Path

from harness.dialects.providers import proven as to_prove
from harness.laws.prove import BARE_MODES, MODES
from harness.laws.provider_options import provers
from harness.laws.question import Question

EVERY = (*MODES, *BARE_MODES)


def proven(file, *, exemplars):
    """How often each provider is proven in each mode by the tests of ``file``, with exemplars or without."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    marks = [mark.kwargs for test in tests for mark in test.pytestmark if mark.name == "laws"]
    return Counter(
        (name, mode)
        for one in marks
        if one.get("exemplars", True) == exemplars
        for name in one["providers"]
        for mode in one.get("modes", EVERY)
    )


FOLDER = Path(__file__).parent
USUAL, SLOW = (proven(FOLDER / name, exemplars=True) for name in ("test_ours.py", "test_ours_slow.py"))
DRAWN = proven(FOLDER / "test_ours.py", exemplars=False)


def test_each_provider_is_proved_once_in_each_mode():
    assert Counter((name, mode) for name in provers() for mode in EVERY) == USUAL + SLOW
    assert sorted(provers()) == sorted(to_prove())


def test_each_dialect_is_proved_in_each_mode_that_is_its_own_in_the_usual_run():
    dialects = {name: Question(name, (), None).dialect.name for name in to_prove()}
    assert {dialects[name] for name, _ in USUAL} == set(dialects.values())
    awaited = {dialects[name] for name, mode in DRAWN if mode.startswith("async")}
    alike = {"cohere", "ollama", "ollama_generate"}  # litellm awaits their lines as it awaits Gemini's
    assert awaited >= set(dialects.values()) - alike
