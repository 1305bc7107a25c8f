from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.backend.tool_calls import made_id, settle_ids
from harness.dialects.name_rules import MISTRAL_ID


def test_present_ids_are_kept_byte_for_byte():
    assert settle_ids(["functions.x:0", "call_é", "x" * 300]) == ["functions.x:0", "call_é", "x" * 300]


def test_missing_ids_are_made_from_turn_and_place():
    assert settle_ids([None, "", "a"], turn=3) == ["call_3_0", "call_3_1", "a"]
    assert settle_ids([None], turn=3) == settle_ids([None], turn=3)


def test_doubled_ids_keep_the_first():
    assert settle_ids(["a", "a", "b", "a"]) == ["a", "call_0_1", "b", "call_0_3"]


def test_a_made_id_never_takes_one_that_is_there():
    assert settle_ids([None, "call_0_0"])[1] == "call_0_0"
    assert len(set(settle_ids([None, "call_0_0", "call_0_0_1", None]))) == 4


def test_mistral_gets_nine_letters_and_digits():
    assert all(MISTRAL_ID.allows(one) for one in settle_ids([None, "", None], provider="mistral"))
    assert len(made_id(0, 0, "mistral")) == 9


@given(st.lists(st.none() | st.sampled_from(["", "a", "b", "call_0_0", "call_0_1", "call_0_1_1"])))
def test_ids_are_present_and_distinct_whatever_came(ids):
    for provider in ("openai", "mistral"):
        settled = settle_ids(ids, provider=provider)
        assert len(set(settled)) == len(ids)
        assert all(settled)
        first = [place for place, one in enumerate(ids) if one and ids.index(one) == place]
        assert all(settled[place] == ids[place] for place in first)
