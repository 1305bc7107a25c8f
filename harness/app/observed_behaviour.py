"""All that one litellm does with fixed questions and recordings, as plain values that two of them can be compared by.

The questions are the laws' exemplars, answered in each provider's own bytes (synthetic); the recordings are read again.
A program of its own, so that it can run under any litellm: ``python -m harness.app.observed_behaviour``
reads what is wanted from standard input as JSON, and writes what it saw to standard output, a line each.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.cards.reread import reread
from harness.cassette import load
from harness.core.chat import Reply
from harness.dialects.registry import read_chat_request
from harness.laws import ALL_LAWS, run_trial
from harness.laws.exemplars import exemplars
from harness.laws.known_faults import known
from harness.laws.provider_options import provers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest
    from harness.laws import Law, Trial

_LONGEST = 400
_MOST = 4


def observe(providers: Sequence[str], cassettes: Sequence[str]) -> Iterator[tuple[str, Json]]:
    """``(what, seen)`` for every law, answer and request of each provider and mode, and each recorded exchange."""
    for provider in provers(tuple(providers)):
        for stream in (False, True):
            yield from _laws(provider, stream=stream)
    for file in cassettes:
        for place, exchange in enumerate(load(file).exchanges):
            question = read_chat_request(exchange.request)
            if question is not None:
                observation = reread(exchange, place, question, cassette=file, complete=complete)
                yield f"recording {file} {place}", decoded(observation.reply, observation.error)


def _laws(provider: str, *, stream: bool) -> Iterator[tuple[str, Json]]:
    mode = "stream" if stream else "whole"
    judged: dict[str, Json] = {}
    for number, question in enumerate(exemplars(provider, stream=stream)):
        trial = run_trial(question, complete)
        where = f"{provider} {mode} {number}"
        yield f"answer {where}", decoded(trial.reply, trial.error)
        yield f"request {where}", {"names": asdict(trial.mentions), "sent": [_sent(one) for one in trial.requests]}
        for law in ALL_LAWS:
            complaint = _complaint(law, trial)
            if complaint is None:
                continue
            verdict = judged.setdefault(law.id, {"verdict": "holds", "judged": 0})
            verdict["judged"] += 1
            if complaint and (fault := _fault(trial, law.id)):
                verdict["verdict"] = "known fault" if verdict["verdict"] == "holds" else verdict["verdict"]
                verdict["fault"] = fault
            elif complaint:
                verdict["verdict"] = "broken"
                complaints = verdict.setdefault("told", [])
                if len(complaints) < _MOST and complaint[:_LONGEST] not in complaints:
                    complaints.append(complaint[:_LONGEST])
    for law_id, found in judged.items():
        yield f"law {law_id} {provider} {mode}", found


def _complaint(law: Law, trial: Trial) -> str | None:
    try:
        return law.judge(trial)
    except Exception as error:  # noqa: BLE001 - a law that an old litellm makes crash is broken by it
        return f"the law crashed: {type(error).__name__}: {error}"


def _fault(trial: Trial, law_id: str) -> str:
    """The known fault of litellm that ``trial`` shows; ``""`` where it is none."""
    try:
        found = known(trial, law_id)
    except Exception:  # noqa: BLE001 - what an old litellm makes of a question, no fault need know
        return ""
    return found.name if found else ""


def decoded(reply: Reply | None, error: BaseException | None) -> Json:
    """A reply, or an error by its class and words, as JSON. Ids that the backend makes are the same each time."""
    if isinstance(reply, Reply):
        made = asdict(reply)
        return {key: one for key, one in made.items() if one and key not in ("id", "state")}
    return {"error": type(error).__name__, "told": str(error)[:_LONGEST]}


def _sent(request: HttpRequest) -> Json:
    """Where a request went and what it asked, without what differs from call to call."""
    try:
        body = json.loads(request.body)
    except ValueError:
        body = len(request.body)
    return {"method": request.method, "url": request.url.partition("?")[0], "body": body}


def main() -> None:
    """Do what standard input asks for. litellm and its helpers print: what they say goes to standard error."""
    request = json.loads(sys.stdin.read())
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    load_offline()
    with contextlib.closing(out):
        for what, observation in observe(request["providers"], request["cassettes"]):
            out.write(json.dumps([what, observation], ensure_ascii=True, default=str) + "\n")


if __name__ == "__main__":
    main()
