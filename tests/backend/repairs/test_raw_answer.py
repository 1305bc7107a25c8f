"""What an answer says, read from the provider's own text, whole and streamed."""

from __future__ import annotations

import json

import pytest

from harness.backend.repairs.raw_answer import gemini_usage, raw_answer, split_thinking, state_of
from harness.core.chat import Reply, Usage
from harness.dialects import DIALECTS
from harness.dialects.framing import pieces
from harness.dialects.framing.sse import dumps

REPLY = Reply(text="Oslo it is.", reasoning="Need weather.", finish="stop", model="m-1")
QUIRKS = [
    ("openai", ""),
    ("openai", "content_parts"),
    ("openai", "reasoning_key"),
    ("openai", "reasoning_details"),
    ("anthropic", ""),
    ("gemini", ""),
    ("cohere", ""),
    ("ollama", ""),
    ("ollama_generate", ""),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("name", "quirk"), QUIRKS)
def test_text_reasoning_and_model_are_found_whole_and_streamed(name: str, quirk: str, stream: bool) -> None:
    sent = DIALECTS[name].render(REPLY, stream=stream, quirks=frozenset(filter(None, [quirk])))
    seen = "\n".join(dumps(piece) for _, piece in pieces(sent) if piece is not None)
    found = raw_answer(seen, name)
    assert ("".join(found.text), "".join(found.reasoning)) == (REPLY.text, REPLY.reasoning)
    assert found.model == ("" if name == "cohere" else "m-1")


def test_a_streamed_refusal_is_whole() -> None:
    sent = DIALECTS["openai"].render(Reply(refusal="I can't help with that.", finish="stop"), stream=True)
    seen = "\n".join(dumps(piece) for _, piece in pieces(sent) if piece is not None)
    assert "".join(raw_answer(seen, "openai").refusal) == "I can't help with that."


def test_the_text_of_bedrocks_citations_stands_where_it_was_said() -> None:
    content = [{"citationsContent": {"content": [{"text": "A PDF"}]}}, {"text": ", and more"}]
    seen = json.dumps({"output": {"message": {"content": content}}})
    assert "".join(raw_answer(seen, "bedrock").text) == "A PDF, and more"


def test_a_content_that_is_an_object_is_its_json() -> None:
    seen = json.dumps({"choices": [{"message": {"content": {"title": "é"}}}]})
    assert raw_answer(seen, "openai").text == ['{"title":"é"}']


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>hm</think>12", ("12", "hm")),
        ("\n<thinking>hm\n</thinking>\n12", ("\n12", "hm\n")),
        ("<think>never closed", ("<think>never closed", "")),
        ("12 <think>hm</think>", ("12 <think>hm</think>", "")),
    ],
)
def test_a_think_block_in_front_is_reasoning_where_no_other_came(text: str, said: tuple[str, str]) -> None:
    assert split_thinking(text, "", "ollama") == said
    assert split_thinking(text, "other", "ollama") == (text, "other")
    assert split_thinking(text, "", "anthropic") == (text, "")


def test_an_unknown_dialect_and_text_that_is_no_json_say_nothing() -> None:
    assert raw_answer("{}", "nobody").text == []
    assert raw_answer("no json", "openai").text == []


def test_the_prompt_tokens_of_geminis_own_tools_count():
    counts = {"promptTokenCount": 3, "toolUsePromptTokenCount": 4, "candidatesTokenCount": 5, "totalTokenCount": 12}
    assert gemini_usage(dumps({"usageMetadata": counts})) == Usage(7, 5, 12)


def test_redacted_reasoning_of_bedrock_is_state_whole_and_streamed():
    redacted = {"reasoningContent": {"redactedContent": "eA=="}}
    whole = {"output": {"message": {"content": [redacted]}}}
    event = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": redacted}}
    state = {"thinking_blocks": [{"type": "redacted_thinking", "data": "eA=="}], "state_of": "m"}
    assert state_of(dumps(whole), "bedrock", "m") == state_of(dumps(event), "bedrock", "m") == state
