"""Answers so far, a line each, on disk before the next question: what an interrupted run goes on from."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, TextIO

from harness.cassette.format import document
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.chat import Json
    from harness.core.exchange import Exchange

_FORMAT = 1


class AnswerLog:
    """The answers in the file at ``path``, asked of ``target``. Those of another target are none of ours.

    An answer belongs to the digest of the cassette that it was asked for: where that has changed since, it is asked
    again. A torn last line is passed over. Raises ``UsageError`` where the file can't be written.
    """

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self._found: dict[tuple[str, int, int], Exchange] = {}
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        ours = bool(lines) and _value(lines[0]) == self._head(target)
        for line in lines[1:] if ours else ():
            self._take(_value(line))
        self.resumed = len(self._found)
        self._file = self._open(target, fresh=not ours)

    def get(self, digest: str, index: int, repeat: int) -> Exchange | None:
        return self._found.get((digest, index, repeat))

    def keep(self, digest: str, index: int, repeat: int, exchange: Exchange) -> None:
        """On disk when this returns."""
        self._found[digest, index, repeat] = exchange
        line = {
            "of": digest,
            "place": index,
            "repeat": repeat,
            "exchange": document.from_exchange(exchange, plain=True),
        }
        self._write(line)

    def done(self) -> None:
        """All was asked: there is nothing to go on with."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self._file.close()

    def _open(self, target: str, *, fresh: bool) -> TextIO:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("w" if fresh else "a", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{self.path}: answers can't be stored there: {error.strerror}") from error
        self._file = file
        self._write(self._head(target)) if fresh else file.write("\n")  # a torn line ends here
        return file

    def _write(self, line: Json) -> None:
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UsageError(
                f"{self.path}: an answer could not be stored: {error.strerror}; nothing is lost"
            ) from error

    def _take(self, line: Json) -> None:
        try:
            key = (line["of"], line["place"], line["repeat"])
            self._found[key] = document.to_exchange(line["exchange"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return  # torn, or of another make: it is asked again

    @staticmethod
    def _head(target: str) -> Json:
        return {"harness-verify": _FORMAT, "target": target}


def _value(line: str) -> Json:
    try:
        return json.loads(line)
    except ValueError:
        return None
