"""A user's own rule of what makes two requests the same: fields left out, and a function."""

from __future__ import annotations

import json

import httpx
import pytest

from harness.app.settings import settings
from harness.cassette import Cassette, Matcher, open_tape, save
from harness.cassette.matching import differences, key
from harness.core.chat import Reply
from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS

MADE = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")


def request(url="https://a.test/v1/chat/completions?api-version=1&x=2", **body):
    return HttpRequest("POST", url, (("content-type", "application/json"),), json.dumps(body).encode())


def same(one, other, *ignore, change=None):
    matcher = Matcher(ignore, change)
    assert (key(one, matcher) == key(other, matcher)) == (not differences(one, other, matcher=matcher))
    return key(one, matcher) == key(other, matcher)


@pytest.mark.parametrize(
    ("ignore", "one", "other"),
    [
        ("body.user", {"user": "a", "x": 1}, {"user": "b", "x": 1}),
        ("body.user", {"user": "a", "x": 1}, {"x": 1}),
        ("body.metadata.trace", {"metadata": {"trace": 1, "y": 2}}, {"metadata": {"trace": 2, "y": 2}}),
        ("body.messages.*.name", {"messages": [{"name": "a"}, {"name": "b"}]}, {"messages": [{"name": "c"}, {}]}),
        ("body.*.at", {"a": {"at": 1}, "b": {"at": 2}}, {"a": {"at": 3}, "b": {}}),
        ("body.stop.*", {"stop": ["a"]}, {"stop": []}),
        ("body", {"a": 1}, {"b": 2}),
    ],
)
def test_what_is_ignored_makes_no_difference_and_all_else_does(ignore, one, other):
    assert not same(request(**one), request(**other))
    assert same(request(**one), request(**other), ignore)
    assert not same(request(**one), request(**other, extra=1), ignore) or ignore == "body"


@pytest.mark.parametrize(
    ("ignore", "url"),
    [
        ("query.api-version", "https://a.test/v1/chat/completions?api-version=9&x=2"),
        ("query", "https://a.test/v1/chat/completions"),
        ("host", "http://127.0.0.1:99/v1/chat/completions?api-version=1&x=2"),
        ("path", "https://a.test/v2/x?api-version=1&x=2"),
    ],
)
def test_parts_of_the_url_may_be_ignored(ignore, url):
    assert not same(request(), request(url))
    assert same(request(), request(url), ignore)


def test_form_fields_may_be_ignored():
    kind = (("content-type", "application/x-www-form-urlencoded"),)
    one, other = (HttpRequest("POST", "http://a.test/", kind, body) for body in (b"a=1&b=2", b"a=9&b=2"))
    assert not same(one, other)
    assert same(one, other, "form.a")


def test_a_function_has_the_last_word():
    def lowered(canonical):
        words = canonical["body"]["messages"][0]["content"].lower()
        return {**canonical, "body": {**canonical["body"], "messages": [{"content": words}]}}

    one, other = (request(messages=[{"content": words}]) for words in ("Hello", "HELLO"))
    assert not same(one, other)
    assert same(one, other, change=lowered)


def test_a_path_that_names_no_part_is_told():
    with pytest.raises(UsageError, match=r"a rule can't ignore 'user'; it begins with one of method, host, path"):
        Matcher(("user",))


def test_a_tape_heeds_it_and_tells_only_what_counts(tmp_path):
    file = tmp_path / "a.json"
    answer = DIALECTS["openai"].render(Reply(text="hi", finish="stop"))
    save(file, Cassette(MADE, (Exchange(request(user="a", model="m"), answer),)))
    url = request().url
    with open_tape(file, matcher=Matcher(("body.user",))):
        assert httpx.post(url, json={"user": "b", "model": "m"}).status_code == 200
    with open_tape(file, matcher=Matcher(("body.user",))), pytest.raises(CassetteMiss) as missed:
        httpx.post(url, json={"user": "b", "model": "other"})
    assert list(missed.value.differences) == ['body.model: recorded "m", requested "other"']
    with open_tape(file), pytest.raises(CassetteMiss):
        httpx.post(url, json={"user": "b", "model": "m"})


PYPROJECT = '[tool.harness]\nignore = ["body.user"]\nmatch_function = "mine_{0}:rule"\n'


def test_it_is_read_from_pyproject(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format("a"))
    (tmp_path / "mine_a.py").write_text("def rule(canonical):\n    return {**canonical, 'host': ''}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    matcher = settings({}).matcher()
    assert matcher is not None
    there = request("http://elsewhere.test/v1/chat/completions?api-version=1&x=2", user="b")
    assert key(request(user="a"), matcher) == key(there, matcher)


def test_without_rules_there_is_none(tmp_path):
    assert settings({}, environment={}, folder=tmp_path).matcher() is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('ignore = "body.user"', "ignore must be a list of texts"),
        ('match_function = "nothing"', "match_function 'nothing' is not there"),
        ('match_function = "no_such_module:x"', "match_function 'no_such_module:x' is not there"),
        ('match_function = "math:pi"', "match_function 'math:pi' can't be called"),
        ('ignore = ["user"]', "a rule can't ignore 'user'"),
    ],
)
def test_rules_that_are_none_are_told(tmp_path, text, told):
    (tmp_path / "pyproject.toml").write_text(f"[tool.harness]\n{text}\n")
    with pytest.raises(UsageError, match=told):
        settings({}, environment={}, folder=tmp_path).matcher()
