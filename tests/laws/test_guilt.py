"""Who is guilty: of all the laws that were found broken the verdict names those that have a cause of their own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.laws.guilt import blame

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
