"""Finish words, statuses and waits of every dialect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.core.chat import STOPPED, CallError, Finish, Reply, ToolCall
from harness.core.errors import ProviderError, RateLimitError, ServerError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS
from harness.dialects.facts import retry_after, seconds

JSON = (("content-type", "application/json"),)
SSE = (("content-type", "text/event-stream"),)


@pytest.mark.parametrize(
    ("dialect", "word", "finish"),
    [
        ("openai", "insufficient_system_resource", "error"),
        ("openai", "model_length", "length"),
        ("openai", "sensitive", "content_filter"),
        ("openai", "abort", "error"),
        ("anthropic", "pause_turn", "stop"),
        ("anthropic", "model_context_window_exceeded", "length"),
        ("anthropic", "refusal", "content_filter"),
        ("gemini", "TOO_MANY_TOOL_CALLS", "error"),
        ("gemini", "MISSING_THOUGHT_SIGNATURE", "error"),
        ("gemini", "MALFORMED_RESPONSE", "error"),
        ("gemini", "NO_IMAGE", "error"),
        ("gemini", "IMAGE_OTHER", "error"),
        ("bedrock", "guardrail_intervened", "content_filter"),
        ("bedrock", "model_context_window_exceeded", "length"),
        ("cohere", "ERROR_LIMIT", "length"),
        ("cohere", "TIMEOUT", "error"),
        ("ollama", "load", "stop"),
    ],
)
def test_a_documented_finish_word_is_known(dialect: str, word: str, finish: Finish) -> None:
    assert DIALECTS[dialect].facts.finish(word) == finish


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_unknown_word_is_unknown_and_no_word_is_none(dialect: str) -> None:
    facts = DIALECTS[dialect].facts
    assert facts.finish("tomorrows_word") == "unknown"
    assert facts.finish("") is None
    assert facts.finish(None) is None
    assert facts.word(99) == "99"
    assert facts.word(value=True) is None


def test_gemini_gives_some_words_as_numbers() -> None:
    facts = DIALECTS["gemini"].facts
    assert facts.finish(facts.word(10)) == "error"
    assert facts.finish(facts.word(99)) == "unknown"


STOPS = {
    "openai": ("content_filter", "error"),
    "anthropic": ("content_filter",),
    "gemini": ("content_filter", "error"),
    "bedrock": ("content_filter", "error"),
    "cohere": ("error",),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("dialect", "finish"), [(name, word) for name, words in STOPS.items() for word in words])
def test_a_call_without_arguments_in_a_stopped_answer_is_cut_off(dialect: str, finish: Finish, stream: bool) -> None:
    """In every dialect, whole and streamed; a call before it, whose arguments are whole, stays good."""
    cut = CallError("cut_off", "", "null" if dialect == "gemini" else "", "get_x", "call_2", 1)
    reply = Reply(calls=(ToolCall("get_x", {"a": 1}, "call_1"),), errors=(cut,), finish=finish)
    if dialect in {"anthropic", "bedrock"} and not stream:
        pytest.skip("a whole answer of this dialect has an object there, which test_rendering covers")
    read = DIALECTS[dialect].read(DIALECTS[dialect].render(reply, stream=stream))
    assert [call.parameters for call in read.calls] == [{"a": 1}]
    assert [(error.fault, error.index) for error in read.errors] == [("cut_off", 1)]
    assert read.finish in STOPPED


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ((("Retry-After", "7"),), 7.0),
        ((("retry-after", "1.5"),), 1.5),
        ((("retry-after-ms", "1500"), ("retry-after", "9")), 1.5),
        ((("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"), ("date", "Wed, 21 Oct 2026 07:28:00 GMT")), 30.0),
        ((("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), ("date", "Wed, 21 Oct 2026 07:29:00 GMT")), 0.0),
        ((("retry-after", "Wed, 21 Oct 1998 07:28:00 GMT"),), 0.0),
        ((("retry-after", "soon"),), None),
        ((("retry-after", "-1"),), None),
        ((("retry-after", "nan"),), None),
        ((("retry-after", "inf"),), None),
        ((), None),
    ],
)
def test_every_form_of_retry_after_is_read(headers: tuple[tuple[str, str], ...], wait: float | None) -> None:
    assert retry_after(headers) == wait


def test_a_duration_is_a_number_of_seconds() -> None:
    assert [seconds(one) for one in ("12s", "1.5", 3, True, "x", None, -1, "1e999")] == [
        12.0, 1.5, 3.0, None, None, None, None, None,
    ]  # fmt: skip


RATE = '{"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}'
ERRORS = {
    "anthropic first": ("anthropic", SSE, f"event: error\ndata: {RATE}\n\n", RateLimitError, 429, "Slow down"),
    "anthropic whole": ("anthropic", JSON, RATE, RateLimitError, 429, "Slow down"),
    "anthropic overloaded": (
        *("anthropic", SSE, 'data: {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}\n\n'),
        *(ServerError, 529, "Busy"),
    ),
    "openai choice": (
        *("openai", JSON, '{"choices": [{"index": 0, "error": {"code": 502, "message": "Upstream"}}]}'),
        *(ServerError, 502, "Upstream"),
    ),
    "openai field": ("openai", SSE, 'error: {"code": 503, "message": "Loading"}\n\n', ServerError, 503, "Loading"),
    "openai plain words": ("openai", SSE, "event: error\ndata: It broke\n\n", ProviderError, None, "It broke"),
    "openai by word": (
        *("openai", SSE, 'data: {"error": {"type": "rate_limit_error", "message": "Slow"}}\n\n'),
        *(RateLimitError, 429, "Slow"),
    ),
    "gemini array": (
        *("gemini", JSON, '[{"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}]'),
        *(RateLimitError, 429, "Quota"),
    ),
    "ollama line": ("ollama", (), '{"error": "the runner stopped"}\n', ProviderError, None, "the runner stopped"),
    "cohere end": (
        *("cohere", SSE, 'data: {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "Broke"}}\n\n'),
        *(ProviderError, None, "Broke"),
    ),
    "bedrock whole": (
        *("bedrock", JSON, '{"__type": "com.amazon#ThrottlingException", "message": "Too many"}'),
        *(RateLimitError, 429, "Too many"),
    ),
}


@pytest.mark.parametrize(("dialect", "headers", "body", "kind", "status", "words"), ERRORS.values(), ids=ERRORS)
def test_an_error_inside_a_200_answer_has_its_class_its_status_and_the_providers_words(
    dialect: str, headers: tuple[tuple[str, str], ...], body: str, kind: type, status: int | None, words: str
) -> None:
    response = HttpResponse(200, (*headers, ("retry-after", "3")), (Chunk(body.encode()),))
    with pytest.raises(ProviderError) as raised:
        DIALECTS[dialect].read(response)
    assert (type(raised.value), raised.value.status, raised.value.retry_after) == (kind, status, 3.0)
    assert str(raised.value) == words


def test_a_wait_that_the_error_names_itself_is_kept() -> None:
    details = '[{"@type": "x", "retryDelay": "12s"}]'
    body = f'{{"error": {{"code": 429, "message": "Quota", "details": {details}}}}}'.encode()
    with pytest.raises(RateLimitError) as raised:
        DIALECTS["gemini"].read(HttpResponse(200, JSON, (Chunk(body),)))
    assert raised.value.retry_after == 12.0


def test_llama_cpps_errors_on_anthropics_wire_have_their_status():
    event = {"error": {"code": 500, "message": "Invalid diff", "type": "server_error"}}
    error = DIALECTS["anthropic"].facts.failure(event, "error")
    assert (type(error).__name__, error.status) == ("ServerError", 500)


def test_an_error_inside_a_frame_keeps_the_wait_of_the_answers_headers():
    dialect = DIALECTS["bedrock_invoke"]
    made = dialect.render(Reply(text="said", finish="stop"), stream=True, quirks=frozenset({"error_event"}))
    with pytest.raises(ProviderError) as told:
        dialect.read(replace(made, headers=(*made.headers, ("retry-after", "7"))))
    assert told.value.retry_after == 7
