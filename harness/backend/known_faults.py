"""What litellm does wrong with answers of real providers: a list to shrink.

Each entry is shown by a test against litellm alone: a litellm without the fault turns that test red. ``seen_in`` then
ends with the last version that has it, and the line goes, with what mends it, when no proven version has it any more.
``mended`` says where this backend puts it right; ``""`` that it can't.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownFault:
    """``seen_in`` are the litellm versions it was seen in; docs/litellm-faults.md shows it in three lines."""

    name: str
    seen_in: str
    fault: str
    mended: str = ""


KNOWN_FAULTS = (
    KnownFault(
        "groq-service-tier",
        "1.106.2 to 1.110.2",
        "A whole answer of Groq's without service_tier is an AttributeError.",
        "attempt.Attempt.rescued: the answer is decoded from its own text",
    ),
    KnownFault(
        "groq-error-event",
        "1.109.1 to 1.110.2",
        "An error event inside a stream of Groq's, whose code is a word, is a ValueError.",
        "stream_watch.LineWatch: the error is raised before litellm sees it",
    ),
    KnownFault(
        "snowflake-custom-placeholder",
        "1.109.1 to 1.110.2",
        "A call with an empty custom placeholder beside its function is refused as a custom call.",
        "attempt.Attempt.rescued",
    ),
    KnownFault(
        "gemini-call-without-args",
        "1.109.1 to 1.110.2",
        "A functionCall without args is a KeyError.",
        "repairs.events.gemini",
    ),
    KnownFault(
        "gemini-null-counts",
        "1.109.1 to 1.110.2",
        "A streamed usage with a null in it is a TypeError.",
        "repairs.events.gemini",
    ),
    KnownFault(
        "cohere-event-stream",
        "1.109.1 to 1.110.2",
        "Cohere's stream is read as lines of bare JSON, so every real one fails at its first line.",
        "stream_watch.LineWatch, repairs.events.cohere",
    ),
    KnownFault(
        "cohere-text-beside-calls",
        "1.109.1 to 1.110.2",
        "The text of a whole answer of Cohere's is dropped where it holds calls.",
        "attempt.Attempt.on_response, repairs.raw_answer.raw_answer",
    ),
    KnownFault(
        "cohere-counts-wanted",
        "1.109.1 to 1.110.2",
        "A whole answer of Cohere's without usage is a KeyError.",
        "attempt.Attempt.on_response, repairs.events.cohere",
    ),
    KnownFault(
        "tool-choice-dropped",
        "1.109.1 to 1.110.2",
        "tool_choice is dropped without a word for Cohere and Ollama, and a tool's name in it for Mistral.",
    ),
    KnownFault(
        "ollama-generate-reason",
        "1.109.1 to 1.110.2",
        "A whole answer of Ollama's /api/generate that was cut for length is reported to end in stop.",
        "attempt.Attempt.on_response, response.own_finish_word",
    ),
    KnownFault(
        "huggingface-config-request",
        "1.109.1 to 1.110.2",
        "Each call of a Hugging Face model requests its config.json from huggingface.co, whatever the api_base.",
    ),
    KnownFault(
        "damaged-line-skipped",
        "1.109.1 to 1.110.2",
        "A line of a stream that is no JSON is skipped without a word, for the providers of litellm's own parser.",
        "stream_watch.LineWatch",
    ),
    KnownFault(
        "finish-reason-rewritten",
        "1.109.1 to 1.110.2",
        "A whole answer that ends in stop and holds calls is reported to end in tool_calls.",
        "response.own_finish_word",
    ),
    KnownFault(
        "random-ids",
        "1.106.2 to 1.110.2",
        "A call without an id gets a random one, another on each replay.",
        "tool_calls.settle_ids",
    ),
    KnownFault(
        "ollama-invents-calls",
        "1.109.1 to 1.110.2",
        "JSON with a name and arguments in it is a call, whether such a tool was offered or not.",
        "response.as_generated",
    ),
    KnownFault(
        "ollama-show-request",
        "1.109.1 to 1.110.2",
        "A model that litellm does not know is looked up at http://localhost:11434/api/show, whatever the api_base.",
        "library.library_for: the model is put into litellm.model_cost",
    ),
    KnownFault(
        "bedrock-names-shared",
        "1.106.2 to 1.110.2",
        "Names that Bedrock refuses are renamed through a table of the whole process: a_b comes back as a/b.",
        "names.NameTable: litellm never sees a name that it would rename",
    ),
    KnownFault(
        "gemini-filtered-text",
        "1.106.2 to 1.110.2",
        "The text and calls of a whole Gemini answer that ended in SAFETY are dropped.",
        "attempt.Attempt.on_response, repairs.events.gemini",
    ),
    KnownFault(
        "stream-ends-in-error",
        "1.109.1 to 1.110.2",
        "A stream whose finish reason is error is thrown away, with all the text and calls that came.",
        "repairs.events.openai",
    ),
    KnownFault(
        "bedrock-citations-dropped",
        "1.109.1 to 1.110.2",
        "The text inside Bedrock's citationsContent is dropped from the middle of an answer.",
        "repairs.raw_answer.raw_answer",
    ),
    KnownFault(
        "streamed-refusal-dropped",
        "1.109.1 to 1.110.2",
        "A streamed refusal of OpenAI's is dropped: what is left is an empty answer.",
        "repairs.raw_answer.raw_answer",
    ),
    KnownFault(
        "bedrock-blank-result",
        "1.109.1 to 1.110.2",
        "An empty tool result goes to Bedrock as a blank text block, which it refuses.",
        "history.fit_messages",
    ),
    KnownFault(
        "claude-ids-cleaned",
        "1.109.1 to 1.110.2",
        "Each character of an earlier call's id that Anthropic refuses becomes _: two calls may become one.",
        "history.fit_messages",
    ),
    KnownFault(
        "cohere-ending-dropped",
        "1.106.2 to 1.109.1",
        "Every whole Cohere answer is reported to end in stop, so that one cut off at its limit looks whole.",
        "attempt.Attempt.on_response, response.own_finish_word",
    ),
    KnownFault(
        "cohere-reasoning-dropped",
        "1.106.2 to 1.110.2",
        "The reasoning of a Cohere answer is dropped.",
        "attempt.Attempt.on_response, repairs.raw_answer.raw_answer",
    ),
    KnownFault(
        "answer-head-made-up",
        "1.106.2 to 1.110.2",
        "The provider's id of its answer, and in a stream its model, are lost; litellm's own are there instead.",
        "repairs.raw_answer.raw_answer",
    ),
    KnownFault(
        "counts-made-up",
        "1.106.2 to 1.110.2",
        "Where a provider sends no token counts, litellm's own guess comes back as if it had.",
        "repairs.raw_answer.counted",
    ),
)
