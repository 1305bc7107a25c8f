"""A user's own rule of what makes two requests the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json

PLACES = ("method", "host", "path", "query", "body", "form", "bytes")


@dataclass(frozen=True, slots=True)
class Matcher:
    """``ignore`` are dotted paths of what is left out: ``body.user``, ``body.messages.*.name`` (``*`` is each item of a
    list, each field of an object), ``query.api-version``, ``host``. ``change`` then gets what is left, as
    ``matching.canonical`` describes it, and gives back what is to be compared.

    Raises ``UsageError`` for a path that begins with none of ``PLACES``.
    """

    ignore: tuple[str, ...] = ()
    change: Callable[[dict[str, Json]], dict[str, Json]] | None = None

    def __post_init__(self) -> None:
        for one in self.ignore:
            if one.split(".")[0] not in PLACES:
                raise UsageError(f"a rule can't ignore {one!r}; it begins with one of {', '.join(PLACES)}")

    def applied(self, canonical: dict[str, Json]) -> dict[str, Json]:
        """``canonical`` without what is ignored, changed by ``change``. The value given stays as it is."""
        for one in self.ignore:
            place, _, name = one.partition(".")
            if place in {"query", "form"} and name:
                canonical = _without_pair(canonical, place, name)
            else:
                canonical = _without(canonical, one.split("."))
        return canonical if self.change is None else self.change(canonical)


def _without(value: Json, steps: list[str]) -> Json:
    first, rest = steps[0], steps[1:]
    if isinstance(value, list) and first == "*":
        return [_without(inner, rest) for inner in value] if rest else []
    if not isinstance(value, dict):
        return value
    names = set(value) if first == "*" else {first} & value.keys()
    if not rest:
        return {name: inner for name, inner in value.items() if name not in names}
    return {name: _without(inner, rest) if name in names else inner for name, inner in value.items()}


def _without_pair(canonical: dict[str, Json], place: str, name: str) -> dict[str, Json]:
    """``canonical`` without the pairs called ``name``: of a query they are texts ``name=value``, of a form lists."""
    if place not in canonical:
        return canonical
    kept = [pair for pair in canonical[place] if _called(pair) != name]
    made = {part: value for part, value in canonical.items() if part != place}
    return {**made, place: kept} if kept else made


def _called(pair: Json) -> str:
    return str(pair[0]) if isinstance(pair, list) else str(pair).partition("=")[0]
