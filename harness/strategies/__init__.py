"""Hypothesis strategies for tool calling, for your own tests as much as for ours.

``from harness.strategies import tool_sets, wire_replies, splits``
"""

from harness.strategies.chat import arguments, broken_replies, call_ids, replies, texts, tool_calls, usages, values
from harness.strategies.names import legal_names, tool_names, tool_sets
from harness.strategies.recordings import cassette_texts, exchanges, suite_texts
from harness.strategies.wire import Damaged, WireReply, damaged, quirk_sets, rechunked, splits, wire_replies

__all__ = [
    "Damaged",
    "WireReply",
    "arguments",
    "broken_replies",
    "call_ids",
    "cassette_texts",
    "damaged",
    "exchanges",
    "legal_names",
    "quirk_sets",
    "rechunked",
    "replies",
    "splits",
    "suite_texts",
    "texts",
    "tool_calls",
    "tool_names",
    "tool_sets",
    "usages",
    "values",
    "wire_replies",
]
