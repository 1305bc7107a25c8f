"""What the adapters share: calls as a library hands them out, and the parts of OpenAI's messages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness.core.chat import CallError, ToolCall
from harness.core.errors import UnsupportedError
from harness.dialects.arguments import strict_json
from harness.dialects.chat_request import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.core.chat import CallFault


def calls_and_errors(found: Iterable[tuple[Any, Any, Any]], finish: str | None) -> dict[str, Any]:
    """``calls`` and ``errors`` of name, arguments and id. Arguments that are text are read as JSON, as a caller has
    to: none are ``{}`` where the answer ended by itself, and cut off where ``finish`` says otherwise.
    """
    stopped = finish not in _BY_ITSELF
    made = [_call(index, *one, stopped=stopped) for index, one in enumerate(found)]
    return {
        "calls": tuple(one for one in made if isinstance(one, ToolCall)),
        "errors": tuple(one for one in made if isinstance(one, CallError)),
    }


_BY_ITSELF = frozenset({None, "stop", "tool_calls", "unknown"})


def _call(index: int, name: Any, arguments: Any, call_id: Any, *, stopped: bool) -> ToolCall | CallError:
    fault: CallFault = "cut_off" if stopped else "arguments"
    if arguments in ("", None, "null"):
        return CallError(fault, "none came", "", name, call_id, index) if stopped else ToolCall(name, {}, call_id)
    try:
        read = strict_json(arguments) if isinstance(arguments, str) else arguments
    except ValueError as error:
        return CallError(fault, str(error), arguments, name, call_id, index)
    if isinstance(read, dict):
        return ToolCall(name, read, call_id)
    return CallError("arguments", "no JSON object", str(arguments), name, call_id, index)


def declined(options: dict[str, Any], known: Any, library: str) -> None:
    """Raise ``UnsupportedError`` for options that the library's call has no parameter for."""
    if unknown := sorted(options.keys() - set(known)):
        raise UnsupportedError(f"{library} has no {', '.join(unknown)}")


def chosen(choice: dict[str, Any]) -> str:
    """The name of the tool that a ``tool_choice`` names. Raises ``UnsupportedError`` for one that names several."""
    if "function" not in choice:
        raise UnsupportedError(f"this adapter has no tool_choice of the type {choice.get('type')!r}")
    return str(choice["function"]["name"])


def texts(content: Any) -> list[str]:
    """The texts of a message's content: one, or one for each part that is text."""
    return [text for text, _ in parts(content) if text is not None]


def parts(content: Any) -> list[tuple[str | None, str]]:
    """The parts of a message's content: a text, or None and an image's URL."""
    if isinstance(content, list):
        return [(None, one["image_url"]["url"]) if "image_url" in one else (one["text"], "") for one in content]
    return [(content, "")] if content else []


def inline(url: str) -> tuple[str, str] | None:
    """Media type and base64 of a data URL; None for any other."""
    head, data, base64 = url.removeprefix("data:").partition(";base64,")
    return (head, base64) if data and url.startswith("data:") else None


def functions(tools: Any, schema: str = "parameters") -> list[dict[str, Any]]:
    """The tools' functions, their parameters under the name ``schema``."""
    found = [tool["function"] for tool in tools or () if "function" in tool]
    return [{"name": one["name"], "description": one["description"], schema: one["parameters"]} for one in found]


def marked(tools: Any, schema: str = "parameters") -> list[dict[str, Any]]:
    """``functions`` with what else is set for each tool (``strict``, ``defer_loading`` …), where an API has that."""
    beside = [{**one, **one["function"]} for one in tools or () if "function" in one]
    extras = [{mark: one[mark] for mark in MARKS if mark in one} for one in beside]
    return [{**one, **marks} for one, marks in zip(functions(tools, schema), extras, strict=True)]


def lazy_errors(*paths: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` for the one name ``errors``: the classes at ``paths`` (``module:class``) that a
    library raises by design, imported when they are first read.
    """

    def find(name: str) -> Any:
        if name != "errors":
            raise AttributeError(name)
        return tuple(getattr(import_module(module), kind) for module, kind in (path.split(":") for path in paths))

    return find
