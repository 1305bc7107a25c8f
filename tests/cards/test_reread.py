"""A recording read again: whatever the backend does with it, the card goes on."""

import pytest

from harness.cards.reread import answer
from harness.core.errors import CassetteMiss, UnreadableReplyError
from harness.dialects.request import read_chat_request
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
