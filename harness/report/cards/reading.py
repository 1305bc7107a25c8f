"""Cards out of a JSON document: strict, and lean, for cards of fifty models are compared in CI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, get_args

from harness.core.card import Card, Cell, Mode, Rate
from harness.core.errors import UsageError
from harness.core.exchange import Provenance, ProvenanceKind
from harness.core.finding import Blame, Evidence, Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT = "harness-cards"
VERSION = 1

_HEAD = {"format", "version", "harness", "litellm", "cards"}
_CARD = {"model", "provider", "harness", "litellm", "recordings", "measures", "finishes", "cells"}
_CELL = {"check", "mode", "verdict", "rate", "infra", "unsupported", "findings", "evidence", "note", "excluded"}
NEEDED_OF_CELL = {"check", "mode", "verdict", "rate"}
_FINDING = {"check", "verdict", "message", "path", "evidence", "blame", "cause"}
_FINDING_NEEDS = {"check", "verdict", "message"}
_EVIDENCE = {"cassette", "exchanges"}
_PROVENANCE = {"kind", "recorded", "source", "litellm", "harness"}
_VERDICTS = frozenset(get_args(Verdict))
_BLAMES = frozenset(get_args(Blame))
_MODES = frozenset(get_args(Mode))
_KINDS = frozenset(get_args(ProvenanceKind))
_SHAPES = (AttributeError, KeyError, TypeError, ValueError)
"""What reading a value of another shape raises: asking for each type beforehand would double the time."""


def read(text: str, name: str = "the card") -> tuple[Card, ...]:
    """The cards of a document; ``name`` is what errors call it, a path as a rule.

    Raises ``UsageError``, one sentence, for what is no such document or one of another version.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        why = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise UsageError(f"{name} is no JSON document ({why}); write it with harness card --json") from error
    return _Reading(name).cards(value)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


class _Reading:
    """Reads one document. Rates and evidence come over and over, so each is built and judged once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._recordings: dict[tuple[Any, ...], Provenance] = {}
        self._rates: dict[tuple[Any, ...], Rate] = {}
        self._evidence: dict[tuple[Any, ...], Evidence] = {}

    def cards(self, value: Any) -> tuple[Card, ...]:
        if type(value) is not dict or value.get("format") != FORMAT:
            raise UsageError(f'{self._name} holds no cards: its "format" is not "{FORMAT}"')
        version = value.get("version")
        if type(version) is not int or version != VERSION:
            raise UsageError(
                f"{self._name} has version {version!r} of the format, and this harness reads {VERSION}; "
                "make the card again with this harness, or read it with the one that wrote it"
            )
        self._keys(value, _HEAD, _HEAD, "the document")
        self._strings(value, ("harness", "litellm"), "the document")
        return tuple(self._card(one, f"cards[{at}]") for at, one in self._items(value["cards"], "cards"))

    def _card(self, value: Any, place: str) -> Card:
        self._keys(value, _CARD, _CARD, place)
        self._strings(value, ("model", "provider", "harness", "litellm"), place)
        cells = []
        for at, one in self._items(value["cells"], f"{place}.cells"):
            try:
                cells.append(self._cell(one))
            except _SHAPES as error:
                self._wrong(f"{place}.cells[{at}]", _said(error))
        recordings = {}
        for path, one in self._pairs(value["recordings"], f"{place}.recordings"):
            recordings[path] = self._provenance(one, f"{place}.recordings[{path!r}]")
        measures = {}
        for name, one in self._pairs(value["measures"], f"{place}.measures"):
            try:
                measures[name] = self._rate(one)
            except _SHAPES as error:
                self._wrong(f"{place}.measures[{name!r}]", _said(error))
        finishes = {}
        for name, one in self._pairs(value["finishes"], f"{place}.finishes"):
            if type(one) is not list or not all(type(word) is str for word in one):
                self._wrong(f"{place}.finishes[{name!r}]", "is a list of words")
            finishes[name] = tuple(one)
        made = tuple(cells), recordings, measures, finishes
        return Card(value["model"], value["provider"], *made, value["harness"], value["litellm"])

    def _cell(self, value: Any) -> Cell:
        if not NEEDED_OF_CELL <= value.keys() <= _CELL:
            raise ValueError(_unlike(value, NEEDED_OF_CELL, _CELL))
        get = value.get
        check, note = value["check"], get("note", "")
        infra, unsupported = get("infra", 0), get("unsupported", 0)
        mode, verdict = value["mode"], value["verdict"]
        if type(check) is not str or type(note) is not str or mode not in _MODES or verdict not in _VERDICTS:
            raise ValueError("check and note are strings, mode and verdict are words of the format")
        if type(infra) is not int or type(unsupported) is not int or infra < 0 or unsupported < 0:
            raise ValueError("infra and unsupported are counts")
        excluded = get("excluded", {})
        if type(excluded) is not dict or not _counts(tuple(excluded.values())):
            raise ValueError("excluded has a count for each reason")
        found, shown = get("findings"), get("evidence")
        findings = tuple([self._finding(one) for one in found]) if found else ()
        evidence = tuple([self._proof(one) for one in shown]) if shown else ()
        return Cell(
            check, mode, verdict, self._rate(value["rate"]), infra, unsupported, findings, evidence, note, excluded
        )

    def _rate(self, value: Any) -> Rate:
        held, n, low, high = key = (value["held"], value["n"], value["low"], value["high"])
        known = self._rates.get(key)
        if known is not None and type(held) is int and type(n) is int and len(value) == len(key):
            return known
        if len(value) != len(key) or not _counts(key[:2]) or not all(type(one) in {int, float} for one in key[2:]):
            raise ValueError("a rate is held, n, low and high: two counts and two numbers")
        if not (held <= n and 0 <= low <= high <= 1):
            raise ValueError("a rate has held up to n, and low up to high within 0 to 1")
        return self._rates.setdefault(key, Rate(held, n, float(low), float(high)))

    def _finding(self, value: Any) -> Finding:
        if not _FINDING_NEEDS <= value.keys() <= _FINDING:
            raise ValueError("finding: " + _unlike(value, _FINDING_NEEDS, _FINDING))
        check, message, path = value["check"], value["message"], value.get("path", "")
        if type(check) is not str or type(message) is not str or type(path) is not str:
            raise ValueError("check, message and path of a finding are strings")
        if value["verdict"] not in _VERDICTS:
            raise ValueError("the verdict of a finding is a word of the format")
        proof, blame, cause = value.get("evidence"), value.get("blame", ""), value.get("cause", "")
        if blame not in _BLAMES or type(cause) is not str:
            raise ValueError("blame is a word of the format, cause is a string")
        proven = None if proof is None else self._proof(proof)
        return Finding(check, value["verdict"], message, path, proven, blame, cause)

    def _proof(self, value: Any) -> Evidence:
        key = (value["cassette"], *value["exchanges"])
        known = self._evidence.get(key)
        if known is not None and type(value["exchanges"]) is list and len(value) == len(_EVIDENCE):
            return known
        if value.keys() != _EVIDENCE or type(key[0]) is not str or type(value["exchanges"]) is not list:
            raise ValueError("evidence is a cassette and a list of exchanges")
        if not _counts(key[1:]):
            raise ValueError("exchanges are counted from 0")
        return self._evidence.setdefault(key, Evidence(key[0], key[1:]))

    def _provenance(self, value: Any, place: str) -> Provenance:
        self._keys(value, _PROVENANCE, _PROVENANCE, place)
        self._strings(value, tuple(_PROVENANCE), place)
        key = tuple(value[name] for name in _PROVENANCE)
        known = self._recordings.get(key)
        if known is not None:
            return known
        if value["kind"] not in _KINDS:
            self._wrong(place, f"kind is {value['kind']!r}, and not one of {', '.join(sorted(_KINDS))}")
        return self._recordings.setdefault(key, Provenance(**value))

    def _keys(self, value: Any, needed: set[str], known: set[str], place: str) -> None:
        if type(value) is not dict or not needed <= value.keys() <= known:
            self._wrong(place, _unlike(value, needed, known))

    def _strings(self, value: Mapping[str, Any], names: tuple[str, ...], place: str) -> None:
        for name in names:
            if type(value[name]) is not str:
                self._wrong(f"{place}, {name}", "this is a string in the format")

    def _items(self, value: Any, place: str) -> Iterator[tuple[int, Any]]:
        if type(value) is not list:
            self._wrong(place, "this is a list in the format")
        return iter(enumerate(value))

    def _pairs(self, value: Any, place: str) -> Iterator[tuple[str, Any]]:
        if type(value) is not dict:
            self._wrong(place, "this is an object in the format")
        return iter(value.items())

    def _wrong(self, place: str, why: str) -> NoReturn:
        raise UsageError(f"{self._name}: {place} is not as the format has it: {why}")


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return str(error) if isinstance(error, ValueError) else "a part of it has another shape; see harness schema card"


def _counts(values: tuple[Any, ...]) -> bool:
    return {*map(type, values)} <= {int} and min(values, default=0) >= 0


def _unlike(value: Any, needed: set[str], known: set[str]) -> str:
    if type(value) is not dict:
        return "this is an object in the format"
    missing, unknown = sorted(needed - value.keys()), sorted(value.keys() - known)
    told = [f"{', '.join(map(repr, missing))} is missing"] if missing else []
    told += [f"{', '.join(map(repr, unknown))} is not known"] if unknown else []
    return " and ".join(told)
