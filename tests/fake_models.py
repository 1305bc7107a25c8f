"""A fake provider on the loopback for agents: OpenAI's chat and Responses, Anthropic's and Gemini's wire, ids of chance.

It calls each tool that it is offered once, in their order, then answers in words: a loop of three turns for two tools.
Run as a program it serves at the port given, and writes a line once it does.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import sys
import threading
import uuid

TEXT = "It is sunny in Paris, where 2 million people live."
_HALF = 24


def by_chance(prefix):
    return f"{prefix}{uuid.uuid4().hex[:16]}"


def arguments(schema):
    properties = (schema or {}).get("properties") or {}
    return {name: "Paris" if _kind(one) == "string" else 1 for name, one in properties.items()}


def _kind(schema):
    kind = schema.get("type") or next((one.get("type") for one in schema.get("anyOf", ())), "string")
    return str(kind[0] if isinstance(kind, list) else kind).lower()


def next_call(tools, results):
    """Name and arguments of the call that is due, or None. ``tools`` are pairs of name and schema."""
    last = [one for one in tools if one[0] in {"final_answer", "finish"}]
    usable = [one for one in tools if one not in last]
    if results < len(usable):
        return usable[results][0], arguments(usable[results][1])
    if last:
        return last[0][0], dict.fromkeys(arguments(last[0][1]), TEXT)
    return None


def chat(body):
    tools = [(one["function"]["name"], one["function"].get("parameters")) for one in body.get("tools") or ()]
    # smolagents gives results back as a user's words.
    results = sum(one["role"] == "tool" for one in body["messages"]) or json.dumps(body["messages"][2:]).count(
        "Observation:"
    )
    call = next_call(tools, results)
    message = {"role": "assistant", "content": None if call else TEXT}
    if call:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        message["tool_calls"] = [{"id": by_chance("call_"), "type": "function", "function": function}]
    finish = "tool_calls" if call else "stop"
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    head = {"id": by_chance("chatcmpl-"), "created": 1_790_000_000, "model": body["model"]}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    head["object"] = "chat.completion.chunk"
    for one in message.get("tool_calls", ()):
        one["index"] = 0
    deltas = [message] if call else [{"role": "assistant", "content": TEXT[:_HALF]}, {"content": TEXT[_HALF:]}]
    made = [{**head, "choices": [{"index": 0, "delta": one, "finish_reason": None}]} for one in deltas]
    made.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    made.append({**head, "choices": [], "usage": usage})
    return [f"data: {json.dumps(one)}\n\n" for one in made] + ["data: [DONE]\n\n"]


def responses(body):
    tools = [(one["name"], one.get("parameters")) for one in body.get("tools") or () if one["type"] == "function"]
    given = body["input"] if isinstance(body["input"], list) else []
    call = next_call(tools, sum(one.get("type") == "function_call_output" for one in given))
    if call:
        item = {"type": "function_call", "id": by_chance("fc_"), "call_id": by_chance("call_"), "status": "completed"}
        item |= {"name": call[0], "arguments": json.dumps(call[1])}
    else:
        part = {"type": "output_text", "text": TEXT, "annotations": []}
        item = {"type": "message", "id": by_chance("msg_"), "role": "assistant", "status": "completed"}
        item["content"] = [part]
    usage = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5}
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15}
    whole = {"id": by_chance("resp_"), "object": "response", "created_at": 1_790_000_000, "status": "completed"}
    whole |= {"model": body["model"], "output": [item], "parallel_tool_calls": True, "tool_choice": "auto"}
    whole |= {"tools": body.get("tools") or [], "error": None, "incomplete_details": None, "instructions": None}
    whole |= {"metadata": {}, "temperature": 1.0, "top_p": 1.0, "usage": usage}
    if not body.get("stream"):
        return whole
    made = [("response.created", {"response": {**whole, "status": "in_progress", "output": [], "usage": None}})]
    where = {"item_id": item["id"], "output_index": 0}
    if call:
        made.append(("response.output_item.added", {"output_index": 0, "item": {**item, "arguments": ""}}))
        made.append(("response.function_call_arguments.delta", {**where, "delta": item["arguments"]}))
        done = {**where, "arguments": item["arguments"], "name": item["name"]}
        made.append(("response.function_call_arguments.done", done))
    else:
        at = {**where, "content_index": 0}
        made.append(("response.output_item.added", {"output_index": 0, "item": {**item, "content": []}}))
        made.append(("response.content_part.added", {**at, "part": {**part, "text": ""}}))
        pieces = [{**at, "delta": piece, "logprobs": []} for piece in (TEXT[:_HALF], TEXT[_HALF:])]
        made += [("response.output_text.delta", piece) for piece in pieces]
        made.append(("response.output_text.done", {**at, "text": TEXT, "logprobs": []}))
        made.append(("response.content_part.done", {**at, "part": part}))
    made.append(("response.output_item.done", {"output_index": 0, "item": item}))
    made.append(("response.completed", {"response": whole}))
    events = [{"type": kind, "sequence_number": number, **more} for number, (kind, more) in enumerate(made)]
    return [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]


def messages(body):
    tools = [(one["name"], one.get("input_schema")) for one in body.get("tools") or ()]
    parts = [part for one in body["messages"] if isinstance(one["content"], list) for part in one["content"]]
    call = next_call(tools, sum(part.get("type") == "tool_result" for part in parts))
    block = {"type": "tool_use", "id": by_chance("toolu_"), "name": call[0], "input": call[1]} if call else None
    block = block or {"type": "text", "text": TEXT}
    reason = "tool_use" if call else "end_turn"
    whole = {"id": by_chance("msg_"), "type": "message", "role": "assistant", "model": body["model"]}
    whole |= {"content": [block], "stop_reason": reason, "stop_sequence": None}
    whole["usage"] = {"input_tokens": 10, "output_tokens": 5}
    if not body.get("stream"):
        return whole
    delta = {"type": "text_delta", "text": TEXT}
    if call:
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
    empty = {**block, "input": {}} if call else {"type": "text", "text": ""}
    made = [
        ("message_start", {"message": {**whole, "content": [], "stop_reason": None}}),
        ("content_block_start", {"index": 0, "content_block": empty}),
        ("content_block_delta", {"index": 0, "delta": delta}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 5}}),
        ("message_stop", {}),
    ]
    return [f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n" for kind, more in made]


def gemini(body, *, stream):
    declared = [one for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()]
    tools = [(one["name"], one.get("parametersJsonSchema") or one.get("parameters")) for one in declared]
    parts = [part for one in body["contents"] for part in one["parts"]]
    call = next_call(tools, sum("functionResponse" in part for part in parts))
    part = {"functionCall": {"name": call[0], "args": call[1], "id": by_chance("fc-")}} if call else {"text": TEXT}
    whole = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}]}
    whole["usageMetadata"] = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    whole |= {"modelVersion": "gemini", "responseId": by_chance("")}
    return [f"data: {json.dumps(whole)}\r\n\r\n"] if stream else whole


class Fake(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._whole({"object": "list", "data": []})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        if path.endswith("/chat/completions"):
            answer = chat(body)
        elif path.endswith("/responses"):
            answer = responses(body)
        elif path.endswith("/messages"):
            answer = messages(body)
        elif found := re.search(r":(stream)?[gG]enerateContent$", path):
            answer = gemini(body, stream=bool(found[1]))
        else:
            answer = {}
        if isinstance(answer, list):
            self._stream(answer)
        else:
            self._whole(answer)

    def _whole(self, answer):
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in [*events, ""]:
            data = event.encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def serving(port=0):
    """The fake in a thread; its ``url``, and ``asked``, the paths that were asked."""
    made = http.server.ThreadingHTTPServer(("127.0.0.1", port), Fake)
    made.daemon_threads = True
    made.asked, made.url = [], f"http://127.0.0.1:{made.server_address[1]}"
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()


if __name__ == "__main__":
    with serving(int(sys.argv[1])):
        print("ready", flush=True)
        sys.stdin.read()
