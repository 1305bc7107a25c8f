"""Broken in the conversation that is sent: system prompts, texts, earlier calls and results."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import unquote

from harness.laws.broken_backends.corruption import broken, on_content, on_message, on_messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json


def _first_part(message: dict[str, Json]) -> dict[str, Json]:
    content = message.get("content")
    return {**message, "content": content[:1]} if isinstance(content, list) else message


def _parts_joined(message: dict[str, Json]) -> dict[str, Json]:
    content = message.get("content")
    if not isinstance(content, list) or not all("text" in part for part in content):
        return message
    return {**message, "content": "\n".join(part["text"] for part in content)}


def _images(change: Callable[[list[Json]], list[Json]], *roles: str) -> Callable[[dict[str, Json]], dict[str, Json]]:
    """``change`` is done to the parts of messages that hold an image."""

    def parts(message: dict[str, Json]) -> dict[str, Json]:
        content = message.get("content")
        if message["role"] in roles and isinstance(content, list) and any("image_url" in part for part in content):
            return {**message, "content": change(content)}
        return message

    return parts


def _texts(parts: list[Json]) -> list[Json]:
    return [part for part in parts if "text" in part] or [{"type": "text", "text": ""}]


def _first_image(parts: list[Json]) -> list[Json]:
    shown = [part for part in parts if "image_url" in part]
    return [part for part in parts if "text" in part or part is shown[0]]


def _urls(change: Callable[[str], str]) -> Callable[[list[Json]], list[Json]]:
    def with_urls(parts: list[Json]) -> list[Json]:
        shown = [p.get("image_url", {}) for p in parts]
        return [
            {**p, "image_url": {**one, "url": change(one["url"])}} if one else p
            for p, one in zip(parts, shown, strict=True)
        ]

    return with_urls


def _in_detail(**detail: str) -> Callable[[list[Json]], list[Json]]:
    """Images in this detail, or in none."""
    return lambda parts: [
        {**p, "image_url": {"url": p["image_url"]["url"], **detail}} if "image_url" in p else p for p in parts
    ]


def _images_last(messages: list[Json]) -> list[Json]:
    """What is shown is put to the user's last message."""
    users = [one for one in messages if one["role"] == "user"]
    shown = [
        part for one in users for part in one["content"] if isinstance(one["content"], list) and "image_url" in part
    ]
    made = [_images(_texts, "user")(one) for one in messages]
    last = max((n for n, one in enumerate(made) if one["role"] == "user"), default=None)
    if last is None or not shown:
        return messages
    content = made[last]["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    made[last] = {**made[last], "content": [*parts, *shown]}
    return made


def _results_shown_by_users(messages: list[Json]) -> list[Json]:
    """The images of results stand in a user's message behind them."""
    made: list[Json] = []
    for one in messages:
        made.append(_images(_texts, "tool")(one))
        parts = one["content"] if one["role"] == "tool" and isinstance(one["content"], list) else ()
        shown = [part for part in parts if "image_url" in part]
        if shown:
            made.append({"role": "user", "content": shown})
    return made


def _without(role: str) -> Callable[[list[Json]], list[Json]]:
    return lambda messages: [one for one in messages if one["role"] != role] or messages


def _system_as_user(message: dict[str, Json]) -> dict[str, Json]:
    return {**message, "role": "user"} if message["role"] == "system" else message


def _system_last(messages: list[Json]) -> list[Json]:
    own = [one for one in messages if one["role"] == "system"]
    return [*messages[len(own) :], *own[::-1]]


def _first_system(messages: list[Json]) -> list[Json]:
    own = [one for one in messages if one["role"] == "system"]
    return [*own[:1], *messages[len(own) :]]


def _window(messages: list[Json]) -> list[Json]:
    """The last six, from a user's message on, the system prompt kept."""
    own = [one for one in messages if one["role"] == "system"]
    rest = messages[len(own) :][-6:]
    start = next((n for n, one in enumerate(rest) if one["role"] == "user"), 0)
    return [*own, *rest[start:]]


def _calls_without_text(message: dict[str, Json]) -> dict[str, Json]:
    return {**message, "content": None} if message.get("tool_calls") else message


def _plain_fields(message: dict[str, Json]) -> dict[str, Json]:
    calls = [{key: one for key, one in call.items() if key in _PLAIN} for call in message.get("tool_calls") or ()]
    made = {key: one for key, one in message.items() if key in _PLAIN}
    return {**made, "tool_calls": calls} if calls else made


_PLAIN = frozenset({"role", "content", "name", "tool_call_id", "id", "type", "function"})


def _in_state(change: Callable[[Json], Json], *fields: str) -> Callable[[dict[str, Json]], dict[str, Json]]:
    """``change`` done to these fields of a message, where it has them."""
    return lambda message: {key: change(one) if key in fields else one for key, one in message.items()}


def _byte_changed(value: Json) -> Json:
    """Each signature with another first letter."""
    if isinstance(value, list):
        return [_byte_changed(one) for one in value]
    return {**value, **{key: f"S{value[key][1:]}" for key in ("signature", "data") if value.get(key)}}


def _without_origin(message: dict[str, Json]) -> dict[str, Json]:
    fields = {key: one for key, one in message.get("provider_specific_fields", {}).items() if key != "state_of"}
    return {**message, "provider_specific_fields": fields} if "provider_specific_fields" in message else message


def _thoughts_alone(message: dict[str, Json]) -> dict[str, Json]:
    """Nothing is said beside thoughts that go back."""
    return {**message, "content": None} if message.get("provider_specific_fields") else message


def _as_users(message: dict[str, Json]) -> dict[str, Json]:
    return {"role": "user", "content": message["content"]} if message["role"] == "tool" else message


def _arguments(change: Callable[[Json], Json]) -> Callable[[dict[str, Json]], dict[str, Json]]:
    def texts(message: dict[str, Json]) -> dict[str, Json]:
        for call in message.get("tool_calls") or ():
            arguments = json.loads(call["function"]["arguments"])
            call["function"]["arguments"] = json.dumps(change(arguments))
        return message

    return texts


def _results(change: Callable[[Json], Json]) -> Callable[[dict[str, Json]], dict[str, Json]]:
    def result(message: dict[str, Json]) -> dict[str, Json]:
        return {**message, "content": change(message["content"])} if message["role"] == "tool" else message

    return result


def _swapped(messages: list[Json]) -> list[Json]:
    """Results in another order, each with its own id."""
    places = [n for n, one in enumerate(messages) if one["role"] == "tool"]
    made = list(messages)
    for here, there in itertools.pairwise(places):
        if there == here + 1:
            made[here], made[there] = made[there], made[here]
            break
    return made


def _dumped(text: Json) -> Json:
    try:
        return json.dumps(json.loads(text), separators=(",", ":")) if isinstance(text, str) else text
    except ValueError:
        return text


def _merged(messages: list[Json]) -> list[Json]:
    """Texts of one role that follow one another become one message."""
    made: list[Json] = []
    for one in messages:
        last: dict[str, Json] = made[-1] if made else {"role": "", "content": None}
        texts = isinstance(last["content"], str) and isinstance(one["content"], str)
        if texts and last["role"] == one["role"] and one["role"] in {"user", "system"}:
            last["content"] += "\n" + one["content"]
        else:
            made.append(one)
    return made


def _no_empty(messages: list[Json]) -> list[Json]:
    return [one for one in messages if one.get("content") or one.get("tool_calls")]


MESSAGES = broken(
    ("system-dropped", "an API without a system role", on_messages(_without("system"))),
    ("system-as-user", "the role is renamed", on_message(_system_as_user)),
    ("system-last", "collected, and appended", on_messages(_system_last)),
    ("second-system-dropped", "system = messages[0]", on_messages(_first_system)),
    ("system-stripped", "textwrap.dedent().strip()", on_content(str.strip, "system")),
    ("last-message-only", "messages[-1:]", on_messages(lambda messages: messages[-1:])),
    ("messages-reversed", "newest first", on_messages(lambda messages: messages[::-1])),
    ("window-of-six", "the context is saved", on_messages(_window)),
    ("assistants-dropped", "only the user's side is kept", on_messages(_without("assistant"))),
    ("results-dropped", "tool messages are filtered out", on_messages(_without("tool"))),
    ("last-twice", "appended by two layers", on_messages(lambda messages: [*messages, messages[-1]])),
    (
        "system-added",
        "a prompt of its own",
        on_messages(lambda messages: [{"role": "system", "content": "You are helpful."}, *messages]),
    ),
    (
        "continue-added",
        "the user must have the last word",
        on_messages(lambda messages: [*messages, {"role": "user", "content": "Continue."}]),
    ),
    ("messages-merged", "roles must alternate", on_messages(_merged)),
    ("state-dropped", "role, content and tool_calls alone", on_message(_plain_fields)),
    ("state-changed", "a byte of a signature", on_message(_in_state(_byte_changed, "thinking_blocks"))),
    ("state-first-block", "thinking[0]", on_message(_in_state(lambda one: one[:1], "thinking_blocks"))),
    (
        "state-redacted-dropped",
        "what can't be read is left out",
        on_message(_in_state(lambda blocks: [one for one in blocks if "data" not in one], "thinking_blocks")),
    ),
    ("state-to-any-model", "where it comes from is not kept", on_message(_without_origin)),
    ("text-lost-beside-state", "thoughts or text", on_message(_thoughts_alone)),
    ("empty-messages-dropped", "if message.content", on_messages(_no_empty)),
    ("first-part-only", "content[0]", on_message(_first_part)),
    ("image-detail-added", "saves tokens", on_message(_images(_in_detail(detail="low"), "user", "tool"))),
    ("image-detail-dropped", "an image is its URL", on_message(_images(_in_detail(), "user", "tool"))),
    ("images-dropped", "text parts alone", on_message(_images(_texts, "user"))),
    ("first-image-only", "one image a message", on_message(_images(_first_image, "user"))),
    ("images-to-last", "images of the whole conversation are collected", on_messages(_images_last)),
    (
        "images-first",
        "images in front of their text",
        on_message(_images(lambda parts: sorted(parts, key=lambda part: "text" in part), "user")),
    ),
    (
        "images-all-jpeg",
        "one media type for all",
        on_message(_images(_urls(lambda url: re.sub("^data:[^;]*", "data:image/jpeg", url)), "user", "tool")),
    ),
    ("image-data-cut", "1,000 characters", on_message(_images(_urls(lambda url: url[:1000]), "user", "tool"))),
    ("image-urls-unquoted", "urllib.parse.unquote", on_message(_images(_urls(unquote), "user", "tool"))),
    ("result-images-dropped", "a result is its text", on_message(_images(_texts, "tool"))),
    ("result-images-by-user", "shown by the user", on_messages(_results_shown_by_users)),
    ("parts-joined", "a list is joined with line ends", on_message(_parts_joined)),
    ("prompt-stripped", "white space trimmed", on_content(str.strip, "user")),
    ("prompt-normalised", "NFKC before it is sent", on_content(lambda text: unicodedata.normalize("NFKC", text))),
    ("prompt-to-ascii", "errors='ignore'", on_content(lambda text: text.encode("ascii", "ignore").decode())),
    ("prompt-cut", "the first 500 characters", on_content(lambda text: text[:500])),
    ("prompt-formatted", "str.format without names", on_content(lambda text: text.replace("{", "").replace("}", ""))),
    ("prompt-newlines", "one line", on_content(lambda text: " ".join(text.splitlines()))),
    ("prompt-escaped", "html.escape", on_content(lambda text: text.replace("<", "&lt;"))),
    ("prompt-spaces", "runs of blanks are one", on_content(lambda text: re.sub(" +", " ", text))),
    ("text-beside-calls-dropped", "content is None where calls are", on_message(_calls_without_text)),
    ("results-as-user", "no tool role", on_message(_as_users)),
    ("results-swapped", "collected from a set", on_messages(_swapped)),
    ("results-cut", "results past 100 characters", on_message(_results(lambda one: one[:100]))),
    ("results-dumped", "parsed and written again", on_message(_results(_dumped))),
    ("results-quoted", "json.dumps of a text", on_message(_results(json.dumps))),
    ("empty-results", "result or 'ok'", on_message(_results(lambda one: one or "ok"))),
    ("results-stripped", "strip()", on_message(_results(lambda one: one.strip() if isinstance(one, str) else one))),
    (
        "errors-hidden",
        "failures are not shown to the model",
        on_message(_results(lambda one: "" if isinstance(one, str) and "rror" in one else one)),
    ),
    ("arguments-emptied", "history without arguments", on_message(_arguments(lambda _: {}))),
    ("arguments-sorted", "keys sorted", on_message(_arguments(lambda one: dict(sorted(one.items()))))),
    (
        "arguments-as-strings",
        "str() of each",
        on_message(_arguments(lambda one: {key: str(inner) for key, inner in one.items()})),
    ),
)
