"""How a changed provider would answer, as far as the reply goes: its calls, its text, its finish.

The reply is what the reference reader finds in a recorded response; one thing in it is changed, and it is written again
in the same dialect.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING, TypeAlias

from harness.core.errors import HarnessError, UsageError
from harness.dialects import dialect_at
from harness.dialects.framing import streamed
from harness.mutation import mutant as places
from harness.mutation.mutant import Mutator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.chat import Finish, Reply, ToolCall
    from harness.core.exchange import Exchange
    from harness.mutation.mutant import Act, Aspect

MOST_LEAVES = 10
"""So many of a call's argument values are changed, each by itself; a longer call would outweigh all others."""
FINE = 200
"""The status of an answer that a dialect's reader reads."""
_FLIPPED: dict[Finish | None, tuple[Finish, ...]] = {
    "stop": ("length",),
    "tool_calls": ("stop", "length"),
    "length": ("stop",),
}
_Changed: TypeAlias = "Iterator[tuple[str, Reply]]"


def decode(exchange: Exchange) -> Reply | HarnessError | None:
    """What the reference reader makes of the response; None for a refusal, or where no dialect is known."""
    dialect, response = dialect_at(exchange.request.url), exchange.response
    if dialect is None or response is None or response.status != FINE:
        return None
    try:
        return dialect.read(response)
    except HarnessError as error:
        return error


def regenerate(exchange: Exchange, reply: Reply) -> Exchange | None:
    """``exchange`` with ``reply`` for its answer, in the dialect it is in, as a stream if it was one; None where the
    dialect has no place for it, or would say it as the recording does.
    """
    dialect, response = dialect_at(exchange.request.url), exchange.response
    if dialect is None or response is None:
        return None
    try:
        made = dialect.render(reply, stream=streamed(response), model=reply.model or "model")
    except UsageError:
        return None
    return None if made.body == response.body else replace(exchange, response=made)


def unchanged(exchange: Exchange) -> Exchange | None:
    """The answer written again as it is."""
    reply = decode(exchange)
    return None if reply is None or isinstance(reply, HarnessError) else regenerate(exchange, reply)


def _of_reply(change: Callable[[Reply, Exchange], _Changed]) -> Act:
    def act(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
        reply = decode(exchange)
        if reply is None or isinstance(reply, HarnessError):
            return
        as_it_is = regenerate(exchange, reply) or exchange
        for location, other in change(reply, exchange):
            made = regenerate(exchange, other)
            # A dialect may have one word for both: Gemini's STOP stands for calls too.
            if made is not None and made.response != as_it_is.response:
                yield location, made

    return act


def _with(reply: Reply, number: int, *calls: ToolCall) -> Reply:
    return replace(reply, calls=(*reply.calls[:number], *calls, *reply.calls[number + 1 :]))


def _named(number: int, call: ToolCall) -> str:
    return f"call {number} ({call.name})"


def _call_dropped(reply: Reply, _: Exchange) -> _Changed:
    for number, call in enumerate(reply.calls):
        yield _named(number, call), _with(reply, number)


def _call_doubled(reply: Reply, _: Exchange) -> _Changed:
    for number, call in enumerate(reply.calls):
        yield _named(number, call), _with(reply, number, call, replace(call, id=f"{call.id}2" if call.id else ""))


def _call_renamed(reply: Reply, exchange: Exchange) -> _Changed:
    """To another tool that was offered, where there is one: that it is known is then no help."""
    dialect = dialect_at(exchange.request.url)
    offered = dialect.mentions(exchange.request).tools if dialect else ()
    for number, call in enumerate(reply.calls):
        name = next((other for other in offered if other != call.name), f"{call.name}s")
        yield f"{_named(number, call)} to {name}", _with(reply, number, replace(call, name=name))


def _calls_swapped(reply: Reply, _: Exchange) -> _Changed:
    for number, (one, other) in enumerate(pairwise(reply.calls)):
        if (one.name, one.parameters) != (other.name, other.parameters):
            yield f"calls {number} and {number + 1}", _with(_with(reply, number, other), number + 1, one)


def _arguments_emptied(reply: Reply, _: Exchange) -> _Changed:
    for number, call in enumerate(reply.calls):
        if call.parameters:
            yield _named(number, call), _with(reply, number, replace(call, parameters={}))


def _argument_dropped(reply: Reply, _: Exchange) -> _Changed:
    for number, call in enumerate(reply.calls):
        if len(call.parameters) > 1:  # the only one dropped is "arguments emptied"
            for name in islice(call.parameters, MOST_LEAVES):
                left = places.without(call.parameters, (name,))
                yield f"{_named(number, call)}: {name}", _with(reply, number, replace(call, parameters=left))


def _argument_changed(reply: Reply, _: Exchange) -> _Changed:
    for number, call in enumerate(reply.calls):
        for path, _leaf in islice(places.leaves(call.parameters), MOST_LEAVES):
            made = places.put(call.parameters, path, places.other)
            yield (
                f"{_named(number, call)}: {places.json_path(path)}",
                _with(reply, number, replace(call, parameters=made)),
            )


def _finish_flipped(reply: Reply, _: Exchange) -> _Changed:
    for finish in _FLIPPED.get(reply.finish, ("stop",)):
        yield f"{reply.finish or 'none'} to {finish}", replace(reply, finish=finish)


def _character_dropped(reply: Reply, _: Exchange) -> _Changed:
    text = reply.text
    middle = len(text) // 2
    if len(text) > 1:
        yield f"character {middle}, {text[middle]!r}", replace(reply, text=text[:middle] + text[middle + 1 :])


def _word_changed(reply: Reply, _: Exchange) -> _Changed:
    if made := places.word_changed(reply.text):
        yield "the middle word", replace(reply, text=made)


def _text_emptied(reply: Reply, _: Exchange) -> _Changed:
    if reply.text:
        yield f"{len(reply.text)} characters", replace(reply, text="")


def _rewriting(name: str, aspect: Aspect, change: Callable[[Reply, Exchange], _Changed]) -> Mutator:
    return Mutator(name, "response", aspect, _of_reply(change), rewritten=True)


REPLY_MUTATORS: tuple[Mutator, ...] = (
    _rewriting("call dropped", "calls", _call_dropped),
    _rewriting("call doubled", "calls", _call_doubled),
    _rewriting("call renamed", "calls", _call_renamed),
    _rewriting("calls swapped", "calls", _calls_swapped),
    _rewriting("arguments emptied", "parameters", _arguments_emptied),
    _rewriting("argument dropped", "parameters", _argument_dropped),
    _rewriting("argument changed", "parameters", _argument_changed),
    _rewriting("finish flipped", "finish", _finish_flipped),
    _rewriting("character dropped", "text", _character_dropped),
    _rewriting("word changed", "text", _word_changed),
    _rewriting("text emptied", "text", _text_emptied),
)
"""Every way to change a reply; a new one is a function and a line here."""
