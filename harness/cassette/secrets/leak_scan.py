"""The second lock: what is to be written is searched for secrets once more, and not written if one is found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cassette.secrets import shapes
from harness.cassette.secrets.nested_encodings import runs, unfolded
from harness.core.errors import LeakError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.exchange import Exchange


class LeakScan:
    """Refuses what holds one of ``secrets``, one of the environment's, or anything shaped like a key."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = shapes.known_secrets(secrets)
        self._plainly = [form for secret in known for form in shapes.forms(secret)]
        self._forms = [*self._plainly, *(form for secret in known for form in shapes.coded(secret))]
        self._pieces = shapes.Pieces(known)

    def holds(self, text: str) -> bool:
        """Whether a secret, or a part of one, stands in a message."""
        data = text.encode("utf-8", "surrogatepass")
        return bool(self._plain(data, self._forms) or self._folded(data, cut=True))

    def hits(self, data: bytes) -> Iterator[tuple[str, int]]:
        """All that is found, not only the first, with their places; the surest first."""
        for form in self._forms:
            at = data.find(form)
            while at >= 0:
                yield "a known secret", at
                at = data.find(form, at + len(form))
        for start, _, _ in self._pieces.runs(data):
            yield "a piece of a known secret", start
        shaped = False
        for start, _, name in shapes.shaped(data):
            shaped = True
            yield f"what looks like {name}", start
        for inner in () if shaped else shapes.unescaped(data):
            if found := self._plain(inner, self._plainly):
                yield found[0], self._place(data, self._plainly)
                break
        if hidden := self._folded(data):
            places = [start for start, end in runs(data) if self._folded(data[start:end])]
            yield from ((f"{hidden}, in another writing", place) for place in places or [0])

    def refuse_text(self, text: str, path: str) -> None:
        """Raise ``LeakError`` with the line if ``text`` holds a secret."""
        found = self._found(text.encode("utf-8", "surrogatepass"))
        if found:
            what, start = found
            line = text.encode("utf-8", "surrogatepass").count(b"\n", 0, start) + 1
            raise LeakError(f"{path}: line {line} holds {what}; it was not written")

    def refuse_exchange(self, exchange: Exchange, path: str) -> None:
        """Raise ``LeakError`` with the part if ``exchange`` holds a secret, in raw bytes or over chunks."""
        request, response = exchange.request, exchange.response
        parts = {
            "the URL": request.url.encode(),
            "the request's headers": json.dumps(request.headers).encode(),
            "the request's body": request.body,
        }
        if response is not None:
            parts["the response's headers"] = json.dumps(response.headers).encode()
            parts["the response's body"] = response.body
        if exchange.failure is not None:
            parts["the failure"] = exchange.failure.detail.encode()
        for name, data in parts.items():
            if found := self._found(data):
                # The URL is told only where it is clean, which is known by then.
                url = request.url.partition("?")[0] if name != "the URL" else "…"
                where = f"{name} of {request.method} {url}"
                raise LeakError(f"{path}: {where} holds {found[0]}; it was not written")

    def _found(self, data: bytes) -> tuple[str, int] | None:
        if found := self._plain(data, self._forms):
            return found
        for inner in shapes.unescaped(data):
            if found := self._plain(inner, self._plainly):
                return found[0], self._place(data, self._plainly)
        if hidden := self._folded(data):
            # Where: in the first part that holds it by itself.
            place = next((start for start, end in runs(data) if self._folded(data[start:end])), 0)
            return f"{hidden}, in another writing", place
        return None

    def _place(self, data: bytes, forms: Iterable[bytes]) -> int:
        """The first line of ``data`` that holds a secret once its escapes are read."""
        place = 0
        for line in data.splitlines(keepends=True):
            if any(self._plain(inner, forms) for inner in (line, *shapes.unescaped(line))):
                return place
            place += len(line)
        return 0

    def _folded(self, data: bytes, *, cut: bool = False) -> str | None:
        found = (self._plain(inner, self._plainly) for inner in unfolded(data, cut=cut))
        return next((one[0] for one in found if one), None)

    def _plain(self, data: bytes, forms: Iterable[bytes]) -> tuple[str, int] | None:
        for form in forms:
            place = data.find(form)
            if place >= 0:
                return "a known secret", place
        for start, _, _ in self._pieces.runs(data):
            return "a piece of a known secret", start
        for start, _, name in shapes.shaped(data):
            return f"what looks like {name}", start
        return None


def put_aside(text: str, name: str) -> Path:
    """Keep what was caught where only its owner can read it, outside any repository; its path."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = home / "harness" / "caught"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = 0
    while True:
        path = folder / f"{name[:100]}.{number}.json"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return path
