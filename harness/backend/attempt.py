"""One request being answered: what is stored while litellm works, and what is made of it in the end."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from harness.backend.errors import broke_off, causes, translate
from harness.backend.library import call_log
from harness.backend.models import missing_key
from harness.backend.repairs import Handling, handling
from harness.backend.repairs.raw_answer import counted, json_values, own_usage, state_of
from harness.backend.repairs.responses import DIALECT as RESPONSES
from harness.backend.repairs.responses import Output, as_response, completed, loaded_tools, output_of
from harness.backend.response import as_generated, own_finish_word, read_reply, read_usage
from harness.backend.stream import StreamAssembly, put_ids
from harness.backend.stream_watch import LineWatch, with_body
from harness.backend.tool_calls import item
from harness.core.errors import (
    AuthenticationError,
    HarnessError,
    ProviderError,
    StreamCutError,
    UnreadableReplyError,
)
from harness.dialects import DIALECTS
from harness.dialects.facts import with_wait
from harness.dialects.json_strict import NotJson, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.backend.request import PreparedRequest
    from harness.core.chat import Json, Reply
    from harness.core.exchange import Headers

_NO_REASON = "the stream ended before the provider named a reason"


@dataclass(slots=True)
class Attempt:
    """``raw`` is the text of a whole answer, as litellm's ``logger_fn`` or its HTTP client showed it, ``headers`` its
    headers; ``begun`` says that a stream is being read. ``log`` is litellm's log of a call over Responses, ``details``
    what its log of any other call holds so far.
    """

    request: PreparedRequest
    assembly: StreamAssembly = field(default_factory=StreamAssembly)
    raw: str = ""
    headers: Headers = ()
    details: Mapping[str, Json] = field(default_factory=dict)
    begun: bool = False
    watch: LineWatch | None = None
    log: Json = None

    def log_details(self, details: Mapping[str, Json]) -> None:
        """Litellm's ``logger_fn``: stores the first answer that it shows, and nothing of the request."""
        self.details = details
        answer = details.get("original_response")
        if details.get("log_event_type") == "post_api_call" and isinstance(answer, str):
            self.store(answer)

    def on_request(self, body: str) -> str:
        """The request that litellm is about to send, with what litellm leaves out of it."""
        return self.handling.request_body(body, self.request.arguments["messages"])

    def on_response(self, response: httpx.Response) -> httpx.Response:
        """The response as litellm is to read it: a whole answer is repaired where litellm would trip. Its headers are
        stored, and its own text where litellm would log another, or none.
        """
        self.headers = tuple(response.headers.multi_items())
        if self.request.arguments["stream"]:
            return response
        text = self._repaired(response.text)
        if self.handling.unlogged or text is not None:
            self.store(response.text)
        return response if text is None else with_body(response, text=text)

    def litellm_arguments(self) -> dict[str, Json]:
        """The arguments for litellm: a copy, for it changes some of them."""
        arguments = copy.deepcopy(self.request.arguments)
        if self.dialect == RESPONSES:
            self.log = call_log(arguments, self.log_details)
            arguments["litellm_logging_obj"] = self.log
        return arguments

    def store(self, raw: str) -> None:
        """Store the text of the answer; what comes first is what the provider sent."""
        self.raw = self.raw or raw

    def begin(self, stream: Json) -> None:
        """A stream has begun: from here on a broken connection is a cut, and its lines are watched."""
        self.begun = True
        watch = LineWatch(self.request.provider, self.dialect)
        if watch.attach(stream):
            self.watch = watch

    def reply(self, answer: Json) -> Reply:
        """The reply of a whole answer. Raises ``UnreadableReplyError``."""
        own = self._own_answer()
        error = self._reported(own)
        if error is not None:
            raise error
        output = self._output()
        if output is not None:
            return self._read_output(output)
        reply = self._read(answer, finish_word=own_finish_word(own, self.dialect))
        if not self.handling.openai_shape:
            return replace(reply, usage=reply.usage if not self.raw or counted(self.raw) else None)
        usage = read_usage(own_usage(self.raw))
        return replace(reply, usage=usage) if usage is not None else reply

    @property
    def sent(self) -> str:
        """What the provider sent, as far as it came."""
        return self.raw or self._logged() if self.watch is None else "\n".join(self.watch.received)

    def streamed_reply(self, stream: Json) -> Reply:
        """The reply of a stream read to its end. Raises ``StreamCutError`` if the provider never ended it."""
        output = self._output()
        if output is not None:
            if not output.ended:
                raise self._cut(_NO_REASON)
            return self._read_output(output)
        watch = self.watch if self.watch is None or not self.watch.foreign else None
        if watch is not None:
            word = watch.finish_word or ("" if watch.ended else None)
        else:
            # litellm ends every stream with a reason, and makes up "stop" where none came; these hold what did.
            word = item(stream, "received_finish_reason") or item(stream, "intermittent_finish_reason")
        if word is None:
            raise self._cut(_NO_REASON)
        answer = self.assembly.response()
        if watch is not None and self.handling.openai_shape:
            answer["usage"] = watch.usage  # litellm counts for itself where it missed the counts
        elif self.sent and not counted(self.sent):
            answer["usage"] = None
        return self._read(answer, finish_word=str(word))

    def failed(self, error: Exception) -> HarnessError:
        """Our error for one that litellm raised."""
        ours = next((one for one in causes(error) if isinstance(one, HarnessError)), None)
        if ours is not None:
            return ours
        reported = None if any(isinstance(one, httpx.HTTPStatusError) for one in causes(error)) else self._reported()
        if reported is not None:
            return reported
        answered = (httpx.HTTPStatusError, httpx.TimeoutException)
        known = self.watch is not None and not any(isinstance(one, answered) for one in causes(error))
        if self.begun and self.dialect == RESPONSES and known:
            return self._cut(_NO_REASON)  # litellm calls a Responses stream that ends early a server error
        if self.begun and broke_off(error, binary=self.handling.binary):
            broken = any(isinstance(one, httpx.TransportError) for one in causes(error))
            return self._cut("the connection broke in the middle of the stream" if broken else _NO_REASON)
        made = translate(error, provider=self.request.provider, raw=self.raw, begun=self.begun)
        if isinstance(made, UnreadableReplyError) and not self.begun:
            # litellm and the SDKs report a missing key in a dozen ways, before anything is sent.
            missing = () if self.request.arguments.get("api_key") else missing_key(self.request.provider, os.environ)
            if missing:
                message = f"no key for {self.request.provider}: set {' or '.join(missing)}, or give api_key"
                return AuthenticationError(message, provider=self.request.provider)
        return made

    def rescued(self, error: Exception) -> Reply | None:
        """The reply in an answer that litellm had in hand and tripped over; None if there is none.

        Groq's answers without ``service_tier`` and Snowflake's with ``finish_reason: ""`` are whole and in OpenAI's
        shape, which the decoder reads itself. A stream whose terminator came is whole without a finish reason,
        which litellm calls broken. An error that the provider reported in its answer leaves none.
        """
        if any(isinstance(one, ProviderError) for one in causes(error)):
            return None
        output = self._output()
        if output is not None and output.ended and self._reported() is None:
            return self._read_output(output)
        if self.begun:
            ended = self.watch is not None and (self.watch.ended or self.watch.finish_word is not None)
            return self.streamed_reply(None) if ended and broke_off(error, binary=self.handling.binary) else None
        if not self.handling.openai_shape:
            return None
        try:
            answer = parse(self.raw)
            return self._read(answer) if item(answer, "choices") else None
        except (NotJson, UnreadableReplyError):
            return None

    def _repaired(self, text: str) -> str | None:
        """A whole answer as litellm can read it; None where it needs no repair."""
        repair = self.handling.repair
        if repair is None or self.handling.openai_shape:  # which the decoder reads itself
            return None
        try:
            answer = parse(text)
        except NotJson:
            return None
        repaired = repair(answer) if isinstance(answer, dict) else answer
        return None if repaired == answer else json.dumps(repaired)

    @property
    def dialect(self) -> str:
        """The wire dialect of the request."""
        return self.request.route.dialect

    def _output(self) -> Output | None:
        """The answer of OpenAI's Responses, as far as it came; None for other dialects."""
        return output_of(json_values(self.sent)) if self.dialect == RESPONSES else None

    def _logged(self) -> str:
        """The text of a whole answer over litellm's bridge to Responses, which does not call ``log_details``."""
        answer = (getattr(self.log, "model_call_details", None) or {}).get("original_response")
        return answer if isinstance(answer, str) else ""

    @property
    def handling(self) -> Handling:
        """What litellm does with this dialect alone."""
        return handling(self.dialect)

    def _own_answer(self) -> Json:
        """A whole answer as the provider sent it; None where it was not received, or is no JSON."""
        try:
            return json.loads(self.raw or self._logged())
        except (ValueError, RecursionError):
            return None

    def _reported(self, answer: Json = None) -> ProviderError | None:
        """The error that a whole answer of status 200 reports."""
        answer = self._own_answer() if answer is None else answer
        error = DIALECTS[self.dialect].facts.failure(answer) if self.dialect in DIALECTS else None
        if error is None:
            return None
        error.provider = self.request.provider
        return with_wait(error, self.headers or self._logged_headers())

    def _logged_headers(self) -> Headers:
        """The headers of an answer to the OpenAI SDK, whose client is not watched: litellm logs them in two places."""
        found = self.details.get("response_headers") or item(self.details.get("additional_args"), "headers") or {}
        return tuple((str(name), str(value)) for name, value in dict(found).items())

    def _cut(self, why: str) -> StreamCutError:
        self.assembly.finish = None
        output = self._output()
        if output is not None:
            return StreamCutError(why, self._read_output(output, cut=why))
        return StreamCutError(why, self._read(self.assembly.response(), cut=why, finish_word=""))

    def _read_output(self, output: Output, *, cut: str = "") -> Reply:
        """The reply of OpenAI's Responses; ``cut`` says why it is only a part."""
        reply = read_reply(
            as_response(output),
            names=self.request.names.with_loaded(loaded_tools(output.items)),
            turn=self.request.turn,
            provider=self.request.provider,
            json_answer=self.request.json_answer,
            cut=cut,
            finish_word="" if cut else None,
            dialect=self.dialect,
        )
        return reply if cut else self._with_state(completed(reply, output))

    def _read(self, response: Json, *, cut: str = "", finish_word: str | None = None) -> Reply:
        request, sent = self.request, self.sent
        if self.handling.text_only:
            response = as_generated(response, sent)
        if self.handling.call_ids is not None and self.watch is not None:
            put_ids(response, self.handling.call_ids(sent))
        response = self.handling.with_calls(response, sent)
        reply = read_reply(
            response,
            names=request.names,
            turn=request.turn,
            provider=request.provider,
            json_answer=request.json_answer,
            cut=cut,
            finish_word=finish_word,
            sent="" if self.watch is not None and self.watch.foreign else sent,
            dialect=self.dialect,
        )
        reply = self.handling.completed(reply, sent)
        return reply if cut else self._with_state(reply)

    def _with_state(self, reply: Reply) -> Reply:
        """``reply`` with the state that goes back to the provider."""
        state = state_of(self.sent, self.dialect, str(self.request.arguments["model"]), reply.state)
        return replace(reply, state=state) if state else reply
