"""More backends that are wrong on purpose: in requests, in state that outlives them, and in what is finer print."""

from __future__ import annotations

from dataclasses import replace

from harness.core.chat import ToolCall
from harness.laws.broken_backends import replies, requests
from harness.laws.broken_backends.corruption import (
    BrokenBackend,
    on_bytes,
    on_calls,
    on_parameters,
    on_reply,
    text_only,
)

MORE: tuple[BrokenBackend, ...] = (
    BrokenBackend(
        "latest-table",
        "the name table kept on the client object: threads and tasks mix",
        requests.own_table(shared=True),
    ),
    BrokenBackend(
        "last-tool-only", "the way back is built inside the loop, from its last tool", requests.own_table(last=True)
    ),
    BrokenBackend(
        "choice-not-mapped", "tool_choice goes out under the tool's own name", requests.own_table(choice=False)
    ),
    BrokenBackend(
        "earlier-calls-not-mapped", "the history goes out under own names", requests.own_table(history=False)
    ),
    BrokenBackend("results-not-mapped", "the names beside results are forgotten", requests.own_table(results=False)),
    BrokenBackend("choice-dropped", "litellm for Cohere and Ollama", requests.choice_dropped),
    BrokenBackend("history-dropped", "tool messages are filtered out", requests.history_dropped),
    BrokenBackend("history-ids-cut", "ids cut to a provider's length", requests.ids_in_history(lambda one: one[:9])),
    BrokenBackend(
        "history-ids-cleaned",
        "every strange character of an id is _",
        requests.ids_in_history(lambda one: "".join(c if c.isalnum() else "_" for c in one)[:40]),
    ),
    BrokenBackend(
        "result-ids-kept",
        "calls get new ids, their results don't",
        requests.ids_in_history(lambda one: f"call_{sum(one.encode()):09}", of_results=False),
    ),
    BrokenBackend(
        "unchecked-without-tools", "no tools offered, any call taken", requests.tools_forgotten_without_stream
    ),
    BrokenBackend("nearest-name", "a strange name is taken for the one most like it", replies.nearest),
    BrokenBackend(
        "keys-sorted",
        "arguments dumped with sort_keys",
        on_calls(lambda calls: [replace(c, parameters=replies.keys_sorted(c.parameters)) for c in calls]),
    ),
    BrokenBackend("emoji-halved", "UTF-16 code units for characters", on_parameters(text_only(replies.halved_emoji))),
    BrokenBackend(
        "text-emoji-lost",
        "the Basic Multilingual Plane only",
        on_reply(lambda r: replace(r, text="".join(c for c in r.text if c <= "\uffff"))),
    ),
    BrokenBackend(
        "empty-strings-dropped",
        "if value:",
        on_calls(
            lambda calls: [
                replace(c, parameters={k: v for k, v in c.parameters.items() if v or v is None}) for c in calls
            ]
        ),
    ),
    BrokenBackend("minus-zero", "-0.0 is 0.0", on_parameters(lambda v: v + 0.0 if type(v) is float else v)),
    BrokenBackend(
        "floats-rounded", "single precision", on_parameters(lambda v: round(v, 6) + 1e-9 if type(v) is float else v)
    ),
    BrokenBackend(
        "numbers-as-strings",
        "Decimal, told as text",
        on_parameters(lambda v: str(v) if type(v) is int and v > 2**53 else v),
    ),
    BrokenBackend("parameters-as-text", "arguments handed on undecoded", on_calls(replies.as_text)),
    BrokenBackend(
        "empty-is-none",
        "no arguments are None",
        on_calls(replies.empty_as_none),
    ),
    BrokenBackend(
        "markers-stripped",
        "</tool_call> cut out of strings",
        on_parameters(text_only(lambda t: t.replace("</tool_call>", ""))),
    ),
    BrokenBackend("second-id-lost", "the id of the first call alone", on_calls(replies.second_id_lost)),
    BrokenBackend("random-ids", "litellm: another made id on each replay", replies.random_ids),
    BrokenBackend("calls-by-text-of-index", "'10' sorted before '2'", on_calls(replies.by_place_as_text)),
    BrokenBackend("ten-calls-at-most", "a limit nobody told of", on_calls(lambda calls: calls[:10])),
    BrokenBackend("calls-accumulate", "a list that outlives the request", replies.accumulating),
    BrokenBackend(
        "reasoning-in-text", "thoughts told as the answer", on_reply(lambda r: replace(r, text=r.reasoning + r.text))
    ),
    BrokenBackend(
        "provider-tools-handed-on",
        "litellm: server_tool_use as the client's calls",
        on_reply(
            lambda r: replace(
                r,
                calls=(*(ToolCall(one.name, one.parameters, one.id) for one in r.provider_calls), *r.calls),
                provider_calls=(),
            )
        ),
    ),
    BrokenBackend(
        "provider-tools-forgotten", "server_tool_use skipped", on_reply(lambda r: replace(r, provider_calls=()))
    ),
    BrokenBackend(
        "provider-results-forgotten",
        "litellm: what the provider's tool found is in no field of the message",
        on_reply(lambda r: replace(r, provider_calls=tuple(replace(one, result=None) for one in r.provider_calls))),
    ),
    BrokenBackend(
        "provider-results-as-text",
        "a result written out, as a tool's message has it",
        on_reply(
            lambda r: replace(
                r,
                provider_calls=tuple(
                    replace(one, result=one.result and {"text": str(one.result)}) for one in r.provider_calls
                ),
            )
        ),
    ),
    BrokenBackend(
        "finish-by-calls",
        "tool_calls wherever calls are, whatever was said",
        on_reply(lambda r: replace(r, finish="tool_calls" if r.calls else "stop")),
    ),
    BrokenBackend(
        "length-is-stop",
        "the limit is not told",
        on_reply(lambda r: replace(r, finish="stop" if r.finish == "length" else r.finish)),
    ),
    BrokenBackend(
        "empty-at-limit", "nothing sent before the limit is no arguments", on_reply(replies.errors_as_calls_if_empty)
    ),
    BrokenBackend(
        "total-lost",
        "prompt and completion only",
        on_reply(lambda r: replace(r, usage=replace(r.usage, total=None) if r.usage else None)),
    ),
    BrokenBackend(
        "counts-swapped",
        "prompt and completion",
        on_reply(
            lambda r: replace(
                r, usage=replace(r.usage, prompt=r.usage.completion, completion=r.usage.prompt) if r.usage else None
            )
        ),
    ),
    BrokenBackend("error-place-lost", "every error names call 0", on_reply(replies.errors_first)),
    BrokenBackend("decode-error-raised", "JSONDecodeError for the caller", on_reply(replies.crash_on_errors)),
    BrokenBackend(
        "text-lost-beside-errors",
        "a broken call takes the text along",
        on_reply(lambda r: replace(r, text="") if r.errors else r),
    ),
    BrokenBackend("text-cut", "the first 4,096 characters", on_reply(lambda r: replace(r, text=r.text[:4096]))),
    BrokenBackend("minus-one-dropped", "an index that is no place is skipped", on_bytes(requests.minus_one_dropped)),
    BrokenBackend("blank-deltas-dropped", "if delta.strip()", on_bytes(requests.blank_deltas_dropped)),
    BrokenBackend(
        "first-delta-lost", "the chunk with the role is skipped, its text too", on_bytes(requests.first_delta_lost)
    ),
    BrokenBackend("ends-at-finish", "counts behind the finish reason unseen", on_bytes(requests.ends_at_finish)),
)
