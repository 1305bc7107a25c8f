"""Agent frameworks, each in an environment of its own: recorded by the marker, replayed with the model gone.

Every agent has two tools and a loop of three turns. A changed prompt fails each test and names the leaf.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.cassette import load
from tests.fake_models import serving
from tests.frameworks.environments import PACKAGES, ROOT, python

HERE = Path(__file__).parent
THERE = [name for name in PACKAGES if name not in {"mcp", "dspy"} and python(name).exists()]
pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1800)]


def run(name, folder, *words, fake, **more):
    gone = ("CI", "OPENAI_BASE_URL", "OPENAI_API_BASE")
    env = {**{key: value for key, value in os.environ.items() if key not in gone}, "FAKE": fake, **more}
    done = subprocess.run(
        [python(name), *words], cwd=folder, env={**env, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(not THERE, reason="needs their environments: run `make frameworks`")
@pytest.mark.parametrize("name", THERE)
def test_an_agent_is_recorded_and_replayed_and_a_changed_prompt_named(name, tmp_path):
    agent = HERE / "agents" / f"agent_{name.replace('-', '_')}.py"
    for file in (agent, HERE / "agents" / "common.py"):
        shutil.copy(file, tmp_path)
    pytest_ = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "ignore", agent.name)
    tests = agent.read_text().count("\ndef test_")
    with serving() as fake:
        code, told = run(name, tmp_path, *pytest_, "--record-mode=once", fake=fake.url)
        assert (code, "went past" in told) == (0, False), told
    for file in tmp_path.glob("*.json"):
        turns = 1 if name == "instructor" else 3
        asked = [one for one in load(file).exchanges if one.request.method == "POST"]
        assert len(asked) == turns, file
    code, told = run(name, tmp_path, *pytest_, fake=fake.url)
    assert code == 0, told
    code, told = run(name, tmp_path, *pytest_, fake=fake.url, QUESTION="Changed?")
    assert code == 1, told
    assert told.count("no unused exchange answers") >= tests, told
    assert told.count("How is the weather in Paris") >= tests, told


@pytest.mark.skipif(not python("dspy").exists(), reason="needs its environment: run `make frameworks`")
def test_dspy_which_goes_past_the_tape_is_recorded_as_a_program(tmp_path):
    (tmp_path / "agent.py").write_text(
        "import os, dspy\n"
        "model = dspy.LM('openai/gpt-4o-mini', api_base=os.environ['OPENAI_BASE_URL'], api_key='k', cache=False)\n"
        "print(model(os.environ.get('QUESTION', 'How is Paris?')))\n"
    )
    words = ("--cassette", "a.json", "--", str(python("dspy")), "agent.py")
    with serving() as fake:
        code, told = run("dspy", tmp_path, "-m", "harness", "record", *words, fake="", OPENAI_BASE_URL=f"{fake.url}/v1")
    assert (code, "sunny in Paris" in told) == (0, True), told
    code, told = run("dspy", tmp_path, "-m", "harness", "replay", *words, fake="")
    assert (code, "sunny in Paris" in told) == (0, True), told
    code, told = run("dspy", tmp_path, "-m", "harness", "replay", *words, fake="", QUESTION="Why?")
    assert (code, 'recorded "How is Paris?", requested "Why?"' in told) == (2, True), told
