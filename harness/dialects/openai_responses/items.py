"""A reply as the items of a response: what a whole answer lists, and a stream takes to pieces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.core.chat import CallError
from harness.core.errors import UsageError
from harness.dialects.framing.sse import dumps
from harness.dialects.openai_responses.facts import FACTS, FAILURES, PROVIDER_CALLS
from harness.dialects.rendering import argument, check, ends_cut, finish_word, ordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.chat import Finish, Json, ProviderCall, Reply, ToolCall

WIRE = "a response"
_FINISHES: tuple[Finish | None, ...] = ("stop", "tool_calls", "length", "content_filter")
_REASONS: dict[Finish | None, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
_STOPPED = _REASONS.keys() | {"unknown"}
_LONG_ID = 41
_CITED = {
    "type": "url_citation",
    "start_index": 0,
    "end_index": 1,
    "title": "A page",
    "url": "https://example.com/?utm_source=openai",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply on its way into bytes. ``items`` are whole, in order; ``text`` of a custom call stands in ``input``."""

    reply: Reply
    quirks: frozenset[str]
    model: str
    items: tuple[dict[str, Json], ...]

    def has(self, *quirks: str) -> bool:
        return not self.quirks.isdisjoint(quirks)

    @property
    def status(self) -> str:
        if self.has(*FAILURES):
            return "failed"
        return "incomplete" if self.reply.finish in _STOPPED else "completed"

    @property
    def usage(self) -> dict[str, Json] | None:
        usage = self.reply.usage
        if usage is None or self.has("no_usage"):
            return None
        counts: dict[str, Json] = {
            "input_tokens": usage.prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage.completion,
            "output_tokens_details": {"reasoning_tokens": 0},
        }
        return counts if self.has("total_missing") else {**counts, "total_tokens": usage.total}

    def body(self, status: str, items: Sequence[dict[str, Json]]) -> dict[str, Json]:
        """The response object, on its way or at its end."""
        ended = status != "in_progress"
        reason = finish_word(self.reply, FACTS, _REASONS) if status == "incomplete" else None
        failed = {"code": "server_error", "message": "The server had an error"} if status == "failed" else None
        body: dict[str, Json] = {
            "id": self.reply.id or "resp_1",
            "object": "response",
            "created_at": 1,
            "status": status,
            "error": failed,
            "incomplete_details": {"reason": reason} if reason else None,
            "model": self.reply.model or self.model,
            "output": list(items),
            "usage": self.usage if ended else None,
        }
        return body if self.has("lean") else {**body, **_REPEATED}


_REPEATED: dict[str, Json] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def answer(reply: Reply, quirks: frozenset[str], model: str, *, stream: bool) -> Answer:
    """``reply`` made ready. Raises ``UsageError`` for what can't be said, or not under these quirks."""
    check(replace(reply, refusal="", text=reply.text + reply.refusal), _FINISHES, WIRE)
    calls = ordered(reply)
    if bool(calls) != (reply.finish == "tool_calls") and reply.finish in ("stop", "tool_calls"):
        raise UsageError(f"{WIRE} that is completed ends in {'tool_calls' if calls else 'stop'}: it has no other word")
    if "error_event" in quirks and not stream:
        raise UsageError("error_event is how a stream fails")
    return Answer(reply, quirks, model, tuple(_Items(reply, quirks).all()))


@dataclass(frozen=True, slots=True)
class _Items:
    reply: Reply
    quirks: frozenset[str]

    def all(self) -> Iterator[dict[str, Json]]:
        calls = ordered(self.reply)
        if self.reply.state.get("responses_items"):
            yield from self._placed(self.reply.state["responses_items"])
            return
        if self.reply.reasoning:
            yield self._item("reasoning", "rs_1", self._reasoning(self.reply.reasoning))
        yield from (self._ran(call) for call in self.reply.provider_calls)
        if "text_last" not in self.quirks:
            yield from self._messages()
        for index, call in enumerate(calls):
            if index and "reasoning_between" in self.quirks:
                yield self._item("reasoning", f"rs_{index + 1}", self._reasoning(""))
            yield self._call(call)
        if "text_last" in self.quirks:
            yield from self._messages()

    def _placed(self, items: list[Json]) -> Iterator[dict[str, Json]]:
        """The items in the order that the state tells, its reasoning among them."""
        calls = {call.id: call for call in ordered(self.reply)}
        for item in items:
            if item["type"] == "reasoning":
                yield dict(item)
            elif item["type"] == "message":
                yield from self._messages()
            else:
                yield self._call(calls[item["call_id"]])

    def _item(self, kind: str, item_id: str, rest: dict[str, Json], status: str | None = None) -> dict[str, Json]:
        made: dict[str, Json] = {"type": kind}
        if "item_id_missing" not in self.quirks:
            made["id"] = item_id
        if status is not None and "status_missing" not in self.quirks:
            made["status"] = status
        return {**made, **rest}

    def _reasoning(self, text: str) -> dict[str, Json]:
        made: dict[str, Json] = {"summary": []}
        if "reasoning_text" in self.quirks:
            made["content"] = [{"type": "reasoning_text", "text": text}] if text else []
        elif text:
            made["summary"] = [{"type": "summary_text", "text": text}]
        if "reasoning_encrypted" in self.quirks:
            made["encrypted_content"] = "gAAAAABo+/Zm9v=="
        return made

    def _messages(self) -> Iterator[dict[str, Json]]:
        text = self.reply.text
        texts = [text] if text else []
        if len(text) > 1 and not self.quirks.isdisjoint(("text_parts", "text_messages")):
            half = len(text) // 2
            texts = [text[:half], text[half:]]
        parts: list[dict[str, Json]] = [self._part(one) for one in texts]
        if self.reply.refusal:
            parts.append({"type": "refusal", "refusal": self.reply.refusal})
        groups = [[part] for part in parts] if "text_messages" in self.quirks else [parts] if parts else []
        for index, content in enumerate(groups):
            phase = {"phase": "final_answer" if index == len(groups) - 1 else "commentary"}
            rest = {"role": "assistant", **(phase if "text_messages" in self.quirks else {}), "content": content}
            yield self._item("message", f"msg_{index + 1}", rest, self._status(last=not self.reply.calls))

    def _part(self, text: str) -> dict[str, Json]:
        cited = [dict(_CITED)] if "annotations" in self.quirks else []
        return {"type": "output_text", "annotations": cited, "logprobs": [], "text": text}

    def _status(self, *, last: bool) -> str:
        return "incomplete" if last and self.reply.finish in _STOPPED else "completed"

    def _call(self, call: ToolCall | CallError) -> dict[str, Json]:
        cut = ends_cut(self.reply, call) and not (self.reply.text and "text_last" in self.quirks)
        bare = "arguments_empty_string" in self.quirks and not isinstance(call, CallError)
        if "custom" in self.quirks or call.id in self.reply.state.get("custom_calls", ()):
            return self._custom(call)
        sent = argument(call, WIRE, text=True, cut=cut, bare=bare)
        arguments = sent if isinstance(sent, str) else "" if bare and sent == {} else dumps(sent)
        status = "incomplete" if isinstance(call, CallError) and call.fault == "cut_off" else "completed"
        space = {"namespace": "found"} if "namespace" in self.quirks else {}
        rest = {"call_id": self._id(call.id or ""), "name": call.name, "arguments": arguments, **space}
        return self._item("function_call", f"fc_{call.id or 1}", rest, status)

    def _custom(self, call: ToolCall | CallError) -> dict[str, Json]:
        if isinstance(call, CallError) or call.parameters.keys() != {"input"}:
            raise UsageError("a custom tool takes one text: a call of it has the one parameter 'input'")
        sent = call.parameters["input"]
        if not isinstance(sent, str) or (ends_cut(self.reply, call)):
            raise UsageError("a custom tool takes one text, all of it")
        rest = {"call_id": self._id(call.id), "name": call.name, "input": sent}
        return self._item("custom_tool_call", f"ctc_{call.id}", rest, "completed")

    def _id(self, call_id: str) -> str:
        return call_id.ljust(_LONG_ID, "0") if "id_long" in self.quirks else call_id

    def _ran(self, call: ProviderCall) -> dict[str, Json]:
        known = {name: (kind, field) for kind, (name, field) in PROVIDER_CALLS.items()}
        kind, field = known.get(call.name, ("mcp_call", ""))
        if kind == "mcp_call":
            rest: dict[str, Json] = {"name": call.name, "arguments": dumps(call.parameters)}
            rest |= {"server_label": "tools", "output": None, "error": None, "approval_request_id": None}
        else:
            rest = {field: call.parameters} if field else dict(call.parameters)
        if kind == "tool_search_call":
            rest["execution"] = "server"
        if rest.keys() & {"id", "type", "status"}:
            raise UsageError(f"{WIRE} has no place for a parameter of that name in what {call.name} ran")
        return self._item(kind, call.id, rest | (call.result or {}), "completed")
