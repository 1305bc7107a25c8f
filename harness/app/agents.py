"""Who is asked in the place of our backend: another backend, an agent's function, or an agent's command."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from harness.core.chat import Reply
from harness.core.errors import AgentError, HarnessError, UsageError
from harness.engine.user_code import named
from harness.interception import context
from harness.laws.tested_backend import backend_at
from harness.server.program import agent_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.app.settings import Settings
    from harness.core.chat import Json
    from harness.engine.runner import SendQuestion
    from harness.suite import Model

_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_SECONDS = 600.0
_MOST_SAID = 300
_PRETEND_KEY = "replayed-with-no-key"


def is_command(agent: str) -> bool:
    """Whether an agent is a program of its own."""
    return bool(agent) and not _NAME.fullmatch(agent)


def asking(settings: Settings, *, replaying: bool) -> SendQuestion | None:
    """How ``settings`` say that questions are asked; None for our own backend. Raises ``UsageError``."""
    if settings.backend:
        return _backend(settings.backend, replaying=replaying)
    if not settings.agent:
        return None
    if is_command(settings.agent):
        return _command(settings.agent, replaying=replaying)
    return _function(settings.agent)


def _backend(name: str, *, replaying: bool) -> SendQuestion:
    complete = backend_at(name).complete

    def ask(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        del wrong_key  # its keys are its own affair
        options: dict[str, Any] = dict(words)
        if model.hostname:
            options["api_base"] = model.hostname
        if replaying:
            options["api_key"] = _PRETEND_KEY
        elif model.api_key_env:
            options["api_key"] = os.environ.get(model.api_key_env, "")
        messages = options.pop("messages")
        return _reply(lambda: complete(model.id, messages, **options), name)

    return ask


def _function(name: str) -> SendQuestion:
    try:
        _, agent = named(name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"there is no agent at {name!r}: {error}") from error
    if not callable(agent):
        raise UsageError(f"{name!r} can't be called; an agent is agent(messages) and gives its final text")
    takes = inspect.signature(agent).parameters

    def ask(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        del wrong_key
        known = {"model": model.id, "tools": words.get("tools"), "base_url": model.hostname}
        more = {key: value for key, value in known.items() if key in takes}

        def call() -> Any:
            given = agent(words["messages"], **more)
            return asyncio.run(given) if inspect.iscoroutine(given) else given

        return _reply(call, name)

    return ask


def _command(command: str, *, replaying: bool) -> SendQuestion:
    program = shlex.split(command)

    def ask(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        del wrong_key
        answer = context.current()
        if answer is None:
            raise UsageError(f"the agent {program[0]!r} has no tape around it")
        given = json.dumps({"model": model.id, "base_url": model.hostname, **words}, default=str)
        with agent_environment(answer, replaying=replaying) as more:
            return _reply(lambda: _said(program, given, more), program[0])

    return ask


def _said(words: list[str], given: str, more: Mapping[str, str]) -> str:
    """What a command writes for a question."""
    try:
        done = subprocess.run(  # noqa: S603 - to run it is what was asked
            words,
            input=given.encode(),
            env={**os.environ, **more},
            stdout=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        raise UsageError(f"{words[0]}: the agent can't be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise AgentError(f"the agent {words[0]} ran for {_SECONDS:g} seconds and was ended") from error
    text = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        raise AgentError(f"the agent {words[0]} ended with {done.returncode}; it wrote {text[-_MOST_SAID:]!r}")
    return text


def _reply(call: Callable[[], Any], name: str) -> Reply:
    """What was answered, as a reply. An exception of the agent's own is an ``AgentError``."""
    try:
        given = call()
    except HarnessError:
        raise
    except Exception as error:  # it is code of the user's: whatever it raises is told as its failure
        raise AgentError(f"{name} failed: {type(error).__name__}: {error}") from error
    if isinstance(given, Reply):
        return given
    if given is None:
        raise AgentError(f"{name} gave no answer; it must give its final text")
    text = given
    if not isinstance(given, str):
        with contextlib.suppress(TypeError, ValueError):
            text = json.dumps(given, ensure_ascii=False)
    return Reply(text=str(text), finish="stop")
