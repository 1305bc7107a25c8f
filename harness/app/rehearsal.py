"""What a question of the card would show: it is asked of nobody, and answered as it expects to be answered.

The answer is made up in the dialect that is asked, read by the backend and judged by the card's checks. It says which
cells a question can fill, and nothing of a model.
"""

from __future__ import annotations

import contextlib
import functools
import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.app.card_runs import of_results
from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.cassette import cassette_path
from harness.core.chat import Reply, ToolCall, Usage
from harness.core.exchange import Exchange, Provenance
from harness.dialects import dialect_at
from harness.dialects.providers import NO_KEY, speaker
from harness.engine.runner import play
from harness.engine.selection import ALL, jobs
from harness.interception.clients import answering
from harness.interception.network_block import no_way_out
from harness.server.synthetic import Synthetic
from harness.suite import Model, probes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.card import Mode
    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest, HttpResponse
    from harness.core.expectation import CallExpectation, Expectation
    from harness.engine.events import Job

_USAGE = Usage(5, 4, 9)


Shown: TypeAlias = "dict[tuple[str, str], frozenset[tuple[str, Mode]]]"
"""The cells that each question shows, by its suite and case."""


@functools.cache
def shown(dialect: str) -> Shown:
    """What correct answers to all of the card's questions show in ``dialect``."""
    model = Model(name="rehearsed", backend=speaker(dialect).name)
    suites = probes((model,))
    nowhere = functools.partial(cassette_path, "rehearsed")
    return rehearse([replace(job, probing=True) for job in jobs(suites, ALL, nowhere)], dialect)


def rehearse(questions: Sequence[Job], dialect: str) -> Shown:
    """What a correct answer to each of ``questions`` shows in ``dialect``."""
    load_offline()
    made: Shown = {}
    with no_way_out():
        for job in questions:
            rehearsal = _Rehearsal(job, dialect)
            result = play(replace(job, repeats=1), ask=rehearsal.ask, open_tape=rehearsal.tape)
            card = of_results(job.model.called, [job], [result])
            # What was refused before it was sent has no evidence: no recording would show it.
            cells = (one for one in card.cells if one.mode and one.evidence and one.verdict not in {"unseen", "infra"})
            made[job.suite, job.case.id] = frozenset((one.check, one.mode) for one in cells)
    return made


@dataclass(slots=True)
class _Tape:
    taken: list[tuple[int, Exchange]] = field(default_factory=list)
    unused: tuple[int, ...] = ()
    misses: list[HttpRequest] = field(default_factory=list)
    provenance: Provenance | None = field(default_factory=lambda: Provenance("synthetic", ""))


class _Rehearsal:
    """One question: the backend asks it turn by turn, and each request gets what its turn expects."""

    def __init__(self, job: Job, dialect: str) -> None:
        self._expects = [job.case.expect, *(turn.expect for turn in job.case.then)]
        self._row = speaker(dialect)
        self._turn = -1
        self._words: Mapping[str, Json] = {}
        self._wrong_key = False
        self._tape = _Tape()
        self._synthetic = Synthetic(self._choose)

    def ask(self, model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        del model  # the row that stands for the dialect is asked
        self._turn, self._words, self._wrong_key = self._turn + 1, words, wrong_key
        options: dict[str, Any] = {"api_key": NO_KEY, **self._row.options, **words}
        return complete(self._row.model, options.pop("messages"), **options)

    @contextlib.contextmanager
    def tape(self, job: Job) -> Iterator[_Tape]:
        del job
        with answering(self._answer):
            yield self._tape

    def _answer(self, request: HttpRequest) -> HttpResponse:
        dialect = dialect_at(request.url)
        if self._wrong_key and dialect is not None:
            exchange = Exchange(request, dialect.error(HTTPStatus.UNAUTHORIZED, "the key is wrong"))
        else:
            exchange = self._synthetic.answer(request).exchange
        self._tape.taken.append((len(self._tape.taken), exchange))
        assert exchange.response is not None  # both ways make one
        return exchange.response

    def _choose(self, request: HttpRequest, tools: tuple[str, ...]) -> list[Reply]:
        del request
        return [correct(self._expects[self._turn], self._words, tools), Reply(text="Fine.", usage=_USAGE)]


def correct(expect: Expectation, words: Mapping[str, Json], wire: Sequence[str]) -> Reply:
    """An answer that ``expect`` accepts to a question of these ``words``; ``wire`` names its tools on the wire. Where
    nothing is expected of a question with tools, the first is called.
    """
    one = expect if expect.calls is not None or not expect.any_of else expect.any_of[0]
    offered: dict[str, Json] = {tool["function"]["name"]: tool["function"] for tool in words.get("tools") or ()}
    names = dict(zip(offered, wire, strict=False))
    said = _last_text(words)
    calls = [
        ToolCall(names.get(name, name), _arguments(call, offered.get(name) or {}, said), f"call0000{place}")
        for place, (name, call) in enumerate(_wanted(one, words, list(offered)))
    ]
    text = "" if calls else _text(one, words, said)
    return Reply(text=text, calls=tuple(calls), finish="tool_calls" if calls else "stop", usage=_USAGE)


def _wanted(
    expect: Expectation, words: Mapping[str, Json], offered: Sequence[str]
) -> list[tuple[str, CallExpectation | None]]:
    """The tools to call, each with what is expected of the call."""
    choice = words.get("tool_choice")
    if not offered or choice == "none" or expect.no_calls:
        return []
    if expect.calls is not None:
        return [(_first(call.name) or offered[0], call) for call in expect.calls]
    answered = words["messages"][-1].get("role") == "tool"
    if expect.text or (answered and choice is None):
        return []
    count = expect.call_count
    number = count if isinstance(count, int) else count.min if count else 1
    name = choice["function"]["name"] if isinstance(choice, dict) else offered[0]
    return [(name, None)] * number


def _first(names: str | tuple[str, ...]) -> str:
    return names if isinstance(names, str) else next(iter(names), "")


def _arguments(call: CallExpectation | None, tool: Mapping[str, Json], said: str) -> dict[str, Any]:
    if call is not None and call.parameters is not None:
        return call.parameters
    made = value(tool.get("parameters") or {"type": "object"}, said)
    made = made if isinstance(made, dict) else {}
    if call is not None:
        made |= {name: some[0] for name, some in (call.accepts or {}).items() if some}
        made |= call.includes or {}
    return made


def _text(expect: Expectation, words: Mapping[str, Json], said: str) -> str:
    form = words.get("response_format") or {}
    schema = expect.json_schema or (form.get("json_schema") or {}).get("schema")
    if schema is not None or form or words.get("message_return_type") == "json":
        return json.dumps(value(schema or {"type": "object"}, said), ensure_ascii=False)
    if expect.text is None:
        return "Fine."
    pieces = expect.text.contains
    return expect.text.exact or (pieces if isinstance(pieces, str) else " ".join(pieces)) or "Fine."


def _last_text(words: Mapping[str, Json]) -> str:
    texts = [one.get("content") for one in words["messages"] if one.get("role") == "user"]
    return next((text for text in reversed(texts) if isinstance(text, str)), "text")


def value(schema: Json, said: str) -> Any:
    """A value that fits ``schema``, as far as types, choices and required properties say; its texts are ``said``."""
    if not isinstance(schema, dict):
        return said
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf"):
        if schema.get(word):
            return value(schema[word][0], said)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        inside = schema.get("properties") or {}
        return {name: value(inside.get(name), said) for name in schema.get("required") or inside}
    if kind == "array":
        return [value(schema.get("items"), said)] * max(1, schema.get("minItems", 1))
    plain: dict[str, Any] = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.5)}
    return (plain | {"boolean": True, "null": None}).get(str(kind), said)
