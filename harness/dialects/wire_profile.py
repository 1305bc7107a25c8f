"""How one provider's answers are written in one dialect, with the counts that show it: mined from recordings.

A profile holds facts and no text: which quirks of the dialect were shown, of how many answers that could show them;
the forms of ids and the words of finish reasons; how often text stands beside calls. Drawing by a profile chooses the
quirks at those rates. The profiles in ``harness/dialects/profiles`` were mined from public recordings.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias

import pydantic
from annotated_types import Ge, Le

from harness.core.errors import HarnessError, UsageError
from harness.dialects.detection import parse_answer
from harness.dialects.registry import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random

    from harness.core.chat import CallError, Finish, Reply, ToolCall
    from harness.core.exchange import Exchange, HttpResponse
    from harness.dialects.chat_request import ChatRequest

FORMAT = 1
SHIPPED = Path(__file__).parent / "profiles"
Mode: TypeAlias = Literal["whole", "stream"]
_OK = 200


_MOST = 10**15
_WRONG_KINDS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What a detector raises at values of kinds that the dialect doesn't have."""
Count: TypeAlias = Annotated[int, Ge(0), Le(_MOST)]


class Tally(NamedTuple):
    """``shown`` of ``eligible`` answers that could show it; ``example`` is where the first of them stands."""

    shown: Count
    eligible: Count
    example: str = ""

    @property
    def share(self) -> float:
        return self.shown / self.eligible if self.eligible else 0.0


Tallies: TypeAlias = dict[str, Tally]


class WireProfile(pydantic.BaseModel):
    """``quirks`` are tallies by the names of the dialect's quirks, ``replies`` of what answers hold: ``calls`` (where
    tools were offered), ``several_calls``, ``text_beside_calls``, ``no_arguments``, ``reasoning``, ``limited`` (by
    length) and ``filtered``. ``ids`` counts answers by the form of their calls' ids, ``finishes`` by the provider's
    word, ``pieces`` streams by the characters of text and arguments an event, ``sources`` by where they are from.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    format: Literal[1]
    provider: str
    dialect: str
    answers: dict[Mode, Count]
    quirks: dict[Mode, Tallies]
    replies: dict[Mode, Tallies]
    ids: dict[Mode, dict[str, Annotated[int, Ge(1), Le(_MOST)]]]
    finishes: dict[str, Count]
    pieces: dict[str, Count]
    sources: dict[str, Count]

    @pydantic.field_validator("quirks", "replies")
    @classmethod
    def _shares(cls, value: dict[Mode, Tallies]) -> dict[Mode, Tallies]:
        for mode, tallies in value.items():
            for name, tally in tallies.items():
                if tally.shown > tally.eligible:
                    raise ValueError(f"{mode} {name} was shown more often than it could be")
        return value

    @pydantic.field_validator("finishes")
    @classmethod
    def _words(cls, value: dict[str, int]) -> dict[str, int]:
        if unseen := [word for word, number in value.items() if not number]:
            raise ValueError(f"{unseen[0][:80]!r} was never counted; leave it out")
        return value

    @pydantic.field_validator("ids")
    @classmethod
    def _forms(cls, value: dict[Mode, dict[str, int]]) -> dict[Mode, dict[str, int]]:
        for form in (one for forms in value.values() for one in forms):
            groups = _GROUP.findall(form)
            known = all(kind in _CLASSES and int(number) <= _LONGEST for kind, number in groups)
            if not known or set(_GROUP.sub("", form).replace(_NAMED, "")) & set("[]{}"):
                raise ValueError(f"{form[:80]!r} is no form of ids; write one as {_FORM}")
        return value

    @property
    def name(self) -> str:
        return f"{self.provider}.{self.dialect}"

    def rates(self, what: Literal["quirks", "replies"], *, stream: bool) -> Tallies:
        """The tallies of a mode; where no answer in it could show something, those of the other."""
        both = self.quirks if what == "quirks" else self.replies
        whole, streamed = both.get("whole", {}), both.get("stream", {})
        return {**whole, **streamed} if stream else {**streamed, **whole}

    def shown(self) -> frozenset[str]:
        """The quirks that were shown at all."""
        return frozenset(name for some in self.quirks.values() for name, tally in some.items() if tally.shown)

    def quirks_for(self, rng: Random, reply: Reply, *, stream: bool) -> frozenset[str]:
        """Quirks that ``reply`` can show, each drawn at its rate; those of ids belong to ``new_id``."""
        dialect = DIALECTS[self.dialect]
        rates = self.rates("quirks", stream=stream)
        drawn = {name for name, tally in rates.items() if name not in OF_IDS and rng.random() < tally.share}
        if reply.calls and _DOTTED.fullmatch(reply.calls[0].id) and "id_dotted" in dialect.quirks:
            drawn.add("id_dotted")
        with suppress(HarnessError):
            plain = dialect.render(reply, stream=stream)
            parsed = parse_answer(plain, dialect.read(plain))
            drawn = {name for name in drawn if dialect.detectors[name](parsed) is not None}
        for name in ("", *sorted(drawn)):
            with suppress(UsageError):
                dialect.render(reply, stream=stream, quirks=frozenset(drawn - {name}))
                return frozenset(drawn - {name})
        return frozenset()

    def finish_word(self, rng: Random, finish: Finish) -> str | None:
        """The provider's word for ``finish``, one of those that were counted at their rates; None where none was."""
        facts = DIALECTS[self.dialect].facts
        words = {word: number for word, number in self.finishes.items() if facts.finish(word) == finish}
        return rng.choices(list(words), list(words.values()))[0] if words else None

    def id_form(self, rng: Random, *, stream: bool) -> str:
        """The form of the ids of one answer, at its rate."""
        first, other = self.ids.get("whole", {}), self.ids.get("stream", {})
        forms = (other or first if stream else first or other) or {_FORM: 1}
        return rng.choices(list(forms), list(forms.values()))[0]


OF_IDS = frozenset({"id_long", "id_dotted"})
"""Quirks that the form of an id shows by itself."""
_FORM = "call_[A-Za-z0-9]{24}"
_LONGEST = 1000
_LOWER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
_CLASSES = {
    "0-9": _DIGITS,
    "0-9a-f": _DIGITS + "abcdef",
    "A-Za-z0-9": _LOWER.upper() + _LOWER + _DIGITS,
    "A-Za-z0-9_-": _LOWER.upper() + _LOWER + _DIGITS + "_-",
    "!-~": _LOWER.upper() + _LOWER + _DIGITS + "_-.:|+/=",
}
_GROUP = re.compile(r"\[([^\]]+)\]\{(\d+)\}")
_PREFIX = re.compile(r"(?:(?:call|toolu|tooluse|vrtx|bdrk|chatcmpl|tool|fc|ctc|srvtoolu|function)[_:-])*")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_FORM = "-".join(f"[0-9a-f]{{{size}}}" for size in (8, 4, 4, 4, 12))
_NAMED = "functions.<name>:[0-9]{1}"
_DOTTED = re.compile(r"functions\..+:\d+")


def form_of(value: str) -> str:
    """The form of an id: known words at its start, then classes of characters and their number.

    >>> form_of("call_0aB3")
    'call_[A-Za-z0-9]{4}'
    """
    if _DOTTED.fullmatch(value):
        return _NAMED
    found = _PREFIX.match(value)
    prefix = found[0] if found else ""
    rest = value.removeprefix(prefix)
    if _UUID.fullmatch(rest):
        return prefix + _UUID_FORM
    kind = next((name for name, letters in _CLASSES.items() if set(rest) <= set(letters)), "!-~")
    return f"{prefix}[{kind}]{{{len(rest)}}}" if rest else prefix


def new_id(form: str, rng: Random, name: str, number: int) -> str:
    """An id of ``form`` for call ``number``, to the tool ``name``."""
    if form == _NAMED:
        return f"functions.{name}:{number}"
    return _GROUP.sub(lambda group: "".join(rng.choices(_CLASSES[group[1]], k=int(group[2]))), form)


def _widened(forms: Mapping[str, int]) -> dict[str, int]:
    """``forms`` with those joined that differ in a class of characters alone: the widest holds them all."""
    joined: dict[str, tuple[str, int]] = {}
    for form, number in sorted(forms.items(), key=lambda one: -_width(one[0])):
        key = _GROUP.sub(lambda group: f"{{{group[2]}}}", form)
        widest, before = joined.get(key, (form, 0))
        joined[key] = widest, before + number
    return dict(sorted(joined.values(), key=lambda one: -one[1]))


def _width(form: str) -> int:
    return sum(len(_CLASSES[kind]) for kind, _ in _GROUP.findall(form))


_SIZES = {"below 1": 1, "1 to 3": 4, "4 to 7": 8, "8 to 15": 16, "16 to 63": 64, "64 and more": math.inf}


@dataclass(slots=True)
class Miner:
    """Counts what the answers of one provider in one dialect show, as they come."""

    provider: str
    dialect: str
    answers: Counter[Mode] = field(default_factory=Counter)
    quirks: dict[Mode, Tallies] = field(default_factory=dict)
    replies: dict[Mode, Tallies] = field(default_factory=dict)
    ids: dict[Mode, Counter[str]] = field(default_factory=dict)
    finishes: Counter[str] = field(default_factory=Counter)
    pieces: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)

    def add(self, response: HttpResponse, request: ChatRequest, origin: str = "", source: str = "") -> bool:
        """Count one answer. False for an error, and for one that can't be read.

        ``origin`` says where it stands, ``source`` where it is from.
        """
        known = DIALECTS[self.dialect]
        if response.status != _OK:
            return False
        try:
            reply = known.read(response)
            parsed = parse_answer(response, reply, request.body)
            shown = {name: detector(parsed) for name, detector in known.detectors.items()}
            habits = _habits(reply, request)
            calls: tuple[ToolCall | CallError, ...] = (*reply.calls, *reply.errors)
            forms = [form_of(call.id) for call in calls if call.id][:1]
            named = bool(reply.raw_finish and re.fullmatch(r"[A-Za-z_]{1,40}", reply.raw_finish))
        except (HarnessError, *_WRONG_KINDS):
            return False
        mode: Mode = "stream" if parsed.stream else "whole"
        self.answers[mode] += 1
        self.sources[source] += bool(source)
        quirks = self.quirks.setdefault(mode, {})
        for name, holds in shown.items():
            _count(quirks, name, holds, origin)
        for name, holds in habits.items():
            _count(self.replies.setdefault(mode, {}), name, holds, origin)
        if named and reply.raw_finish:
            self.finishes[reply.raw_finish] += 1
        if forms:
            self.ids.setdefault(mode, Counter())[forms[0]] += 1
        size = len(reply.text) + sum(len(json.dumps(call.parameters)) for call in reply.calls)
        if parsed.stream and size:
            self.pieces[next(name for name, bar in _SIZES.items() if size / len(parsed.events) < bar)] += 1
        return True

    def profile(self) -> WireProfile:
        """What was counted."""
        return WireProfile(
            format=1,
            provider=self.provider,
            dialect=self.dialect,
            answers=dict(self.answers),
            quirks=self.quirks,
            replies=self.replies,
            ids={mode: _widened(forms) for mode, forms in self.ids.items()},
            finishes=dict(self.finishes.most_common()),
            pieces={name: self.pieces[name] for name in _SIZES if self.pieces[name]},
            sources=dict(self.sources.most_common()),
        )


@dataclass(slots=True)
class Miners:
    """A miner for each provider and dialect."""

    of: dict[tuple[str, str], Miner] = field(default_factory=dict)

    def add(self, exchange: Exchange, request: ChatRequest, origin: str = "", source: str = "") -> None:
        """Count the answer of ``exchange``, if there is a whole one; the rest as ``Miner.add`` has it."""
        dialect = DIALECTS.get(request.dialect)
        if (
            exchange.response is None
            or exchange.failure
            or not exchange.complete
            or not (dialect and dialect.detectors)
        ):
            return
        key = request.provider, request.dialect
        self.of.setdefault(key, Miner(*key)).add(exchange.response, request, origin, source)

    def profiles(self) -> list[WireProfile]:
        return [one.profile() for _, one in sorted(self.of.items()) if one.answers]


def _count(into: Tallies, name: str, holds: bool | None, origin: str) -> None:
    if holds is not None:
        before = into.get(name, Tally(0, 0))
        example = before.example or (origin if holds else "")
        into[name] = Tally(before.shown + holds, before.eligible + 1, example)


def _habits(reply: Reply, request: ChatRequest) -> dict[str, bool | None]:
    """What ``replies`` counts of one answer."""
    calls = bool(reply.calls)
    ended = reply.finish if not calls and reply.finish else None
    return {
        "calls": calls if request.tools and request.choice in (None, "auto") else None,
        "several_calls": len(reply.calls) > 1 if calls else None,
        "text_beside_calls": bool(reply.text) if calls else None,
        "no_arguments": any(not call.parameters for call in reply.calls) if calls else None,
        "reasoning": bool(reply.reasoning),
        "limited": ended == "length" if ended else None,
        "filtered": ended == "content_filter" if ended not in (None, "length") else None,
    }


def dumped(profile: WireProfile) -> str:
    """The profile as JSON, a tally on each line."""
    text = json.dumps(profile.model_dump(), indent=1, ensure_ascii=False)
    return re.sub(r"\[\n\s+(\d+),\n\s+(\d+),\n\s+(\".*\")\n\s+\]", r"[\1, \2, \3]", text) + "\n"


def save(profiles: Iterable[WireProfile], folder: Path) -> list[Path]:
    """Write each as ``provider.dialect.json``. Raises ``UsageError`` for a folder that can't be written to."""
    made = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in profiles:
            made.append(folder / f"{one.name}.json")
            made[-1].write_text(dumped(one), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: can't be written: {error.strerror}") from error
    return made


def load(path: Path) -> WireProfile:
    """The profile in a file. Raises ``UsageError`` for one that is damaged or of another version or dialect."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is no profile: {error}; mine it again: harness card --from … --profiles DIR"
        ) from error
    if isinstance(document, dict) and document.get("format", FORMAT) != FORMAT:
        version = f"{path} is a profile of format {document['format']!r}"
        raise UsageError(
            f"{version}, and format {FORMAT} is read here; mine it again: harness card --from … --profiles DIR"
        )
    try:
        made = WireProfile.model_validate(document)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise UsageError(f"{path} is no profile: {where}: {first['msg']}") from error
    dialect = DIALECTS.get(made.dialect)
    if dialect is None or not dialect.detectors:
        able = ", ".join(sorted(one.name for one in DIALECTS.values() if one.detectors))
        raise UsageError(f"{path} is of the dialect {made.dialect!r}, of which no answers are drawn; there are {able}")
    unknown = sorted({name for some in made.quirks.values() for name in some} - dialect.detectors.keys())
    if unknown:
        raise UsageError(
            f"{path}: {made.dialect} has no quirk {', '.join(unknown[:3])}{' and others' if unknown[3:] else ''}"
        )
    return made


def profiles_at(name: str) -> tuple[WireProfile, ...]:
    """The profiles that ``name`` means: a file, a folder of them, or a provider of which one is shipped
    (``groq``, ``openai.openai_responses``). Raises ``UsageError`` where there is none.
    """
    path = Path(name)
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise UsageError(f"{path} holds no profile; harness card --from RECORDINGS --profiles {path} mines some")
        return tuple(map(load, files))
    if path.exists():
        return (load(path),)
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.json"))}
    found = [file for stem, file in shipped.items() if name in (stem, stem.rpartition(".")[0])]
    if not found:
        known = ", ".join(dict.fromkeys(stem.rpartition(".")[0] for stem in shipped))
        raise UsageError(f"{name} is no file, no folder, and no provider with a profile; there are {known}")
    return tuple(map(load, found))
