"""One question being answered: what is kept while litellm works, and what is made of it in the end."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from harness.backend.errors import broke_off, causes, translate
from harness.backend.finish_words import own_word
from harness.backend.keys import missing_key
from harness.backend.library import call_log
from harness.backend.repairs.events import REPAIRS
from harness.backend.repairs.omissions import counted, own_usage
from harness.backend.repairs.peculiar import Peculiar, peculiar
from harness.backend.repairs.responses import DIALECT as RESPONSES
from harness.backend.repairs.responses import Output, output_of, reply_of
from harness.backend.repairs.state import state_of
from harness.backend.response import as_generated, read_reply, read_usage
from harness.backend.stream import StreamAssembly, put_ids
from harness.backend.stream_watch import LineWatch, shown
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

    question: PreparedRequest
    assembly: StreamAssembly = field(default_factory=StreamAssembly)
    raw: str = ""
    headers: Headers = ()
    details: Mapping[str, Json] = field(default_factory=dict)
    begun: bool = False
    watch: LineWatch | None = None
    log: Json = None

    def note(self, details: Mapping[str, Json]) -> None:
        """Litellm's ``logger_fn``: keeps the first answer that it shows, and nothing of the request."""
        self.details = details
        answer = details.get("original_response")
        if details.get("log_event_type") == "post_api_call" and isinstance(answer, str):
            self.keep(answer)

    def send(self, body: str) -> str:
        """The request that litellm is about to send, with what litellm leaves out of it."""
        return self.peculiar.asked(body, self.question.arguments["messages"])

    def hear(self, response: httpx.Response) -> httpx.Response:
        """The response as litellm is to read it: a whole answer is repaired where litellm would trip. Its headers are
        kept, and its own text where litellm would log another, or none.
        """
        self.headers = tuple(response.headers.multi_items())
        if self.question.arguments["stream"]:
            return response
        text = self._repaired(response.text)
        if self.peculiar.unlogged or text is not None:
            self.keep(response.text)
        return response if text is None else shown(response, text=text)

    def given(self) -> dict[str, Json]:
        """What litellm is given: a copy, for it changes some of it."""
        arguments = copy.deepcopy(self.question.arguments)
        if self.dialect == RESPONSES:
            self.log = call_log(arguments, self.note)
            arguments["litellm_logging_obj"] = self.log
        return arguments

    def keep(self, raw: str) -> None:
        """Keep the text of the answer; what comes first is what the provider sent."""
        self.raw = self.raw or raw

    def begin(self, stream: Json) -> None:
        """A stream has begun: from here on a broken connection is a cut, and its lines are watched."""
        self.begun = True
        watch = LineWatch(self.question.provider, self.dialect)
        if watch.put_on(stream):
            self.watch = watch

    def reply(self, answer: Json) -> Reply:
        """The reply of a whole answer. Raises ``UnreadableReplyError``."""
        refused = self._reported()
        if refused is not None:
            raise refused
        output = self._output()
        if output is not None:
            return self._with_state(reply_of(output, self.question))
        reply = self._read(answer, said=own_word(self.raw, self.dialect))
        if not self.peculiar.openai_shape:
            return replace(reply, usage=reply.usage if not self.raw or counted(self.raw) else None)
        told = read_usage(own_usage(self.raw))
        return replace(reply, usage=told) if told is not None else reply

    @property
    def sent(self) -> str:
        """What the provider sent, as far as it was seen."""
        return self.raw or self._logged() if self.watch is None else "\n".join(self.watch.seen)

    def streamed_reply(self, stream: Json) -> Reply:
        """The reply of a stream read to its end. Raises ``StreamCutError`` if the provider never said it was."""
        output = self._output()
        if output is not None:
            if not output.ended:
                raise self._cut(_NO_REASON)
            return self._with_state(reply_of(output, self.question))
        watch = self.watch if self.watch is None or not self.watch.foreign else None
        if watch is not None:
            said = watch.said or ("" if watch.ended else None)
        else:
            # litellm ends every stream with a reason, and makes up "stop" where none came; these hold what did.
            said = item(stream, "received_finish_reason") or item(stream, "intermittent_finish_reason")
        if said is None:
            raise self._cut(_NO_REASON)
        answer = self.assembly.response()
        if watch is not None and self.peculiar.openai_shape:
            answer["usage"] = watch.usage  # litellm counts for itself where it missed what was told
        elif self.sent and not counted(self.sent):
            answer["usage"] = None
        return self._read(answer, said=str(said))

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
        if self.begun and broke_off(error, binary=self.peculiar.binary):
            broken = any(isinstance(one, httpx.TransportError) for one in causes(error))
            return self._cut("the connection broke in the middle of the stream" if broken else _NO_REASON)
        told = translate(error, provider=self.question.provider, raw=self.raw, begun=self.begun)
        if isinstance(told, UnreadableReplyError) and not self.begun:
            # litellm and the SDKs tell a missing key in a dozen ways, before anything is sent.
            wanted = () if self.question.arguments.get("api_key") else missing_key(self.question.provider, os.environ)
            if wanted:
                what = f"no key for {self.question.provider}: set {' or '.join(wanted)}, or give api_key"
                return AuthenticationError(what, provider=self.question.provider)
        return told

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
            return self._with_state(reply_of(output, self.question))
        if self.begun:
            ended = self.watch is not None and (self.watch.ended or self.watch.said is not None)
            return self.streamed_reply(None) if ended and broke_off(error, binary=self.peculiar.binary) else None
        if not self.peculiar.openai_shape:
            return None
        try:
            answer = parse(self.raw)
            return self._read(answer) if item(answer, "choices") else None
        except (NotJson, UnreadableReplyError):
            return None

    def _repaired(self, text: str) -> str | None:
        """A whole answer as litellm can read it; None where it needs no repair."""
        repair = REPAIRS.get(self.dialect)
        if repair is None or self.peculiar.openai_shape:  # which the decoder reads itself
            return None
        try:
            answer = parse(text)
        except NotJson:
            return None
        repaired = repair(answer) if isinstance(answer, dict) else answer
        return None if repaired == answer else json.dumps(repaired)

    @property
    def dialect(self) -> str:
        """The wire dialect of the provider that is asked."""
        return self.question.route.dialect

    def _output(self) -> Output | None:
        """The answer of OpenAI's Responses, as far as it was seen; None for other dialects."""
        return output_of(self.sent) if self.dialect == RESPONSES else None

    def _logged(self) -> str:
        """The text of a whole answer over litellm's bridge to Responses, which does not call ``note``."""
        answer = (getattr(self.log, "model_call_details", None) or {}).get("original_response")
        return answer if isinstance(answer, str) else ""

    @property
    def peculiar(self) -> Peculiar:
        """What litellm does with this dialect alone."""
        return peculiar(self.dialect)

    def _reported(self) -> ProviderError | None:
        """The error that a whole answer of status 200 reports."""
        try:
            answer = parse(self.raw or self._logged())
        except NotJson:
            return None
        error = DIALECTS[self.dialect].facts.failure(answer) if self.dialect in DIALECTS else None
        if error is None:
            return None
        error.provider = self.question.provider
        return with_wait(error, self.headers or self._logged_headers())

    def _logged_headers(self) -> Headers:
        """The headers of an answer to the OpenAI SDK, whose client is not heard: litellm logs them in two places."""
        found = self.details.get("response_headers") or item(self.details.get("additional_args"), "headers") or {}
        return tuple((str(name), str(value)) for name, value in dict(found).items())

    def _cut(self, why: str) -> StreamCutError:
        self.assembly.finish = None
        output = self._output()
        if output is not None:
            return StreamCutError(why, reply_of(output, self.question, cut=why))
        return StreamCutError(why, self._read(self.assembly.response(), cut=why, said=""))

    def _read(self, response: Json, *, cut: str = "", said: str | None = None) -> Reply:
        question, sent = self.question, self.sent
        if self.peculiar.text_only:
            response = as_generated(response, sent)
        if self.peculiar.ids is not None and self.watch is not None:
            put_ids(response, self.peculiar.ids(sent))
        response = self.peculiar.with_calls(response, sent)
        reply = read_reply(
            response,
            names=question.names,
            turn=question.turn,
            provider=question.provider,
            json_answer=question.json_answer,
            cut=cut,
            said=said,
            sent="" if self.watch is not None and self.watch.foreign else sent,
            dialect=self.dialect,
        )
        reply = self.peculiar.completed(reply, sent)
        return reply if cut else self._with_state(reply)

    def _with_state(self, reply: Reply) -> Reply:
        """``reply`` with what the provider wants back."""
        state = state_of(self.sent, self.dialect, str(self.question.arguments["model"]), reply.state)
        return replace(reply, state=state) if state else reply
