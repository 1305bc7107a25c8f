"""What a command runs with. Precedence is worked out here and nowhere else:
flags, then the environment, then ``[tool.harness]`` in pyproject.toml, then defaults.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cassette.modes import in_ci, requested_mode
from harness.core.errors import UsageError
from harness.drift.expiry import Policy, policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.cassette.matching import Matcher

PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """``suites`` are files and folders, ``cassettes`` the folder of recordings (of those in a store, whose URL is
    ``store``, the folder that mirrors them), ``record_mode`` a
    ``RecordMode``. ``ci`` says that this is a CI job, which never records. ``ignore`` and ``match_function``
    (``module:attribute``), from pyproject.toml alone, are what a ``Matcher`` is made of; ``checks`` are the user's own
    for behaviour cards, ``expiry`` is how old recordings may be, both from there too, as are ``allow`` (hosts that a
    test reaches past its tape), ``ignore_hosts`` (whose requests are side traffic), ``allow_subprocesses``, ``vcr``
    (whether tests marked so are ours), and ``drop_headers`` (headers of answers that are not recorded, such as
    ``x-team-*``).
    ``backend`` (``module:attribute``) is asked in the place of ours, or an ``agent``: such a name, or a command.
    """

    suites: tuple[Path, ...] = (Path("suites"),)
    cassettes: Path = Path("cassettes")
    record_mode: str = "none"
    ci: bool = False
    ignore: tuple[str, ...] = ()
    match_function: str = ""
    checks: tuple[str, ...] = ()
    expiry: Policy = field(default_factory=Policy)
    store: str = ""
    allow: tuple[str, ...] = ()
    ignore_hosts: tuple[str, ...] = ()
    allow_subprocesses: bool = False
    vcr: bool = False
    drop_headers: tuple[str, ...] = ()
    backend: str = ""
    agent: str = ""

    def matcher(self) -> Matcher | None:
        """What does not count when requests are compared, beside what never does. Raises ``UsageError``."""
        from harness.cassette.matching import Matcher  # noqa: PLC0415 - most often there is none

        if not (self.ignore or self.match_function):
            return None
        return Matcher(self.ignore, _function(self.match_function) if self.match_function else None)


_NAMES = tuple(one.name for one in fields(Settings) if one.name not in {"ci", "store"})
_FLAGS = ("suites", "cassettes", "record_mode", "backend", "agent")
_LISTS = {"suites", "ignore", "checks", "allow", "ignore_hosts", "drop_headers"}
_SWITCHES = {"allow_subprocesses", "vcr"}


def settings(
    flags: Mapping[str, Any], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """The settings for a command. ``flags`` of None were not given.

    ``HARNESS_SUITES`` (paths, separated as in PATH), ``HARNESS_CASSETTES`` and ``HARNESS_RECORD_MODE`` are read
    from the environment. Paths in pyproject.toml count from its folder. Raises ``UsageError``.
    """
    environment = os.environ if environment is None else environment
    chosen: dict[str, Any] = _from_pyproject(folder or Path.cwd())
    for name in _FLAGS:
        if value := environment.get(f"HARNESS_{name.upper()}"):
            chosen[name] = value.split(os.pathsep) if name == "suites" else value
    chosen.update({name: flags[name] for name in _FLAGS if flags.get(name)})
    made: dict[str, Any] = {name: tuple(value) if name in _LISTS else value for name, value in chosen.items()}
    made |= {"ci": in_ci(environment), "expiry": policy(chosen.get("expiry", {}), "[tool.harness] expiry")}
    if "suites" in chosen:
        made["suites"] = tuple(map(Path, chosen["suites"]))
    if "cassettes" in chosen:
        made |= _recordings(chosen["cassettes"])
    if "record_mode" in chosen:
        made["record_mode"] = requested_mode(chosen["record_mode"])
    return Settings(**made)


def _is_url(root: str | Path) -> bool:
    """Whether recordings are in a store, and in no folder."""
    return "://" in str(root)


def _recordings(root: str | Path) -> dict[str, Any]:
    """Where recordings are: a folder, or the mirror of a store, brought up to date now."""
    if not _is_url(root):
        return {"cassettes": Path(root)}
    from harness.cassette.storage.remote import mirrored  # noqa: PLC0415 - most often they are in a folder

    return {"cassettes": mirrored(str(root)), "store": str(root)}


def _function(name: str) -> Any:
    """The function at ``module:attribute``, found from the current folder too."""
    from harness.engine.user_code import named  # noqa: PLC0415 - most often there is none

    try:
        _, found = named(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"[tool.harness] match_function {name!r} is not there ({error}); write module:attribute"
        ) from error
    if not callable(found):
        raise UsageError(f"[tool.harness] match_function {name!r} can't be called")
    return found


def _from_pyproject(folder: Path) -> dict[str, Any]:
    file = next((place / PYPROJECT for place in (folder, *folder.parents) if (place / PYPROJECT).is_file()), None)
    if file is None:
        return {}
    import tomllib  # noqa: PLC0415 - most often there is nothing to read

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("harness", {})
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: can't be read: {error}") from error
    return _checked(table, file)


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name, _NAMES, 1)
    return f"did you mean {near[0]}?" if near else f"it knows {', '.join(_NAMES)}"


def _checked(table: dict[str, Any], file: Path) -> dict[str, Any]:
    for name, value in table.items():
        if name not in _NAMES:
            raise UsageError(f"{file}: [tool.harness] has no key {name!r}; {_hint(name)}")
        if name == "expiry":
            continue  # it says itself what it must be
        if name in _SWITCHES:
            if not isinstance(value, bool):
                raise UsageError(f"{file}: [tool.harness] {name} must be true or false")
            continue
        expected = list if name in _LISTS else str
        if not isinstance(value, expected) or (expected is list and not all(isinstance(one, str) for one in value)):
            raise UsageError(
                f"{file}: [tool.harness] {name} must be {'a list of texts' if expected is list else 'text'}"
            )
    found = dict(table)
    if "suites" in found:
        found["suites"] = [str(file.parent / path) for path in found["suites"]]
    if "cassettes" in found and not _is_url(found["cassettes"]):
        found["cassettes"] = str(file.parent / found["cassettes"])
    return found
