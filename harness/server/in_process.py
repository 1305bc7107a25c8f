"""Serve from inside a test or a program: a block with a server of its own, at any free port of this machine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from harness.server import synthetic
from harness.server.app import App
from harness.server.recording_index import RecordingIndex, gathered
from harness.server.replay import Replay
from harness.server.rules import Rules, from_file
from harness.server.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.server.replay import Answers


class Served:
    """A server that is up. ``url`` is the base URL of most SDKs, ``openai`` that of OpenAI's and its kin."""

    def __init__(self, url: str, app: App, answers: Answers) -> None:
        self.url, self.openai = url, f"{url}/v1"
        self._app, self._answers = app, answers

    @property
    def misses(self) -> list[str]:
        """What no recording answered, and what the nearest one has instead: the last 200."""
        return [why for _, why in self._app.ledger.misses]

    @property
    def unused(self) -> list[str]:
        """The recordings that nobody asked for, as ``file#place``."""
        pairs = zip(self._answers.recorded, self._answers.used, strict=True)
        return [one.label for one, times in pairs if not times]


@contextlib.contextmanager
def replaying(
    *cassettes: Path | str, repeat: bool = False, faults: Path | str | None = None, pace: float | None = None
) -> Iterator[Served]:
    """Serve cassettes: files, or folders of them. ``faults`` is a file of rules; ``pace`` is 1 for the recorded times.

    Raises ``UsageError`` for a folder without cassettes, and the errors of reading one.
    """
    with _served(RecordingIndex(gathered(cassettes), repeat=repeat), faults, pace) as one:
        yield one


@contextlib.contextmanager
def answering(script: Path | str | None = None, *, faults: Path | str | None = None) -> Iterator[Served]:
    """Serve the replies of a script, or made-up ones, in every dialect, without any recording."""
    answers = synthetic.made_up() if script is None else synthetic.scripted(synthetic.script(script))
    with _served(answers, faults, None) as one:
        yield one


@contextlib.contextmanager
def answering_by(answers: Answers) -> Iterator[Served]:
    """Serve what a source of one's own answers, such as ``scripted_model.scripted_model()``."""
    with _served(answers, None, None) as one:
        yield one


@contextlib.contextmanager
def _served(answers: Answers, faults: Path | str | None, pace: float | None) -> Iterator[Served]:
    rules = Rules(from_file(faults) if faults else ())
    app = App(Replay(answers, rules=rules, pace=pace))
    with serving(app) as handle:
        yield Served(handle.url, app, answers)
