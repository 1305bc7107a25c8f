"""Backends that are right in an unusual way: the laws must let each of them pass."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, UserDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from harness.core.chat import Reply, ToolCall
from harness.core.errors import HarnessError
from harness.laws import bare
from harness.laws.exemplars import exemplars
from harness.laws.guilt import guilty
from harness.laws.law import GRADES
from harness.laws.prove import Effort, chosen_laws, prove_one
from harness.laws.tested_backend import Backend

LAWS = chosen_laws(grades=GRADES[:-1])


class OwnError(Exception):
    """An exception of the backend's own, with what it was made from at hand."""


def own_errors(*given, **options):
    try:
        return bare.complete(*given, **options)
    except HarnessError as error:
        raise OwnError(str(error)) from error


def other_mappings(*given, **options):
    """Arguments in mappings and sequences that are neither dict nor list."""

    def other(value):
        if isinstance(value, dict):
            return MappingProxyType({key: other(inner) for key, inner in value.items()})
        return tuple(map(other, value)) if isinstance(value, list) else value

    reply = bare.complete(*given, **options)
    return replace(reply, calls=tuple(replace(call, parameters=other(call.parameters)) for call in reply.calls))


class Late(UserDict):
    """Arguments that are made when they are first looked at."""

    def __init__(self, make):
        self._make, self._made = make, None

    @property
    def data(self):
        if self._made is None:
            self._made = self._make()
        return self._made


def late_arguments(*given, **options):
    reply = bare.complete(*given, **options)
    calls = [replace(call, parameters=Late(lambda found=call.parameters: dict(found))) for call in reply.calls]
    return replace(reply, calls=tuple(calls))


class OwnCall(NamedTuple):
    id: str
    name: str
    parameters: dict[str, Any]


def own_tuples(*given, **options):
    """Calls that are named tuples of the backend's own, in a list."""
    reply = bare.complete(*given, **options)
    return replace(reply, calls=[OwnCall(call.id, call.name, call.parameters) for call in reply.calls])


@dataclass(frozen=True)
class RichCall(ToolCall):
    """A call with more than ours has."""

    seen: float = 0.0


def subclasses(*given, **options):
    reply = bare.complete(*given, **options)
    return replace(reply, calls=tuple(RichCall(one.name, one.parameters, one.id, time.time()) for one in reply.calls))


def in_a_thread(*given, **options):
    """Each question in a thread of its own."""
    found = []

    def ask():
        try:
            found.append(bare.complete(*given, **options))
        except HarnessError as error:
            found.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    if isinstance(found[0], Reply):
        return found[0]
    raise found[0]


def in_a_loop(*given, **options):
    """Blocking outside, awaited inside."""

    async def ask():
        return await asyncio.to_thread(bare.complete, *given, **options)

    return asyncio.run(ask())


async def awaited_only(*given, **options):
    await asyncio.sleep(0)
    return bare.complete(*given, **options)


def copies(model, messages, *, tools=None, stream=False, **options):
    """Generators and new objects for all that it hands on."""
    return bare.complete(
        model,
        [dict(one) for one in messages],
        tools=tools and [dict(one) for one in tools],
        stream=stream,
        **options,
    )


class Text(str):
    """A text with more to it, as an enum's member or a marked string is."""

    __slots__ = ()


def own_texts(*given, **options):
    """Texts, names and ids of a subclass of str, mappings of a subclass of dict."""
    reply = bare.complete(*given, **options)
    calls = [ToolCall(Text(one.name), OrderedDict(one.parameters), Text(one.id)) for one in reply.calls]
    return replace(reply, text=Text(reply.text), calls=tuple(calls))


def longer_errors(*given, **options):
    """Each error said again by the backend, as the same class."""
    try:
        return bare.complete(*given, **options)
    except HarnessError as error:
        error.add_note("asked by a backend of its own")
        raise


class Client:
    """An object with state that is no answer's: a count, and what was asked last."""

    def __init__(self):
        self.count, self.last = 0, None

    def complete(self, *given, **options):
        self.count, self.last = self.count + 1, (given, options)
        return bare.complete(*given, **options)


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(3) as made:
        yield made


UNUSUAL = {
    "own exception classes": Backend(own_errors, errors=(OwnError,)),
    "other mappings and sequences": Backend(other_mappings),
    "arguments read late": Backend(late_arguments),
    "named tuples": Backend(own_tuples),
    "calls of a subclass": Backend(subclasses),
    "a thread for each": Backend(in_a_thread),
    "a loop for each": Backend(in_a_loop),
    "texts of a subclass": Backend(own_texts),
    "errors with notes": Backend(longer_errors),
    "copies of all": Backend(copies),
    "an object that remembers": Backend(Client().complete),
}


def complaints(backend, mode):
    proof = prove_one(backend, "openai", mode, laws=LAWS, effort=Effort(25, shrink=False, exemplars=False))
    return {law: one.complaint for law, one in proof.broken.items()}


@pytest.mark.parametrize("mode", ["whole", "stream"])
@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_right_in_an_unusual_way_passes(name, mode):
    assert complaints(UNUSUAL[name], mode) == {}


@pytest.mark.parametrize("mode", ["async whole", "async stream"])
@pytest.mark.parametrize("name", [name for name in UNUSUAL if name != "a loop for each"])
def test_what_is_right_in_an_unusual_way_passes_when_it_is_awaited(name, mode):
    made = UNUSUAL[name]

    async def awaited(*given, **options):
        await asyncio.sleep(0)
        return made.complete(*given, **options)

    assert complaints(replace(made, acomplete=awaited), mode) == {}


def test_a_backend_with_a_pool_of_its_own_passes(pool):
    def pooled(*given, **options):
        return pool.submit(bare.complete, *given, **options).result()

    assert complaints(Backend(pooled), "whole") == {}


def test_a_backend_with_one_thread_that_asks_for_all_passes():
    """A dispatcher: questions in a queue, asked one after the other by a thread that outlives each."""
    waiting = SimpleQueue()

    def dispatch():
        while (job := waiting.get()) is not None:
            future, given, options = job
            try:
                future.set_result(bare.complete(*given, **options))
            except HarnessError as error:
                future.set_exception(error)

    def queued(*given, **options):
        future = Future()
        waiting.put((future, given, options))
        return future.result()

    thread = threading.Thread(target=dispatch, daemon=True)
    thread.start()
    assert complaints(Backend(queued), "whole") == {}
    waiting.put(None)
    thread.join()


def test_a_backend_that_asks_equal_questions_once_passes():
    """Questions in flight that are equal in all that is asked share an answer."""
    flying, lock = {}, threading.Lock()

    def shared(*given, **options):
        key = repr((given, options))
        with lock:
            first = key not in flying
            future = flying.setdefault(key, Future())
        if first:
            try:
                future.set_result(bare.complete(*given, **options))
            except HarnessError as error:
                future.set_exception(error)
            del flying[key]
        return future.result()

    assert complaints(Backend(shared), "whole") == {}


def test_a_backend_that_is_awaited_only_passes():
    assert complaints(Backend(bare.complete, awaited_only), "async stream") == {}


def test_what_does_not_show_again_is_blamed_on_no_quirk():
    question = replace(exemplars("openai", stream=True)[0], quirks=frozenset({"crlf"}))
    assert guilty("D2", question, lambda _: False) == "D2"
    assert guilty("D2", question, lambda one: bool(one.quirks)) == "S4"


def test_an_unusual_backend_that_is_wrong_is_found():
    def wrong(*given, **options):
        reply = own_tuples(*given, **options)
        return replace(reply, calls=[one._replace(parameters={}) for one in reply.calls])

    assert complaints(Backend(wrong), "whole").keys() & {"D5", "D6"}
