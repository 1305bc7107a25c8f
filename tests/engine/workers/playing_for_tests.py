"""A recipe whose cases do what their first message says: workers in processes of their own import it from here."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness.core.errors import DuplicateToolError
from harness.core.finding import Finding, Observation
from harness.engine.events import CaseResult, Job
from harness.suite.case import Case, Model


def job(number: int, does: str = "well", *words: str) -> Job:
    case = Case.model_validate({"id": f"c{number}", "messages": [{"user": " ".join((does, *map(str, words)))}]})
    return Job("some", case, Model(name="m", backend="openai"), Path("x.json"))


@dataclass(frozen=True)
class ForTests:
    """``folder`` gets a line in ``played`` for each case that is begun."""

    preload: ClassVar = ()
    folder: str
    opens: str = "well"

    @contextlib.contextmanager
    def __call__(self, turns):
        if self.opens == "dies":
            os._exit(7)
        if self.opens == "refuses":
            raise DuplicateToolError(["a", "a"])
        yield lambda job: self.play(job, turns)

    def play(self, job, turns):
        does, *words = job.case.messages[0].user.split()
        with (Path(self.folder) / "played").open("a") as file:
            file.write(f"{job.case.id} {os.getpid()} {time.monotonic()}\n")
        getattr(self, does)(turns, *words)
        error = DuplicateToolError(["a", "a"])
        seen = Observation("some", job.case.id, "m", {"messages": []}, error=error)
        found = Finding("error", "fail", "as always")
        return CaseResult("some", job.case.id, "m", "x.json", (found,), (seen,))

    def well(self, turns):
        pass

    def slow(self, turns, seconds):
        time.sleep(float(seconds))

    def dies(self, turns):
        os.kill(os.getpid(), signal.SIGKILL)

    def dies_once(self, turns):
        with contextlib.suppress(FileExistsError):
            (Path(self.folder) / "died").touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)

    def crashes(self, turns):
        raise ZeroDivisionError("a bug")

    def asks(self, turns, dollars="0", seconds="0"):
        turns.take(float(dollars))
        time.sleep(float(seconds))
        with (Path(self.folder) / "asked").open("a") as file:
            file.write(f"{time.monotonic()}\n")
        turns.settle(float(dollars), float(dollars) / 2)
