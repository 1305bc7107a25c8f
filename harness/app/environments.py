"""Isolated environments with one litellm each, made once and reused, to look at the same things under many versions."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

import harness
from harness.core.errors import UsageError
from harness.core.folders import cache_folder
from harness.drift.bisect import VersionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.core.chat import Json

COMPROMISED = "1.107."
"""Releases that are never installed: they were compromised."""
OURS = (
    "vcrpy>=9.4",
    "hypothesis>=6.150",
    "pydantic>=2.12",
    "pyyaml>=6",
    "jsonschema>=4.25",
    "rich>=13.9.4",
    "jinja2>=3.1",
    "platformdirs>=4.5",
    "filelock>=3.20",
)
"""What this package needs beside litellm."""
CLOUDS = ("boto3", "google-auth")
"""Without them litellm asks no Bedrock, and no Claude on Vertex."""
_DONE = "complete.json"
_NOT_THERE = re.compile(r"No matching distribution found for ([^\s(]+)")
_CONFLICT = re.compile(r"(?m)^ {4}litellm \S+ depends on ([^\s;]+)")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_WORDS = 300


@dataclass(slots=True)
class Environment:
    """An environment of one litellm. ``relaxed`` are requirements that nothing fulfils, and that were dropped;
    ``added`` packages that litellm needs and does not declare.
    """

    folder: Path
    version: str
    relaxed: list[str]
    added: list[str]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def keep(self) -> None:
        """Mark it as whole."""
        state = {"litellm": self.version, "relaxed": self.relaxed, "added": self.added}
        (self.folder / _DONE).write_text(json.dumps(state), encoding="utf-8")


def versions(oldest: str, newest: str) -> list[str]:
    """Every release of litellm from ``oldest`` to ``newest``, as pip's index has them. Raises ``UsageError``."""
    low, high = _version(oldest), _version(newest)
    if low >= high:
        raise UsageError(f"--oldest {oldest} is not before --newest {newest}")
    done = _pip([sys.executable], "index", "versions", "litellm")
    listed = re.search(r"Available versions: (.+)", done.stdout)
    if listed is None:
        raise UsageError(f"pip can't list litellm's versions ({_last(done.stderr)}); name them with --versions")
    known = sorted({_version(one) for one in listed[1].split(", ")})
    found = [str(one) for one in known if low <= one <= high and not allowed(str(one))]
    for end in (oldest, newest):
        if str(_version(end)) not in found:
            raise UsageError(f"litellm {end}: {allowed(end) or 'the index has no such version'}")
    return found


def allowed(version: str) -> str:
    """Why ``version`` is never installed; ``""`` where it may be."""
    compromised = version.startswith(COMPROMISED) or version == COMPROMISED.rstrip(".")
    return "is a compromised release, and never installed" if compromised else ""


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise UsageError(f"{text!r} is no version, such as 1.109.1") from None


def environment(version: str, say: Callable[[str], object] = len) -> Environment | VersionFailed:
    """The environment of ``version``: the one that is there, or made now."""
    if why := allowed(version):
        return VersionFailed(why)
    folder = cache_folder("litellm") / version
    with _locked(folder):
        done = folder / _DONE
        if done.exists():
            known = json.loads(done.read_text(encoding="utf-8"))
            return Environment(folder, version, known["relaxed"], known["added"])
        say(f"litellm {version}: installing")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            venv.create(folder, with_pip=True, symlinks=True)
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise UsageError(f"{folder}: no environment can be made there: {error}") from error
        made = Environment(folder, version, [], [])
        if why := _install(made):
            shutil.rmtree(folder, ignore_errors=True)
            return VersionFailed(why)
        made.keep()
        return made


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One at a time: two commands may want the same version."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{folder.name}.lock"):
            yield
    except OSError as error:
        raise UsageError(f"{folder.parent}: no environment can be kept there: {error.strerror}") from error


def _install(made: Environment) -> str:
    """Install litellm as it declares itself; why it can't be, ``""`` when it is done.

    What it requires and no index has is released, and said.
    """
    pins = [f"litellm=={made.version}", *OURS, *CLOUDS]
    done = _pip([str(made.python)], "install", *pins)
    if done.returncode == 0:
        return ""
    if re.search(r"No matching distribution found for litellm", done.stderr):
        return "the index has no such version"
    alone = _pip([str(made.python)], "install", "--no-deps", f"litellm=={made.version}")
    if alone.returncode:
        return f"can't be installed: {_last(alone.stderr)}"
    needs = _requirements(made)
    while True:
        done = _pip([str(made.python)], "install", *map(str, needs), *OURS, *CLOUDS)
        if done.returncode == 0:
            return ""
        loose = _loosened(needs, done.stderr)
        if loose is None:
            return f"its requirements can't be installed: {_last(done.stderr)}"
        made.relaxed.append(str(loose))


def _requirements(made: Environment) -> list[Requirement]:
    """What the installed litellm declares that it needs here, extras aside."""
    read = "import importlib.metadata, json; print(json.dumps(importlib.metadata.requires('litellm') or []))"
    done = subprocess.run([made.python, "-c", read], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    found = map(Requirement, json.loads(done.stdout))
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": ""})]


def _loosened(needs: list[Requirement], complaint: str) -> Requirement | None:
    """Drop the version of the requirement that pip says it can't fulfil; the one that it was."""
    named = [*_NOT_THERE.findall(complaint), *_CONFLICT.findall(complaint)]
    names = {Requirement(one).name.lower() for one in named if re.match(r"[A-Za-z]", one)}
    for place, one in enumerate(needs):
        if one.name.lower() in names and one.specifier:
            needs[place] = Requirement(one.name)
            return one
    return None


def add(made: Environment, module: str) -> str:
    """Install the package that an undeclared ``module`` is in, by its own name; why it can't be, ``""`` when done."""
    package = module.partition(".")[0]
    done = _pip([str(made.python)], "install", package)
    if done.returncode:
        return (
            f"needs the module {module}, which it does not declare and which can't be installed: {_last(done.stderr)}"
        )
    made.added.append(package)
    made.keep()
    return ""


def observed(made: Environment, providers: Sequence[str], cassettes: Sequence[str]) -> dict[str, Json]:
    """What this litellm does with the exemplars of ``providers`` and with ``cassettes``, offline.

    Raises ``UsageError`` where it can't be run at all.
    """
    request = json.dumps({"providers": list(providers), "cassettes": list(cassettes)})
    source = str(Path(harness.__file__).parent.parent)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HARNESS_"))}
    done = subprocess.run(  # noqa: S603 - our own program in an environment that we made
        [made.python, "-m", "harness.app.observed_behaviour"],
        input=request,
        env={**environment, "PYTHONPATH": source, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UsageError(f"litellm {made.version} can't be run: {_last(done.stderr)}")
    return dict(json.loads(line) for line in done.stdout.splitlines())


def look(
    version: str, providers: Sequence[str], cassettes: Sequence[str], say: Callable[[str], object] = len
) -> dict[str, Json] | VersionFailed:
    """What litellm ``version`` does, in an environment of its own that is made where there is none.

    A package that it needs and does not declare is found by its absence, installed, and listed under ``needs``.
    """
    made = environment(version, say)
    if isinstance(made, VersionFailed):
        return made
    while True:
        say(f"litellm {version}: looking")
        try:
            observed_values = observed(made, providers, cassettes)
        except UsageError as error:
            return VersionFailed(str(error))
        module = undeclared(observed_values)
        if not module or module.partition(".")[0] in made.added:
            return {**observed_values, "needs litellm": {"undeclared": sorted(made.added)}}
        if why := add(made, module):
            return VersionFailed(why)


def undeclared(observed_values: dict[str, Json]) -> str:
    """The module that most answers failed for want of; ``""`` where none did."""
    messages = [
        one.get("told", "") for what, one in observed_values.items() if what.startswith(("answer", "recording"))
    ]
    missing = [found[1] for one in messages if (found := _NO_MODULE.search(one))]
    return max(set(missing), key=missing.count) if missing else ""


def _pip(python: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    line = [*python, "-m", "pip", "--disable-pip-version-check", "--no-input", *words]
    return subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603 - pip, with our own words


def _last(text: str) -> str:
    """The last thing that a program complained of."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    return (lines[-1] if lines else "it gave no reason")[:_WORDS]
