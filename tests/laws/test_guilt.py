"""Who is guilty: of all the laws that were found broken the verdict names those that have a cause of their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.laws import bare
from harness.laws.broken_backends import BROKEN
from harness.laws.guilt import blame
from harness.laws.prove import Effort, prove_one
from harness.laws.tested_backend import Backend

LAWS = ("D1", "D2", "N6", "Q2", "S1", "T6")
SOME = st.frozensets(st.sampled_from(LAWS))


@given(
    SOME,
    st.dictionaries(st.sampled_from(LAWS), SOME),
    st.fixed_dictionaries({law: st.sampled_from(("", *LAWS)) for law in LAWS}),
)
def test_what_was_found_is_never_without_a_law_that_is_named(found, causes, owners):
    causes = {law: beside - {law} for law, beside in causes.items()}
    asked = []

    def owner_of(law):
        asked.append(law)
        return owners[law]

    verdict = blame(found, causes, owner_of)
    assert bool(verdict) == bool(found)
    named = frozenset(verdict).union(*verdict.values())
    unnamed = found - named
    assert unnamed <= {law for law in asked if not owners[law]}, "only a law that nobody is to blame for is left out"
    assert len(asked) == len(set(asked))


def test_an_effect_comes_back_where_its_cause_is_dropped():
    causes = {"N6": frozenset(), "D2": frozenset({"N6"})}
    owners = {"N6": "", "D2": "D2"}
    assert blame({"N6", "D2"}, causes, owners.__getitem__) == {"D2": frozenset()}
    owners["N6"] = "N6"
    assert blame({"N6", "D2"}, causes, owners.__getitem__) == {"N6": frozenset({"D2"})}
    assert blame({"N6"}, causes, {"N6": ""}.__getitem__) == {"N6": frozenset()}


@pytest.mark.parametrize(
    ("fault", "provider", "mode", "law"),
    [
        ("bad-call-dropped", "anthropic", "whole", "D10"),
        ("json-dropped", "openai", "whole", "Q4"),
        ("first-loop-kept", "openai", "async whole", "N6"),
        ("result-images-dropped", "anthropic", "whole", "Q5"),
    ],
)
def test_one_cause_breaks_one_law(fault, provider, mode, law):
    (broken,) = (one for one in BROKEN if one.name == fault)
    wrong = (
        Backend(bare.complete, broken.spoil(bare.acomplete)) if broken.awaited else Backend(broken.spoil(bare.complete))
    )
    assert set(prove_one(wrong, provider, mode, effort=Effort(80, seed=0, shrink=False)).broken) == {law}
