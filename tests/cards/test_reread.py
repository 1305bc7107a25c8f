"""A recording read again: whatever the backend does with it, the card goes on."""

from dataclasses import replace

import pytest

from harness.cards.build import CardBuilder
from harness.cards.reread import answer, whose
from harness.checks.card.blame import DISAGREED
from harness.core.chat import Reply, ToolCall, Usage
from harness.core.errors import CassetteMiss, UnreadableReplyError
from harness.dialects import DIALECTS
from harness.dialects.registry import read_chat_request
from tests.checks.card.looking import seen


@pytest.mark.parametrize("raised", [CassetteMiss("nothing answers GET x"), ValueError("odd"), RecursionError("deep")])
def test_a_backend_that_fails_is_an_error_and_no_end(raised):
    def complete(*_, **__):
        raise raised

    exchange = seen(own=False).exchange
    reply, error = answer(exchange, read_chat_request(exchange.request), complete)
    assert reply is None
    assert isinstance(error, UnreadableReplyError)
    assert str(raised) in str(error)


BESIDE = Reply(
    text="Let me see.",
    calls=(ToolCall("weather", {"city": "Paris"}, "call_1"),),
    finish="tool_calls",
    usage=Usage(9, 9, 18),
)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_litellm_reads_rightly_and_the_reply_lacks_was_lost_by_the_backend(stream):
    one = seen(BESIDE, replace(BESIDE, calls=()), stream=stream)
    assert whose(one) == "backend"
    assert whose(seen(BESIDE, replace(BESIDE, text="Let me"), stream=stream)) == "backend"
    assert whose(seen(BESIDE, stream=stream)) == ""


def test_what_litellm_loses_by_itself_is_litellms_doing():
    sent = DIALECTS["cohere"].render(BESIDE, stream=False)  # it drops a whole answer's text beside calls
    url = "https://api.cohere.com/v2/chat"
    one = seen(BESIDE, replace(BESIDE, text=""), response=sent, url=url)
    assert isinstance(one.reading, Reply)
    assert one.reading.text == BESIDE.text
    assert whose(one) == "litellm"


def test_a_card_says_who_lost_a_call():
    for guilty in ("litellm", "backend"):
        builder = CardBuilder("openai/m", whose=lambda _, guilty=guilty: guilty)
        one = seen(BESIDE, replace(BESIDE, calls=()), stream=True)
        builder.add(one.observation, one.expect)
        lost = [
            f for cell in builder.card({}).cells for f in cell.findings if f.verdict == "fail" or f.cause == DISAGREED
        ]
        assert {f.blame for f in lost} == {guilty}
