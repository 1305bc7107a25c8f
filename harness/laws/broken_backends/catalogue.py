"""Backends that are wrong on purpose, each in one small way that real code has shown: the laws must catch them all."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from harness.laws.broken_backends import replies, requests
from harness.laws.broken_backends.answers import ANSWERS
from harness.laws.broken_backends.corruption import (
    BrokenBackend,
    on_bytes,
    on_calls,
    on_names,
    on_parameters,
    on_reply,
    text_only,
)
from harness.laws.broken_backends.messages import MESSAGES
from harness.laws.broken_backends.more import MORE
from harness.laws.broken_backends.state import STATE
from harness.laws.broken_backends.tools import CUSTOM, TOOLS
from harness.laws.broken_backends.values import VALUES

BROKEN: tuple[BrokenBackend, ...] = (
    BrokenBackend(
        "naive-replace",
        "AIOS: / to __ and back",
        on_names(lambda n: n.replace("/", "__"), lambda n: n.replace("__", "/")),
    ),
    BrokenBackend("slash-to-dash", "/ to - and no way back", on_names(lambda n: n.replace("/", "-"), lambda n: n)),
    BrokenBackend("names-cut-at-64", "a cut without a table", on_names(lambda n: n[:64], lambda n: n)),
    BrokenBackend("names-lowered", "case folded on the way", on_names(str.lower, lambda n: n)),
    BrokenBackend(
        "names-escaped-always",
        "legal names changed too",
        on_names(lambda n: f"fn_{n}", lambda n: n.removeprefix("fn_")),
    ),
    BrokenBackend(
        "history-not-mapped",
        "tools mapped, history not",
        on_names(requests.hashed, requests.unhashed, everywhere=False),
    ),
    BrokenBackend("global-name-table", "litellm on Bedrock: one table a process", requests.global_table),
    BrokenBackend("tools-deduplicated", "the last of two tools of one name wins", requests.tools_deduplicated),
    BrokenBackend("first-tool-only", "one tool is sent", requests.first_tool_only),
    BrokenBackend("caller-tools-changed", "AIOS: names replaced in the caller's tools", requests.changes_caller),
    BrokenBackend("caller-messages-grown", "the answer is appended to the caller's list", requests.adds_to_messages),
    BrokenBackend("caller-changed-on-failure", "a retry loop that pops", requests.changes_caller_on_failure),
    BrokenBackend(
        "calls-lost-beside-text",
        "AIOS: calls only when content is None",
        on_reply(lambda r: replace(r, calls=()) if r.text else r),
    ),
    BrokenBackend(
        "text-lost-beside-calls", "litellm on Cohere", on_reply(lambda r: replace(r, text="") if r.calls else r)
    ),
    BrokenBackend(
        "text-lost-with-tools", "AIOS: no message where tools are offered", on_reply(lambda r: replace(r, text=""))
    ),
    BrokenBackend(
        "empty-arguments-crash",
        'AIOS: json.loads("")',
        replies.crash_if(lambda r: any(not c.parameters for c in r.calls)),
    ),
    BrokenBackend("no-call-crash", "AIOS: assert tool_calls", replies.crash_if(lambda r: not r.calls)),
    BrokenBackend(
        "bad-call-loses-the-rest",
        "AIOS: one JSONDecodeError, all calls lost",
        on_reply(lambda r: replace(r, calls=()) if r.errors else r),
    ),
    BrokenBackend("bad-call-dropped", "errors left out in silence", on_reply(lambda r: replace(r, errors=()))),
    BrokenBackend("bad-call-is-empty-call", "arguments default to {}", on_reply(replies.errors_as_calls)),
    BrokenBackend("raw-text-lost", "an error without what was sent", on_reply(replies.raw_lost)),
    BrokenBackend("unknown-tool-passed-on", "names not checked", on_reply(replies.unknown_passed)),
    BrokenBackend("unknown-tool-dropped", "strange calls skipped", on_reply(replies.unknown_dropped)),
    BrokenBackend("json-text-is-a-call", "AIOS: any JSON in the text", on_reply(replies.json_as_call)),
    BrokenBackend("call-text-ignored", "calls written as text", on_reply(replies.call_as_text)),
    BrokenBackend("first-call-only", "tool_calls[0]", on_calls(lambda calls: calls[:1])),
    BrokenBackend(
        "last-call-lost",
        "the loop that flushes on the next",
        on_calls(lambda calls: calls[:-1] if len(calls) > 1 else calls),
    ),
    BrokenBackend("calls-reversed", "a stack", on_calls(lambda calls: calls[::-1])),
    BrokenBackend("calls-sorted", "a set, sorted", on_calls(lambda calls: sorted(calls, key=lambda c: c.name))),
    BrokenBackend("equal-calls-merged", "deduplicated by content", on_calls(replies.merge_equal)),
    BrokenBackend("ids-reused", "one id for all", on_calls(lambda calls: [replace(c, id="call_0") for c in calls])),
    BrokenBackend(
        "ids-remade",
        "own ids over the provider's",
        on_calls(lambda calls: [replace(c, id=f"id{n}") for n, c in enumerate(calls)]),
    ),
    BrokenBackend("ids-lost", "no id", on_calls(lambda calls: [replace(c, id="") for c in calls])),
    BrokenBackend(
        "ids-cut-at-9", "Mistral's rule for all", on_calls(lambda calls: [replace(c, id=c.id[:9]) for c in calls])
    ),
    BrokenBackend("double-decoding", "strings that hold JSON decoded again", on_parameters(replies.decoded_again)),
    BrokenBackend(
        "big-ints-through-float",
        "JavaScript's numbers",
        on_parameters(lambda v: int(float(v)) if type(v) is int else v),
    ),
    BrokenBackend(
        "whole-floats-to-ints",
        "1.0 is 1",
        on_parameters(lambda v: int(v) if type(v) is float and v.is_integer() else v),
    ),
    BrokenBackend("booleans-to-ints", "True is 1", on_parameters(lambda v: int(v) if type(v) is bool else v)),
    BrokenBackend("none-dropped", "null is left out", on_calls(replies.without_none)),
    BrokenBackend("strings-stripped", "white space trimmed", on_parameters(text_only(str.strip))),
    BrokenBackend("strings-normalised", "NFC", on_parameters(text_only(lambda t: unicodedata.normalize("NFC", t)))),
    BrokenBackend("strings-to-ascii", "?", on_parameters(text_only(lambda t: t.encode("ascii", "replace").decode()))),
    BrokenBackend(
        "slash-restored-in-values", "AIOS: __ to / everywhere", on_parameters(text_only(lambda t: t.replace("__", "/")))
    ),
    BrokenBackend(
        "html-escaped", "&amp;", on_parameters(text_only(lambda t: t.replace("&", "&amp;").replace("<", "&lt;")))
    ),
    BrokenBackend(
        "text-stripped", "white space of the answer trimmed", on_reply(lambda r: replace(r, text=r.text.strip()))
    ),
    BrokenBackend("errors-swallowed", "a broad except, told as text", replies.swallow),
    BrokenBackend("cut-is-empty-stop", "litellm: a cut stream is a stop", replies.on_cut(calls=False)),
    BrokenBackend("half-call-at-cut", "what had come is called", replies.on_cut(calls=True)),
    BrokenBackend("utf8-by-chunk", "each chunk decoded alone", on_bytes(requests.utf8_by_chunk)),
    BrokenBackend("lines-by-chunk", "each chunk taken for whole events", on_bytes(requests.lines_by_chunk)),
    BrokenBackend("last-delta-lost", "the end of the arguments", on_bytes(requests.last_delta_lost)),
    BrokenBackend("index-ignored", "all fragments to call 0", on_bytes(requests.index_ignored)),
    BrokenBackend("finish-trusted", "calls only where the reason says so", replies.finish_trusted()),
    BrokenBackend("usage-lost", "no counts", on_reply(lambda r: replace(r, usage=None))),
    BrokenBackend("duplicate-keys-merged", "the last one wins", replies.duplicates_merged),
    BrokenBackend("finish-made-up", "always stop", on_reply(lambda r: replace(r, finish="length"))),
    *MORE,
    *MESSAGES,
    *TOOLS,
    *VALUES,
    *STATE,
    *ANSWERS,
    *CUSTOM,
)
"""All of them. ``harness prove --self-check`` reports how soon the laws catch each, and by which."""
