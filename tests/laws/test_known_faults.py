"""What litellm breaks and no backend can mend: each shows up to the last litellm that it names, and with no newer one."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from packaging.version import Version

from harness.adapters.litellm_alone import complete
from harness.backend.library import installed, load_offline
from harness.core.chat import Reply
from harness.laws import BY_ID, known_faults, run_trial
from harness.laws.known_faults import KNOWN, known
from harness.laws.question import carried
from harness.laws.tested_backend import OURS, backend_at


@pytest.fixture(scope="module")
def put():
    load_offline()
    backend = backend_at(OURS)
    return lambda question: run_trial(question, backend.complete)


@pytest.mark.parametrize("fault", KNOWN, ids=lambda fault: fault.name)
def test_it_still_shows(fault, put):
    assert carried(fault.question)
    trial = put(fault.question)
    broken = {law for law in fault.laws if BY_ID[law].judge(trial)}
    if Version(installed()) > Version(fault.litellm.split()[-1]):
        assert not broken
        return
    assert broken, f"litellm has mended {fault.name}: say so here and in docs/litellm-faults.md"
    assert all(known(trial, law) is not None for law in broken)


@pytest.mark.parametrize("fault", KNOWN, ids=lambda fault: fault.name)
def test_it_excuses_nothing_else(fault, put):
    """The same question to a provider without the fault, and without the quirk, is judged."""
    said = replace(fault.question.reply, text="hi")
    deferred = any("defer_loading" in marks for marks in fault.question.marks)  # which OpenAI's chat does not take
    provider = "anthropic" if deferred else "openai"
    plain = replace(fault.question, provider=provider, quirks=frozenset(), kind="plain", reply=said)
    trial = put(plain)
    assert not [law for law in BY_ID if known(trial, law)]
    assert not [complaint for law in BY_ID.values() if (complaint := law.judge(trial))]


def test_an_error_that_litellm_raises_rightly_excuses_no_backend_that_swallows_it(monkeypatch):
    def swallowing(*given, **options):
        with contextlib.suppress(Exception):
            return complete(*given, **options)
        return Reply(text="hi")

    load_offline()
    said = KNOWN[0].question.reply
    failed = replace(KNOWN[0].question, provider="openai/responses", reply=said, kind="failed", stream=True)
    trial = run_trial(replace(failed, quirks=frozenset({"failed"})), swallowing)
    everything = replace(KNOWN[0], laws=frozenset({"E3"}), applies=lambda _: True)
    monkeypatch.setattr(known_faults, "KNOWN", (everything,))
    assert BY_ID["E3"].judge(trial)
    assert known(trial, "E3") is None


def test_a_schema_is_excused_where_litellm_alone_sends_two_tools_under_one_name(put):
    fault = next(one for one in KNOWN if one.name == "references-without-definitions")
    ((_, tree),) = fault.question.details
    tools = ("file/search", "file_search")
    trial = put(replace(fault.question, tools=tools, details=(("one", {"type": "object"}), ("two", tree))))
    assert BY_ID["Q2"].judge(trial)
    assert known(trial, "Q2") is fault
