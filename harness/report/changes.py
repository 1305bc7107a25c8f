"""What a new recording of a case says otherwise than the old one: questions, and what the answers decode to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.cassette import matching
from harness.chat import Reply
from harness.report.exchanges import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cassette import Cassette
    from harness.exchange import Exchange


def changes(before: Cassette, after: Cassette) -> list[str]:
    """A line for each thing that differs; ids, times and token counts are no change."""
    told: list[str] = []
    for place, (old, new) in enumerate(zip(before.exchanges, after.exchanges, strict=False)):
        told += [f"exchange {place}: {one}" for one in _between(old, new)]
    number = len(after.exchanges) - len(before.exchanges)
    if number:
        told.append(
            f"{abs(number)} exchange{'s' if abs(number) > 1 else ''} {'more' if number > 0 else 'fewer'} than before"
        )
    return told


def _between(old: Exchange, new: Exchange) -> Iterator[str]:
    for one in matching.differences(old.request, new.request):
        yield f"asked otherwise: {one.replace(', asked ', ', now ')}"
    was, now = _outcome(old), _outcome(new)
    for name in dict.fromkeys((*was, *now)):
        if was.get(name) != now.get(name):
            yield f"{name} was {was.get(name, 'none')}, is {now.get(name, 'none')}"


def _outcome(exchange: Exchange) -> dict[str, str]:
    found: dict[str, str] = {}
    if exchange.response is not None:
        found["status"] = str(exchange.response.status)
    if exchange.failure is not None:
        found["failure"] = exchange.failure.kind
    reply = read(exchange)
    if isinstance(reply, str):
        found["answer"] = reply
    if isinstance(reply, Reply):
        found["text"] = json.dumps(reply.text, ensure_ascii=False)
        found["finish"] = str(reply.finish)
        calls = [f"{call.name}({json.dumps(call.parameters, ensure_ascii=False)})" for call in reply.calls]
        calls += [f"{error.name}: unreadable ({error.fault})" for error in reply.errors]
        found["calls"] = ", ".join(calls) or "none"
    return found
