"""Record what language models answer, replay it offline, and check tool calling.

Names are loaded when they are first used: ``import harness`` loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.backend.completion import LiteLLMBackend as LiteLLMBackend
    from harness.backend.completion import ModelConfig as ModelConfig
    from harness.backend.completion import acomplete as acomplete
    from harness.backend.completion import acompletion as acompletion
    from harness.backend.completion import complete as complete
    from harness.backend.completion import completion as completion
    from harness.backend.names import slash_to_double_underscore as slash_to_double_underscore
    from harness.backend.response import decode_litellm_tool_calls as decode_litellm_tool_calls
    from harness.core.chat import CallError as CallError
    from harness.core.chat import Reply as Reply
    from harness.core.chat import ToolCall as ToolCall
    from harness.core.chat import Usage as Usage
    from harness.core.errors import CassetteMiss as CassetteMiss
    from harness.core.errors import HarnessError as HarnessError
    from harness.suite import load_suites as load_suites

    __version__: str

_HOMES = {
    "CallError": "harness.core.chat",
    "CassetteMiss": "harness.core.errors",
    "HarnessError": "harness.core.errors",
    "LiteLLMBackend": "harness.backend.completion",
    "ModelConfig": "harness.backend.completion",
    "Reply": "harness.core.chat",
    "ToolCall": "harness.core.chat",
    "Usage": "harness.core.chat",
    "acomplete": "harness.backend.completion",
    "acompletion": "harness.backend.completion",
    "complete": "harness.backend.completion",
    "completion": "harness.backend.completion",
    "decode_litellm_tool_calls": "harness.backend.response",
    "load_suites": "harness.suite",
    "slash_to_double_underscore": "harness.backend.names",
}
"""Where each public name lives."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slower than all the rest here

        return version("toolcall-harness")
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only when a name is used

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})
