"""The reference reading of Ollama's /api/chat and /api/generate: shares nothing with litellm or the backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, Reply, ToolCall, Usage
from harness.core.errors import StreamCutError
from harness.dialects.arguments import cut_off, judged, strict_json
from harness.dialects.facts import answers, shaped, without_thinking
from harness.dialects.ollama.facts import FACTS

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse

_CALL_KEYS = ({"name", "arguments"}, {"name", "parameters"})
_Lines = list[dict[str, "Json"]]


def read(response: HttpResponse, *, generate: bool = False) -> Reply:
    """See ``dialect.Read``. On /api/generate a text that is wholly one call is read as that call."""
    lines: _Lines = []
    try:
        _take_lines(response, lines)
    except StreamCutError as error:
        raise StreamCutError(str(error), _reply(lines, generate=generate, torn=True)) from error
    if not lines or not lines[-1].get("done"):
        raise StreamCutError("the stream ended without done", _reply(lines, generate=generate, torn=True))
    return _reply(lines, generate=generate)


def _take_lines(response: HttpResponse, lines: _Lines) -> None:
    for line in answers(response, FACTS):
        if line is None:
            continue
        with shaped(line):
            if lines and lines[-1].get("done"):
                raise ValueError("a line after the one that is done")
            if not isinstance(line.get("done"), bool):
                raise TypeError("a line that lacks whether the answer is done")
            lines.append(line)


def _reply(lines: _Lines, *, generate: bool, torn: bool = False) -> Reply:
    with shaped(lines):
        messages = lines if generate else [line["message"] for line in lines]
        text, reasoning = without_thinking(
            "".join(message.get("response" if generate else "content") or "" for message in messages),
            "".join(message.get("thinking") or "" for message in messages),
        )
        sent = [call for message in messages for call in message.get("tool_calls") or ()]
        raw = [{**call["function"], "id": call.get("id")} for call in sent]
        end = lines[-1] if lines else {}
        done = end.get("done_reason")
        finish = FACTS.finish(done)
        if generate and not torn and (written := _written_call(text)):
            raw, text = [written], ""
        found = [
            _judged(call, index, torn=torn, cut=finish in STOPPED and call is raw[-1]) for index, call in enumerate(raw)
        ]
        return Reply(
            text=text,
            calls=tuple(call for call in found if isinstance(call, ToolCall)),
            errors=tuple(call for call in found if isinstance(call, CallError)),
            finish=finish,
            usage=_usage(end),
            reasoning=reasoning,
            model=end.get("model") or "",
            raw_finish=done,
        )


def _judged(call: dict[str, Json], index: int, *, torn: bool, cut: bool) -> ToolCall | CallError:
    read_call = judged(call.get("name"), call.get("arguments"), call["id"], index, cut=cut)
    torn = torn and isinstance(read_call, ToolCall)
    return cut_off(read_call.name, call.get("arguments"), read_call.id, index) if torn else read_call


def _usage(end: dict[str, Json]) -> Usage | None:
    prompt, completion = end.get("prompt_eval_count"), end.get("eval_count")
    if prompt is None and completion is None:
        return None
    return Usage(prompt, completion, (prompt or 0) + (completion or 0))


def _written_call(text: str) -> dict[str, Json] | None:
    try:
        value = strict_json(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.keys() not in _CALL_KEYS:
        return None
    return {"name": value["name"], "arguments": value.get("arguments", value.get("parameters")), "id": None}
