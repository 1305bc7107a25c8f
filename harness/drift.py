"""Where verification meets the rest: cassettes, keys and redaction, put together for the command."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.assembly import LOCAL_KEY, provenance
from harness.backend.config import provider_of
from harness.backend.keys import VARIABLES
from harness.backend.prices import dollars
from harness.cassette import Cassette, load, recordings, save
from harness.cassette.redaction import Redactor, known_secrets
from harness.cassette.remote import published
from harness.chat import Reply
from harness.errors import UsageError
from harness.run import resend
from harness.run.decoded import read
from harness.run.expiry import Policy, days
from harness.run.verify import Target
from harness.wire import dialect_at

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from harness.exchange import Exchange
    from harness.run.events import Job
    from harness.run.verify import Send, Verified

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_QUOTED = {"calls", "called", "call_errors", "text"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A target, its provider, and the variable that its key is in; ``""`` for none."""

    target: Target
    provider: str
    variable: str


def of_jobs(jobs: Sequence[Job], policy: Policy, now: dt.datetime) -> tuple[Asked, ...]:
    """What can be verified of these jobs: those that have a cassette. Raises ``CassetteError``, ``UsageError``."""
    found = []
    for job in jobs:
        if job.cassette.exists():
            provider = provider_of(job.model.id)
            variables = (job.model.api_key_env,) if job.model.api_key_env else VARIABLES.get(provider, ())
            target = _target(job.cassette, job.suite, job.model.id, policy, now)
            found.append(Asked(target, provider, "|".join(name for name in variables if name)))
    if not found:
        raise UsageError("nothing is recorded of what was chosen; record it first: harness record")
    return tuple(found)


def of_files(paths: Sequence[str], policy: Policy, now: dt.datetime) -> tuple[Asked, ...]:
    """Cassettes by themselves, files or folders of them, whatever suite they are of. Raises as ``of_jobs``."""
    files: list[Path] = []
    for path in map(Path, paths):
        files += recordings(path)
    if not files:
        raise UsageError(f"{', '.join(paths)}: there is no cassette in it")
    return tuple(_asked_of(file, policy, now) for file in files)


def _asked_of(file: Path, policy: Policy, now: dt.datetime) -> Asked:
    target = _target(file, file.parent.parent.name, "", policy, now)
    for exchange in target.cassette.exchanges:
        if urlsplit(exchange.request.url).hostname in _LOOPBACK:
            return Asked(target, "", LOCAL_KEY)
        if dialect := dialect_at(exchange.request.url):
            return Asked(target, dialect.name, "|".join(VARIABLES.get(dialect.name, ())))
    return Asked(target, "", "")


def _target(file: Path, suite: str, model: str, policy: Policy, now: dt.datetime) -> Target:
    cassette = load(file)
    kind = "synthetic recordings are nobody's answers" if cassette.provenance.kind == "synthetic" else ""
    age = days(cassette.provenance.recorded, now)
    return Target(
        path=file,
        suite=suite,
        cassette=cassette,
        digest=hashlib.sha256(file.read_bytes()).hexdigest(),
        unsendable=tuple(kind or resend.unsendable(one) for one in cassette.exchanges),
        dollars=tuple(_price(model, one) for one in cassette.exchanges),
        days=age,
        age=policy.of(suite).judge(age),
    )


def _price(model: str, exchange: Exchange) -> float:
    reply = read(exchange)
    return (dollars(model, reply.usage) or 0.0) if isinstance(reply, Reply) and model else 0.0


def sender(asked: Sequence[Asked], environment: Mapping[str, str], *, hostname: str = "") -> Send:
    """How the requests of ``asked`` are sent. Answers come redacted, as recordings are.

    Raises ``UsageError`` before anything is sent where a key is missing.
    """
    keys = {one.target.path: _key(one, environment) for one in asked}
    redactor = Redactor(known_secrets(filter(None, keys.values())))
    providers = {one.target.path: one.provider for one in asked}
    client = resend.client()

    def send(target: Target, recorded: Exchange) -> Exchange:
        headers = resend.key_headers(recorded, providers[target.path], keys[target.path])
        answer = resend.sent(client, recorded.request, keys=headers, hostname=hostname)
        return replace(redactor.exchange(answer), request=recorded.request)

    return send


def _key(one: Asked, environment: Mapping[str, str]) -> str:
    names = one.variable.split("|") if one.variable else []
    key = next((environment[name] for name in names if environment.get(name)), "")
    if names and not key and not all(one.target.unsendable):
        hint = " (--local sets it)" if LOCAL_KEY in names else ""
        raise UsageError(f"{one.target.path} is asked with the key in {' or '.join(names)}, which is not set{hint}")
    return key


def unaccepted(verified: Verified) -> str:
    """Why the new answers of a cassette can't take the place of the old ones; ``""`` where they can."""
    if verified.fresh is None:
        return "not every question was answered"
    last = f"exchange {len(verified.fresh) - 1}"
    if any(one.what in _QUOTED and not one.path.startswith(last) for one in verified.steady):
        return "a later question quotes an answer that is another now; record the case again: harness rerecord"
    return ""


def accept(verified: Verified, source: str, secrets: Sequence[str]) -> None:
    """Put the new answers in the place of the old ones, dated now. Raises what ``save`` raises."""
    assert verified.fresh is not None
    old = verified.target.cassette.provenance
    made = replace(provenance(old.kind, source or old.source), litellm=old.litellm)
    save(verified.target.path, Cassette(made, verified.fresh), secrets=secrets)
    published(verified.target.path)


def secrets_of(asked: Sequence[Asked], environment: Mapping[str, str]) -> list[str]:
    """The keys that these are asked with."""
    names = {name for one in asked for name in one.variable.split("|")}
    return [environment[name] for name in sorted(names) if environment.get(name)]
