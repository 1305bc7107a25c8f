"""The probes of the card: suites that hold together, each asked whole and streamed."""

from harness.engine.conversation import opening, request_of
from harness.suite import probes
from harness.suite.case import Model
from harness.suite.packs import STREAMED

MODEL = Model(backend="openai", name="any")


def test_each_probe_is_asked_whole_and_as_a_stream():
    for suite in probes([MODEL]):
        ids = [case.id for case in suite.cases]
        assert len(ids) == len(set(ids))
        assert {one for one in ids if not one.endswith(STREAMED)} == {
            one.removesuffix(STREAMED) for one in ids if one.endswith(STREAMED)
        }
        assert suite.models == (MODEL,)


def test_probes_are_bounded_and_ask_as_coldly_as_can_be():
    for suite in probes([MODEL]):
        for case in suite.cases:
            words = request_of(case, None, opening(case))
            assert words["max_tokens"] <= 600
            assert words["temperature"] == 0
            assert bool(words.get("stream")) == case.id.endswith(STREAMED)
