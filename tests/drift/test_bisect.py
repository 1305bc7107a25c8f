"""Halving over versions: what changed where, with as few looks as can be, and versions that can't be looked at."""

import pytest

from harness.app import environments
from harness.core.errors import UsageError
from harness.drift.bisect import Turn, VersionFailed, VersionResults, between, bisect
from harness.report import drift

VERSIONS = [f"1.{n}" for n in range(16)]
HOLDS, BROKEN = {"verdict": "holds", "judged": 3}, {"verdict": "broken", "judged": 3, "told": ["no call came"]}
CALL = {"calls": [{"name": "a", "parameters": {}, "id": "1"}], "finish": "tool_calls"}


def world(*, broken_until=0, ids_from=99, refused=()):
    """A law that is broken before one version, and ids that are sent from another on."""
    looks = []

    def look(version):
        looks.append(version)
        number = int(version.partition(".")[2])
        if version in refused:
            return VersionFailed("can't be installed")
        names = {"calls": ["a"], "call_ids": ["1"] if number >= ids_from else []}
        return {
            "law D1 cohere stream": BROKEN if number < broken_until else HOLDS,
            "request ollama whole 3": {"names": names, "sent": []},
            "answer openai whole 0": CALL,
        }

    return look, looks


def run(look, **more):
    events = list(bisect(VERSIONS, look, **more))
    turned = {(one.before, one.after): one for one in events if isinstance(one, Turn)}
    return turned, [one.version for one in events if isinstance(one, VersionResults)]


def test_two_changes_are_each_found_where_they_came():
    look, looks = world(broken_until=5, ids_from=12)
    turned, seen = run(look)
    assert set(turned) == {("1.4", "1.5"), ("1.11", "1.12")}
    (law,) = turned["1.4", "1.5"].changes
    assert (law.grade, law.what, law.message) == ("contract", "law", "was broken, is holds")
    assert (law.before, law.after) == (BROKEN, HOLDS)
    (sent,) = turned["1.11", "1.12"].changes
    assert sent.message == "call ids are sent otherwise"
    assert looks == seen
    assert len(looks) == len(set(looks)) < len(VERSIONS)


def test_nothing_changed_takes_two_looks():
    look, looks = world()
    assert run(look)[0] == {}
    assert looks == ["1.0", "1.15"]


def test_every_version_is_looked_at_where_that_is_asked():
    look, looks = world(broken_until=5)
    assert set(run(look, every=True)[0]) == {("1.4", "1.5")}
    assert looks == VERSIONS


def test_a_version_that_cannot_be_looked_at_is_stepped_over_and_named():
    look, _ = world(broken_until=5, refused=("1.0", "1.4", "1.5", "1.7", "1.15"))
    turned, seen = run(look)
    (found,) = turned.values()
    assert (found.before, found.after, found.passed) == ("1.3", "1.6", ("1.4", "1.5"))
    assert "1.0" in seen
    assert run(world(refused=VERSIONS)[0])[0] == {}


def test_lighter_changes_do_not_lead_the_way_unless_asked():
    def look(version):
        number = int(version.partition(".")[2])
        return {"answer openai whole 0": {**CALL, "usage": {"prompt": number > 7}}}

    assert list(bisect(VERSIONS, look))[2:] == []
    (turned,) = [one for one in bisect(VERSIONS, look, least="shape") if isinstance(one, Turn)]
    assert (turned.before, turned.after, turned.changes[0].grade) == ("1.7", "1.8", "shape")


@pytest.mark.parametrize(
    ("was", "now", "grade"),
    [
        (CALL, {"text": "hi", "finish": "stop"}, "contract"),
        (CALL, {"error": "ServerError", "told": "x"}, "contract"),
        ({**CALL, "usage": 1}, CALL, "shape"),
        ({"error": "ServerError", "told": "x"}, {"error": "ServerError", "told": "y"}, "shape"),
        (CALL, None, "shape"),
    ],
)
def test_answers_are_graded_by_what_a_caller_acts_on(was, now, grade):
    before, after = {"answer a whole 0": was}, {} if now is None else {"answer a whole 0": now}
    (change,) = between(before, after)
    assert change.grade == grade


def test_a_package_that_is_needed_and_not_declared_is_a_change():
    (change,) = between({"needs litellm": {"undeclared": ["mcp"]}}, {"needs litellm": {"undeclared": []}})
    assert change.grade == "contract"


def test_the_table_and_what_turned_are_written_down():
    look, _ = world(broken_until=5)
    events = list(bisect(VERSIONS, look))
    looked = [one for one in events if isinstance(one, VersionResults)]
    turned = [one for one in events if isinstance(one, Turn)]
    text = drift.bisection_markdown(looked, turned, "harness bisect --oldest 1.0 --newest 1.15")
    assert "| 1.0 | ✗ 1/1 |" in text
    assert "| 1.15 | ✓ |" in text
    assert "## 1.4 → 1.5" in text
    told = [line for one in turned for line, _ in drift.describe_turn(one)]
    assert "1.4 → 1.5: 1 contract" in told
    assert '"turned"' in drift.bisection_document(looked, turned, harness="0.1.0")


def test_a_compromised_release_is_never_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(environments, "_pip", lambda *_: pytest.fail("pip was called"))
    for version in ("1.107.0", "1.107.12", "1.107"):
        assert "compromised" in environments.environment(version).why
    assert not list(tmp_path.iterdir())


LISTED = "litellm (1.109.1)\nAvailable versions: 1.109.1, 1.109.0, 1.107.3, 1.106.2, 1.106.10, 1.100.0\n"


class Done:
    def __init__(self, stdout="", stderr="", returncode=0):
        self.stdout, self.stderr, self.returncode = stdout, stderr, returncode


def test_versions_come_in_their_order_and_without_the_compromised(monkeypatch):
    monkeypatch.setattr(environments, "_pip", lambda *_: Done(LISTED))
    assert environments.versions("1.100.0", "1.109.1") == ["1.100.0", "1.106.2", "1.106.10", "1.109.0", "1.109.1"]
    for words, told in [
        (("1.109.1", "1.100.0"), "is not before"),
        (("1.105.0", "1.109.1"), "the index has no such version"),
        (("1.107.3", "1.109.1"), "compromised"),
        (("new", "1.109.1"), "is no version"),
    ]:
        with pytest.raises(UsageError, match=told):
            environments.versions(*words)
    monkeypatch.setattr(environments, "_pip", lambda *_: Done("", "no network", 1))
    with pytest.raises(UsageError, match="can't list litellm's versions"):
        environments.versions("1.100.0", "1.109.1")


def test_what_the_most_answers_failed_for_is_the_missing_module():
    error = {"error": "UsageError", "told": "No module named 'mcp.server'"}
    assert environments.undeclared({"answer a whole 0": error, "answer a whole 1": CALL}) == "mcp.server"
    assert environments.undeclared({"answer a whole 0": CALL}) == ""
