from __future__ import annotations

import itertools

import httpx
import pytest

from harness.backend.errors import broke_off, causes, translate, words
from harness.core.errors import (
    BadRequestError,
    ConnectionFailedError,
    ProviderError,
    RateLimitError,
    ServerError,
    UnreadableReplyError,
    by_status,
)

REQUEST = httpx.Request("POST", "http://127.0.0.1:9")


def chained(*errors):
    """The first of ``errors``, each caused by the next."""
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def answered(status, **headers):
    return httpx.HTTPStatusError("x", request=REQUEST, response=httpx.Response(status, headers=headers))


class Vague(Exception):  # noqa: N818 - stands for litellm's own, which says 500 to all
    status_code = 500


def test_the_status_at_the_root_counts_and_not_the_one_on_top():
    error = translate(chained(Vague("lost"), answered(429, **{"retry-after": "7"})), provider="x")
    assert type(error) is RateLimitError
    assert (error.status, error.retry_after, error.provider) == (429, 7.0, "x")


def test_a_transport_error_at_the_root_is_a_failed_connection():
    assert type(translate(chained(Vague("lost"), httpx.ConnectError("x")))) is ConnectionFailedError


@pytest.mark.parametrize("root", [KeyError("args"), TypeError("x"), AttributeError("x"), ValueError("x")])
def test_an_answer_that_litellm_trips_over_is_unreadable_and_its_text_kept(root):
    error = translate(chained(Vague("lost"), root), raw="{}")
    assert type(error) is UnreadableReplyError
    assert error.raw == "{}"


def test_a_status_from_inside_a_stream_is_believed():
    assert type(translate(Vague("overloaded"), begun=True)) is ServerError


def test_what_breaks_off_is_told_from_what_is_late():
    assert broke_off(chained(Vague("x"), httpx.RemoteProtocolError("x")))
    assert not broke_off(chained(Vague("x"), httpx.ReadTimeout("x")))
    assert not broke_off(chained(Vague("x"), KeyError("x")))


@pytest.mark.parametrize("status", range(400, 600))
def test_every_status_has_its_kind(status):
    kind = by_status(status)
    assert issubclass(kind, ProviderError)
    assert (kind is ServerError) == (status >= 500)
    assert kind is not BadRequestError or status not in (401, 403, 404, 408, 409, 429)


def test_no_message_holds_a_traceback():
    told = translate(Vague('lost: Traceback (most recent call last):\n  File "x.py", line 1\nKeyError'), begun=True)
    assert str(told) == "lost"
    assert words(Vague("Traceback (most recent call last):\n  File")) == "Vague"


def test_a_circle_of_causes_ends():
    first, second = Vague("a"), Vague("b")
    first.__cause__, second.__cause__ = second, first
    assert list(causes(first)) == [first, second]
