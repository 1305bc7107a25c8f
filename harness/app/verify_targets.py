"""Where verification meets the rest: cassettes, keys and redaction, put together for the command."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.app.assembly import provenance
from harness.app.starter import LOCAL_KEY
from harness.backend.models import FREE, key_variables, price, provider_of, refuse_unpriced
from harness.cassette import Cassette, load, recordings, save
from harness.cassette.secrets.redaction import Redactor, known_secrets
from harness.cassette.storage.remote import published
from harness.core.errors import UsageError
from harness.dialects.providers import is_local, profile
from harness.dialects.registry import read_chat_request as read_request
from harness.drift import resend
from harness.drift.expiry import days
from harness.drift.verify import VerifyRequest

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from harness.backend.models import Price
    from harness.core.exchange import Exchange
    from harness.drift.expiry import Policy
    from harness.drift.verify import Send, VerifiedCassette
    from harness.engine.events import Job

_QUOTED = {"calls", "called", "call_errors", "text"}


@dataclass(frozen=True, slots=True)
class VerifyTarget:
    """A target, its provider, and the variables of which one holds its key. ``required`` says that it is known to need
    one.
    """

    target: VerifyRequest
    provider: str
    variables: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """How cassettes are looked at: by which rules of age and on which day, sent to which host (``""``: the recorded
    ones), and whether each must have a price.
    """

    policy: Policy
    now: dt.datetime
    hostname: str = ""
    priced: bool = False


def of_jobs(jobs: Sequence[Job], terms: Terms) -> tuple[VerifyTarget, ...]:
    """What can be verified of these jobs: those that have a cassette. Raises ``CassetteError``, ``UsageError``."""
    found = []
    for job in jobs:
        if job.has_cassette:
            provider = provider_of(job.model.id)
            target = _target(job.cassette, job.suite, job.model.id, terms)
            own = (job.model.api_key_env,) if job.model.api_key_env else ()
            found.append(
                VerifyTarget(
                    target, provider, own or key_variables(provider), bool(own) or bool(profile(provider).keys)
                )
            )
    if not found:
        raise UsageError("nothing is recorded of what was chosen; record it first: harness record")
    return tuple(found)


def of_files(paths: Sequence[str], terms: Terms) -> tuple[VerifyTarget, ...]:
    """Cassettes by themselves, files or folders of them, whatever suite they are of. Raises as ``of_jobs``."""
    files: list[Path] = []
    for path in map(Path, paths):
        files += recordings(path)
    if not files:
        raise UsageError(f"{', '.join(paths)}: there is no cassette in it")
    return tuple(_target_of_file(file, terms) for file in files)


def _target_of_file(file: Path, terms: Terms) -> VerifyTarget:
    target = _target(file, file.parent.parent.name, "", terms)
    for exchange in target.cassette.exchanges:
        if is_local(exchange.request.url):
            return VerifyTarget(target, "", (LOCAL_KEY,))
        if question := read_request(exchange.request):
            provider = question.provider
            return VerifyTarget(target, provider, key_variables(provider), bool(profile(provider).keys))
    return VerifyTarget(target, "", ())


def _target(file: Path, suite: str, model: str, terms: Terms) -> VerifyRequest:
    cassette = load(file)
    kind = (
        "the recording is synthetic, so no provider can answer it again"
        if cassette.provenance.kind == "synthetic"
        else ""
    )
    unsendable = tuple(kind or resend.unsendable(one) for one in cassette.exchanges)
    costs = []
    for exchange, why in zip(cassette.exchanges, unsendable, strict=True):
        name, known = _price(model, exchange, terms.hostname)
        if terms.priced and not why:
            refuse_unpriced(f"{file} ({name})", known)
        costs.append(known or FREE)
    age = days(cassette.provenance.recorded, terms.now)
    return VerifyRequest(
        path=file,
        suite=suite,
        cassette=cassette,
        digest=hashlib.sha256(file.read_bytes()).hexdigest(),
        unsendable=unsendable,
        prices=tuple(costs),
        days=age,
        age=terms.policy.of(suite).judge(age),
    )


def _price(model: str, exchange: Exchange, hostname: str) -> tuple[str, Price | None]:
    """The model of the request, and what it costs there; None where that is not known."""
    question = read_request(exchange.request)
    if not model and question is not None and question.model:
        model = f"{question.provider}/{question.model}"
    url = resend.redirected(exchange.request.url, hostname)
    return model or url, price(model, url) if model else FREE if is_local(url) else None


def sender(targets: Sequence[VerifyTarget], environment: Mapping[str, str], *, hostname: str = "") -> Send:
    """How the requests of ``asked`` are sent. Answers come redacted, as recordings are.

    Raises ``UsageError`` before anything is sent where a key is missing; sending does where one was required that
    could not be known of before.
    """
    keys = {one.target.path: _key(one, environment) for one in targets}
    usual = {one.target.path: one.variables for one in targets}
    redactor = Redactor(known_secrets(filter(None, keys.values())))
    providers = {one.target.path: one.provider for one in targets}
    client = resend.client()

    def send(target: VerifyRequest, recorded: Exchange) -> Exchange:
        headers = resend.key_headers(recorded, providers[target.path], keys[target.path])
        answer = resend.sent(client, recorded.request, keys=headers, hostname=hostname)
        if not headers and resend.wants_key(recorded, answer):
            names = " or ".join(usual[target.path]) or "a variable that is not known here: name it in the suite's model"
            raise UsageError(f"{target.path}: no key was sent, and one is required; set {names}")
        return replace(redactor.exchange(answer), request=recorded.request)

    return send


def _key(one: VerifyTarget, environment: Mapping[str, str]) -> str:
    names = one.variables
    key = next((environment[name] for name in names if environment.get(name)), "")
    if one.required and names and not key and not all(one.target.unsendable):
        hint = " (--local sets it)" if LOCAL_KEY in names else ""
        raise UsageError(f"{one.target.path} is asked with the key in {' or '.join(names)}, which is not set{hint}")
    return key


def unaccepted(verified: VerifiedCassette) -> str:
    """Why the new answers of a cassette can't take the place of the old ones; ``""`` where they can."""
    if verified.fresh is None:
        return "not every question was answered"
    last = f"exchange {len(verified.fresh) - 1}"
    if any(one.what in _QUOTED and not one.path.startswith(last) for one in verified.steady):
        return "a later question quotes an answer that is another now; record the case again: harness record"
    return ""


def accept(verified: VerifiedCassette, source: str, secrets: Sequence[str]) -> None:
    """Put the new answers in the place of the old ones, dated now. Raises what ``save`` raises."""
    assert verified.fresh is not None
    old = verified.target.cassette.provenance
    made = replace(provenance(old.kind, source or old.source), litellm=old.litellm)
    save(verified.target.path, Cassette(made, verified.fresh), secrets=secrets)
    published(verified.target.path)


def secrets_of(targets: Sequence[VerifyTarget], environment: Mapping[str, str]) -> list[str]:
    """The keys that these are asked with."""
    names = {name for one in targets for name in one.variables}
    return [environment[name] for name in sorted(names) if environment.get(name)]
