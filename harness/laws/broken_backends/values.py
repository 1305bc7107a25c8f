"""Broken in what is made of arguments: texts, numbers, keys, depth and length."""

from __future__ import annotations

import contextlib
import html
import json
import re
import unicodedata
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.laws.broken_backends.corruption import broken, everywhere, on_calls, on_parameters, text_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.laws.tested_backend import Complete


def _objects(change: Callable[[dict[str, Json]], dict[str, Json]]) -> Callable[[Complete], Complete]:
    walk = everywhere(change)
    return on_calls(lambda calls: [replace(call, parameters=walk(call.parameters)) for call in calls])


def _keys(change: Callable[[str], str]) -> Callable[[Complete], Complete]:
    return _objects(lambda one: {change(key): inner for key, inner in one.items()})


def _texts(change: Callable[[str], str]) -> Callable[[Complete], Complete]:
    return on_parameters(text_only(change))


def _lists(change: Callable[[list[Json]], list[Json]]) -> Callable[[Complete], Complete]:
    def walk(value: Json) -> Json:
        if isinstance(value, dict):
            return {key: walk(inner) for key, inner in value.items()}
        return change([walk(inner) for inner in value]) if isinstance(value, list) else value

    return on_calls(lambda calls: [replace(call, parameters=walk(call.parameters)) for call in calls])


def _shallow(levels: int) -> Callable[[Complete], Complete]:
    def walk(value: Json, level: int) -> Json:
        if level > levels and isinstance(value, (dict, list)):
            return json.dumps(value)
        if isinstance(value, dict):
            return {key: walk(inner, level + 1) for key, inner in value.items()}
        return [walk(inner, level + 1) for inner in value] if isinstance(value, list) else value

    return on_calls(lambda calls: [replace(call, parameters=walk(call.parameters, 1)) for call in calls])


def _number(text: str) -> Json:
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError):
        return float(text)
    return text


_LONG, _LARGE = 300, 1e15
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None, "None": None, "yes": True}


def _js_order(one: dict[str, Json]) -> dict[str, Json]:
    """Integer-like keys first, ascending, as JavaScript has them."""
    numbers = sorted((key for key in one if re.fullmatch(r"0|[1-9]\d*", key)), key=int)
    return {key: one[key] for key in (*numbers, *(key for key in one if key not in numbers))}


def _escapes(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of escapes that it does not know
            return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError:
        return text


def _number_if(kind: type, change: Callable[[Json], Json]) -> Callable[[Complete], Complete]:
    return on_parameters(lambda value: change(value) if type(value) is kind else value)


VALUES = broken(
    ("strings-cut-1000", "value[:1000]", _texts(lambda text: text[:1000])),
    ("strings-cut-4096", "value[:4096]", _texts(lambda text: text[:4096])),
    ("strings-cut-10000", "value[:10000]", _texts(lambda text: text[:10000])),
    (
        "strings-shortened",
        "head and tail with dots between",
        _texts(lambda text: text if len(text) < _LONG else text[:100] + "..." + text[-100:]),
    ),
    ("lists-cut-10", "a list's first ten", _lists(lambda one: one[:10])),
    ("lists-cut-100", "a list's first hundred", _lists(lambda one: one[:100])),
    (
        "lists-sorted",
        "sorted where they can be",
        _lists(lambda one: sorted(one) if all(type(n) is int for n in one) else one),
    ),
    (
        "lists-of-one",
        "a list of one is its item",
        on_calls(
            lambda calls: [
                replace(
                    c,
                    parameters={k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in c.parameters.items()},
                )
                for c in calls
            ]
        ),
    ),
    (
        "lists-flattened",
        "lists within lists",
        _lists(lambda one: [n for inner in one for n in (inner if isinstance(inner, list) else [inner])]),
    ),
    ("lists-without-doubles", "a set", _lists(lambda one: list({repr(n): n for n in one}.values()))),
    ("depth-5", "deeper is text", _shallow(5)),
    ("depth-20", "deeper is text", _shallow(20)),
    ("depth-50", "deeper is text", _shallow(50)),
    ("ten-fields", "the first ten fields", _objects(lambda one: dict(list(one.items())[:10]))),
    ("fifty-fields", "the first fifty fields", _objects(lambda one: dict(list(one.items())[:50]))),
    ("keys-lowered", "case folded", _keys(str.lower)),
    ("keys-snake-case", "Python's style", _keys(lambda key: re.sub(r"(?<=[a-z])([A-Z])", r"_\1", key).lower())),
    ("keys-stripped", "white space of keys", _keys(str.strip)),
    ("keys-normalised", "NFC", _keys(lambda key: unicodedata.normalize("NFC", key))),
    ("keys-made-identifiers", "Python names", _keys(lambda key: re.sub(r"[^\w]", "_", key))),
    ("keys-javascript-order", "integer-like keys first", _objects(_js_order)),
    (
        "keys-dollar-dropped",
        "$ref is resolved away",
        _objects(lambda one: {k: v for k, v in one.items() if not k.startswith("$")}),
    ),
    (
        "keys-proto-dropped",
        "JavaScript's __proto__",
        _objects(lambda one: {k: v for k, v in one.items() if k != "__proto__"}),
    ),
    ("keys-self-dropped", "**kwargs beside self", _objects(lambda one: {k: v for k, v in one.items() if k != "self"})),
    (
        "keys-reserved-renamed",
        "class_ for class",
        _keys(lambda key: f"{key}_" if key in {"class", "def", "from"} else key),
    ),
    ("keys-dotted-nested", "a.b is b in a", _objects(lambda one: {k.split(".")[-1]: v for k, v in one.items()})),
    (
        "arguments-unwrapped",
        "a field called arguments is all of them",
        on_calls(
            lambda calls: [
                replace(
                    c,
                    parameters=c.parameters["arguments"]
                    if isinstance(c.parameters.get("arguments"), dict)
                    else c.parameters,
                )
                for c in calls
            ]
        ),
    ),
    ("empty-objects-null", "{} is None", _objects(lambda one: {k: None if v == {} else v for k, v in one.items()})),
    ("empty-lists-dropped", "if v != []", _objects(lambda one: {k: v for k, v in one.items() if v != []})),
    ("null-as-empty", "None is ''", on_parameters(lambda value: "" if value is None else value)),
    ("false-dropped", "if value", on_parameters(lambda value: None if value is False else value)),
    ("zero-dropped", "0 is None", on_parameters(lambda value: None if type(value) is int and value == 0 else value)),
    (
        "integers-to-floats",
        "every number a float",
        _number_if(int, lambda value: float(value) if abs(value) < 2**53 else value),
    ),
    ("integers-32-bit", "a C int", _number_if(int, lambda value: (value + 2**31) % 2**32 - 2**31)),
    ("integers-64-bit", "clamped", _number_if(int, lambda value: max(min(value, 2**63 - 1), -(2**63)))),
    ("floats-two-digits", "money", _number_if(float, lambda value: round(value, 2))),
    ("floats-six-digits", "%g", _number_if(float, lambda value: float(f"{value:g}"))),
    ("floats-single", "float32", _number_if(float, lambda value: float(f"{value:.7g}"))),
    (
        "large-floats-to-integers",
        "1e21 is an integer",
        _number_if(float, lambda value: int(value) if abs(value) > _LARGE else value),
    ),
    ("numbers-from-text", "'1' is 1", on_parameters(lambda value: _number(value) if isinstance(value, str) else value)),
    (
        "words-from-text",
        "'true' is True",
        on_parameters(lambda value: _WORDS.get(value, value) if isinstance(value, str) else value),
    ),
    (
        "dates-rewritten",
        "2026-01-02 is 02.01.2026",
        _texts(lambda text: re.sub(r"^(\d{4})-(\d\d)-(\d\d)$", r"\3.\2.\1", text)),
    ),
    ("newlines-unified", "CR LF is LF", _texts(lambda text: text.replace("\r\n", "\n"))),
    ("carriage-returns", "CR is LF", _texts(lambda text: text.replace("\r", "\n"))),
    ("newlines-escaped", "a line end is \\n", _texts(lambda text: text.replace("\n", "\\n"))),
    ("newlines-unescaped", "\\n is a line end", _texts(lambda text: text.replace("\\n", "\n"))),
    ("tabs-expanded", "four spaces", _texts(lambda text: text.replace("\t", "    "))),
    ("backslashes-doubled", "escaped once too often", _texts(lambda text: text.replace("\\", "\\\\"))),
    ("backslashes-halved", "escaped once too seldom", _texts(lambda text: text.replace("\\\\", "\\"))),
    ("escapes-decoded", "unicode_escape", _texts(_escapes)),
    ("quotes-straightened", '“ is "', _texts(lambda text: text.replace("“", '"').replace("”", '"'))),
    ("apostrophes-doubled", "SQL", _texts(lambda text: text.replace("'", "''"))),
    ("html-unescaped", "&amp; is &", _texts(html.unescape)),
    ("urls-decoded", "%20 is a blank", _texts(lambda text: text.replace("%20", " "))),
    ("blanks-plain", "U+00A0 is a blank", _texts(lambda text: text.replace("\u00a0", " "))),
    ("blanks-single", "runs of blanks are one", _texts(lambda text: re.sub(" +", " ", text))),
    (
        "zero-width-dropped",
        "invisible characters are cut out",
        _texts(lambda text: re.sub("[\u200b-\u200d\u2060\ufeff]", "", text)),
    ),
    (
        "control-dropped",
        "control characters are cut out",
        _texts(lambda text: re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)),
    ),
    ("nul-ends", "a C string", _texts(lambda text: text.partition("\x00")[0])),
    ("line-separators", "U+2028 is a line end", _texts(lambda text: text.replace("\u2028", "\n"))),
    ("bidi-dropped", "direction marks are cut out", _texts(lambda text: re.sub("[\u202a-\u202e]", "", text))),
    ("strings-compatible", "NFKC", _texts(lambda text: unicodedata.normalize("NFKC", text))),
    ("strings-decomposed", "NFD", _texts(lambda text: unicodedata.normalize("NFD", text))),
    ("strings-latin", "latin-1", _texts(lambda text: text.encode("latin-1", "replace").decode("latin-1"))),
    ("private-dropped", "private use is cut out", _texts(lambda text: re.sub("[\ue000-\uf8ff]", "", text))),
    ("replacement-dropped", "U+FFFD is cut out", _texts(lambda text: text.replace("\ufffd", ""))),
    ("markers-cut", "<|…|> is cut out", _texts(lambda text: re.sub(r"<\|\w+\|>", "", text))),
    ("fences-cut", "``` is cut out", _texts(lambda text: text.replace("```", ""))),
    (
        "templates-filled",
        "{{name}} is filled in",
        _texts(lambda text: text.replace("{{name}}", "").replace("${y}", "")),
    ),
    ("ansi-dropped", "ESC is cut out", _texts(lambda text: text.replace("\x1b", ""))),
    ("ellipsis", "… is ...", _texts(lambda text: text.replace("…", "..."))),
    ("stars-masked", "what looks like a key is masked", _texts(lambda text: re.sub(r"sk-[\w-]+", "***", text))),
)
