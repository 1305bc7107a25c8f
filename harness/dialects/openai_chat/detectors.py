"""Which quirks a chat completion shows. ``detection`` says how detectors answer."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.dialects.detection import (
    LINES,
    LONG,
    Detector,
    ParsedAnswer,
    comments,
    no_arguments,
    no_done,
    returns_and_feeds,
    stopped_with_calls,
)
from harness.dialects.facts import dicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json

_LONG_ID = 40
_OPENAIS = frozenset({"refusal", "annotations", "obfuscation"})


@dataclass(frozen=True, slots=True, eq=False)
class _Chat:
    """The parts of a completion: its objects, the first choice of each, and its messages or deltas. ``calls`` are the
    fragments of each call in order, one each in a whole answer.
    """

    answer: ParsedAnswer
    objects: tuple[dict[str, Json], ...]
    choices: tuple[dict[str, Json], ...]
    deltas: tuple[dict[str, Json], ...]
    calls: tuple[tuple[dict[str, Json], ...], ...]

    @property
    def first(self) -> dict[str, Json]:
        return self.deltas[0] if self.deltas else {}

    @property
    def words(self) -> list[Json]:
        return [one.get("finish_reason") for one in self.choices]

    @property
    def word(self) -> Json:
        return next((word for word in self.words if word), None)

    @property
    def usages(self) -> list[dict[str, Json]]:
        """The objects that hold token counts."""
        return [one for one in self.objects if one.get("usage")]

    @property
    def legacy(self) -> bool:
        return any((one.get("function_call") or {}).get("name") for one in self.deltas)

    @property
    def fragments(self) -> list[dict[str, Json]]:
        return [one for delta in self.deltas for one in dicts(delta.get("tool_calls"))]

    @property
    def long(self) -> list[tuple[dict[str, Json], ...]]:
        """The calls whose arguments would come in several pieces; none where calls can't be put together."""
        return [call for call in self.calls if len(_text(call)) > LONG]


def _function(fragment: dict[str, Json]) -> dict[str, Json]:
    found = fragment.get("function")
    return found if isinstance(found, dict) else {}


def _text(call: tuple[dict[str, Json], ...]) -> str:
    return "".join(one for part in call if isinstance(one := _function(part).get("arguments"), str))


@lru_cache(4)
def _chat(answer: ParsedAnswer) -> _Chat:
    objects = tuple(answer.objects)
    choices = tuple(found[0] for one in objects if (found := dicts(one.get("choices"))))
    key = "delta" if answer.stream else "message"
    deltas = tuple(one[key] for one in choices if isinstance(one.get(key), dict))
    calls: dict[Json, list[dict[str, Json]]] = defaultdict(list)
    for number, part in enumerate(one for delta in deltas for one in dicts(delta.get("tool_calls"))):
        index = part.get("index") if answer.stream else None
        calls[index if isinstance(index, int) and index >= 0 else f"alone {number}"].append(part)
    return _Chat(answer, objects, choices, deltas, tuple(map(tuple, calls.values())))


def _on(judge: Callable[[_Chat], bool | None], *, stream: bool | None = None) -> Detector:
    def detector(answer: ParsedAnswer) -> bool | None:
        return judge(_chat(answer)) if stream in (None, answer.stream) else None

    return detector


def _plain(chat: _Chat) -> bool:
    keys = {key for group in (chat.objects, chat.choices, chat.deltas) for one in group for key in one}
    return not keys & _OPENAIS


def _content(judge: Callable[[dict[str, Json]], bool | None]) -> Callable[[_Chat], bool | None]:
    """Of a message with calls and without text."""

    def detector(chat: _Chat) -> bool | None:
        answer = chat.answer
        silent = (chat.calls or chat.legacy) and not answer.reply.text and not _repeated(chat)
        listed = any(isinstance(one.get("content"), list) for one in chat.deltas)
        return judge(chat.first) if silent and not listed else None

    return detector


def _reasoning(judge: Callable[[_Chat], bool]) -> Callable[[_Chat], bool | None]:
    """Of reasoning that has a key of its own."""

    def detector(chat: _Chat) -> bool | None:
        return judge(chat) if any(one.get(key) for one in chat.deltas for key in _REASONING) else None

    return detector


_REASONING = ("reasoning", "reasoning_content")


def _no_call(value: Json, *, but: Json = ...) -> Callable[[_Chat], bool | None]:
    """Of a message without calls: whether ``tool_calls`` is ``value``; no occasion where it is ``but``."""

    def detector(chat: _Chat) -> bool | None:
        values = [one["tool_calls"] for one in chat.deltas if "tool_calls" in one]
        return None if chat.calls or chat.legacy or but in values else value in values

    return detector


def _ids(judge: Callable[[list[Json]], bool | None]) -> Callable[[_Chat], bool | None]:
    return lambda chat: judge([call[0].get("id") for call in chat.calls]) if chat.calls else None


def _same(ids: list[Json]) -> bool | None:
    there = [one for one in ids if one and not _dotted(ids)]
    return len(set(there)) == 1 if len(there) > 1 else None


def _dotted(ids: list[Json]) -> bool | None:
    there = [one for one in ids if isinstance(one, str) and one]
    return all(re.fullmatch(r"functions\..+:\d+", one) for one in there) if there else None


def _long(ids: list[Json]) -> bool | None:
    return None if not any(ids) or _dotted(ids) else any(len(str(one)) > _LONG_ID for one in ids)


_NOTHING = ("missing", "empty_string", "null_string", "null")


def _nothing(word: str) -> Callable[[_Chat], bool | None]:
    """Of a call without arguments: whether they are written so, and no way before it in the table."""

    def detector(chat: _Chat) -> bool | None:
        kinds = [kind for call in chat.calls if (kind := _kind(call))]
        if not kinds or kinds[0] in _NOTHING[: _NOTHING.index(word)]:
            return None
        return kinds[0] == word

    return detector


def _kind(call: tuple[dict[str, Json], ...]) -> str:
    """How a call without arguments is written; ``""`` for one that has some."""
    arguments = [_function(part)["arguments"] for part in call if "arguments" in _function(part)]
    texts = any(isinstance(one, str) for one in arguments)
    raw = "".join(one for one in arguments if one) if texts else (arguments or [None])[0]
    if not no_arguments(raw):
        return ""
    if not arguments:
        return "missing"
    return {"": "empty_string", "null": "null_string", None: "null"}.get(
        raw if isinstance(raw, str | None) else "{}", "{}"
    )


def _object(chat: _Chat) -> bool | None:
    arguments = [one for part in chat.fragments if not no_arguments(one := _function(part).get("arguments"))]
    return any(isinstance(one, dict) for one in arguments) if arguments else None


def _no_usage(chat: _Chat) -> bool | None:
    if chat.usages or any((one.get("x_groq") or {}).get("usage") for one in chat.objects):
        return False
    requested = (chat.answer.request.get("stream_options") or {}).get("include_usage") or not chat.answer.request
    return True if requested or not chat.answer.stream else None


def _repeated(chat: _Chat) -> bool | None:
    if not chat.answer.stream or len(chat.deltas) < 2:  # noqa: PLR2004 - one chunk repeats nothing
        return None
    return 2 * sum("role" in one for one in chat.deltas) > len(chat.deltas)


def _role_alone(chat: _Chat) -> bool | None:
    reply = chat.answer.reply
    if len(chat.calls) + chat.legacy != 1 or reply.text or reply.reasoning or reply.refusal:
        return None
    return not chat.first.get("tool_calls") and not chat.first.get("function_call")


def _finish_chunk(chat: _Chat) -> bool | None:
    """Whether the chunk that names the finish reason has a text or call too."""
    spoken = [any((one.get("delta") or {}).get(key) for key in _SPOKEN) for one in chat.choices]
    return spoken[chat.words.index(chat.word)] if chat.word and any(spoken) else None


_SPOKEN = ("content", "tool_calls", "reasoning", "reasoning_content", "function_call", "refusal")


def _no_word(chat: _Chat) -> bool:
    return not chat.word and "" not in chat.words


def _usage_in_finish(chat: _Chat) -> bool | None:
    if any((one.get("x_groq") or {}).get("usage") for one in chat.objects) and not chat.usages:
        return False
    return any(one.get("choices") for one in chat.usages) if chat.usages else None


def _x_groq(chat: _Chat) -> bool | None:
    there = any((one.get("x_groq") or {}).get("usage") for one in chat.objects)
    return there if (chat.usages or there) and not _usage_in_finish(chat) else None


def _index(judge: Callable[[list[Json]], bool | None]) -> Callable[[_Chat], bool | None]:
    return lambda chat: judge([one.get("index") for one in chat.fragments]) if chat.fragments else None


def _together(chat: _Chat) -> bool | None:
    if len(chat.calls) < 2:  # noqa: PLR2004 - one call is in one chunk by itself
        return None
    return any(len(dicts(one.get("tool_calls"))) > 1 for one in chat.deltas)


def _separate(chat: _Chat) -> list[tuple[dict[str, Json], ...]]:
    """The calls that could come in several chunks, where nothing else keeps them whole."""
    indexed = all(isinstance(one.get("index"), int) and one["index"] >= 0 for one in chat.fragments)
    return chat.long if indexed and not _together(chat) else []


def _one_chunk(chat: _Chat) -> bool | None:
    return all(len(call) == 1 for call in some) if (some := _separate(chat)) else None


def _pieces(
    judge: Callable[[tuple[dict[str, Json], ...]], bool], *, but: Detector | None = None
) -> Callable[[_Chat], bool | None]:
    """Of calls that come in several chunks; no occasion where ``but`` is shown."""

    def detector(chat: _Chat) -> bool | None:
        some = [call for call in _separate(chat) if len(call) > 1]
        return any(map(judge, some)) if some and not (but and but(chat.answer)) else None

    return detector


def _started(call: tuple[dict[str, Json], ...]) -> bool:
    return bool(_function(call[0]).get("arguments"))


def _interleaved(chat: _Chat) -> bool | None:
    several = [call for call in _separate(chat) if len(call) > 1]
    order = [one["index"] for one in chat.fragments] if len(several) > 1 else []
    return order != sorted(order) if order else None


_AT_ONCE = _on(_pieces(_started), stream=True)
_ID_REPEATED = _on(
    _pieces(lambda call: any(one.get("id") or _function(one).get("name") for one in call[1:])), stream=True
)

DETECTORS: dict[str, Detector] = {
    "plain": _on(_plain),
    "service_tier": _on(
        lambda chat: any(
            isinstance(tier := one.get("service_tier"), str) and tier not in {"default", "auto"} for one in chat.objects
        )
    ),
    "content_filters": _on(
        lambda chat: any(
            key in one
            for one in (*chat.objects, *chat.choices)
            for key in ("prompt_filter_results", "content_filter_results")
        )
    ),
    "native_finish_reason": _on(lambda chat: any("native_finish_reason" in one for one in chat.choices)),
    "leading_blanks": _on(lambda chat: chat.answer.text[:1].isspace(), stream=False),
    "content_empty": _on(_content(lambda first: first.get("content") == "")),
    "content_missing": _on(_content(lambda first: None if first.get("content") == "" else "content" not in first)),
    "content_parts": _on(
        lambda chat: (
            any(isinstance(one.get("content"), list) for one in chat.deltas)
            if chat.answer.reply.text or chat.answer.reply.reasoning
            else None
        )
    ),
    "reasoning_key": _on(_reasoning(lambda chat: not any(one.get("reasoning_content") for one in chat.deltas))),
    "reasoning_details": _on(_reasoning(lambda chat: any(one.get("reasoning_details") for one in chat.deltas))),
    "tool_calls_null": _on(_no_call(None)),
    "tool_calls_empty": _on(_no_call([], but=None)),
    "function_call": _on(lambda chat: chat.legacy if len(chat.calls) + chat.legacy == 1 else None),
    "function_call_empty": _on(
        lambda chat: (
            None
            if chat.legacy
            else any(
                isinstance(one.get("function_call"), dict) and not one["function_call"].get("name")
                for one in chat.deltas
            )
        )
    ),
    "custom_empty": _on(
        lambda chat: any("custom" in call[0] and call[0].get("function") for call in chat.calls) if chat.calls else None
    ),
    "type_missing": _on(lambda chat: not any(call[0].get("type") for call in chat.calls) if chat.calls else None),
    "index_in_whole": _on(
        lambda chat: all("index" in call[0] for call in chat.calls) if chat.calls else None, stream=False
    ),
    "id_missing": _on(_ids(lambda ids: ids.count(None) == len(ids))),
    "id_empty": _on(_ids(lambda ids: None if None in ids else not any(ids))),
    "id_same": _on(_ids(_same)),
    "id_dotted": _on(_ids(_dotted)),
    "id_long": _on(_ids(_long)),
    **{f"arguments_{word}": _on(_nothing(word)) for word in _NOTHING},
    "arguments_object": _on(_object),
    "finish_null": _on(lambda chat: _no_word(chat) if chat.choices else None),
    "finish_empty": _on(lambda chat: None if not chat.choices or _no_word(chat) else not chat.word),
    "finish_stop": _on(
        lambda chat: stopped_with_calls(chat.word, stop="stop", calls="tool_calls") if chat.calls else None
    ),
    "no_usage": _on(_no_usage),
    "role_alone": _on(_role_alone, stream=True),
    "role_repeated": _on(_repeated, stream=True),
    "message_beside_delta": _on(lambda chat: any("message" in one for one in chat.choices), stream=True),
    "finish_absent": _on(
        lambda chat: "finish_reason" not in chat.choices[0] if len(chat.choices) > 1 else None, stream=True
    ),
    "finish_in_call_chunk": _on(_finish_chunk, stream=True),
    "finish_repeated": _on(lambda chat: sum(map(bool, chat.words)) > 1 if chat.word else None, stream=True),
    "usage_in_finish_chunk": _on(_usage_in_finish, stream=True),
    "usage_in_x_groq": _on(_x_groq, stream=True),
    "index_missing": _on(_index(lambda found: None in found), stream=True),
    "index_minus_one": _on(_index(lambda found: None if None in found else -1 in found), stream=True),
    "calls_in_one_chunk": _on(_together, stream=True),
    "call_in_one_chunk": _on(_one_chunk, stream=True),
    "interleaved": _on(_interleaved, stream=True),
    "arguments_at_once": _AT_ONCE,
    "arguments_null_first": _on(
        _pieces(lambda call: _function(call[0]).get("arguments", "") is None, but=_AT_ONCE), stream=True
    ),
    "id_and_name_repeated": _ID_REPEATED,
    "name_null_later": _on(
        _pieces(lambda call: any(_function(one).get("name", "") is None for one in call[1:]), but=_ID_REPEATED),
        stream=True,
    ),
    "no_done": no_done,
    "comments": comments,
    "crlf": returns_and_feeds,
    **LINES,
}
