"""A tree of small text files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.worlds.world import RefusedError, World

if TYPE_CHECKING:
    from random import Random
    from re import Match

    from harness.core.chat import Json
    from harness.worlds.world import Plan

_FIXED = {
    "/notes/lunch.txt": "Soup on Monday.",
    "/notes/ideas.txt": "A lamp that dims by itself.",
    "/reports/march.txt": "Sales: 120",
    "/reports/april.txt": "Sales: 95",
    "/drafts/letter.txt": "Dear Ada,",
    "/tmp/a.log": "started",  # noqa: S108 - a path inside the world
    "/tmp/b.log": "stopped",  # noqa: S108 - as above
}
_WORDS = ("river", "stone", "cloud", "maple", "copper", "violet")


def _move(match: Match[str]) -> Plan:
    yield [("move_file", {"source": match["source"], "target": match["target"]})]
    return f"{match['source']} is now {match['target']}."


def _delete(match: Match[str]) -> Plan:
    yield [("delete_file", {"path": match["path"]})]
    return f"{match['path']} is deleted."


def _write(match: Match[str]) -> Plan:
    yield [("write_file", {"path": match["path"], "text": match["text"]})]
    return f"{match['path']} is written."


def _append(match: Match[str]) -> Plan:
    (old,) = yield [("read_file", {"path": match["path"]})]
    yield [("write_file", {"path": match["path"], "text": f"{old}\n{match['text']}"})]
    return f"{match['path']} has one more line."


def _copy(match: Match[str]) -> Plan:
    (text,) = yield [("read_file", {"path": match["source"]})]
    yield [("write_file", {"path": match["target"], "text": text})]
    return f"{match['target']} is a copy."


def _empty(match: Match[str]) -> Plan:
    (paths,) = yield [("list_files", {"folder": match["folder"]})]
    yield [("delete_file", {"path": path}) for path in paths]
    return f"{len(paths)} files are deleted."


def _say(match: Match[str]) -> Plan:
    (text,) = yield [("read_file", {"path": match["path"]})]
    return f"It says: {text}"


def _holds(match: Match[str]) -> Plan:
    (paths,) = yield [("search_text", {"text": match["text"]})]
    return f"It is in {', '.join(paths)}."


class Files(World):
    """Paths and their texts."""

    introduction = "You keep a tree of text files. Use the tools, then say in one sentence what you did."
    rules = (
        (r"[Mm]ove (?P<source>/\S+) to (?P<target>/[\w./]*\w)", _move),
        (r"[Dd]elete (?P<path>/[\w./]*\w)", _delete),
        (r'[Ww]rite "(?P<text>[^"]*)" into (?P<path>/[\w./]*\w)', _write),
        (r'[Aa]ppend "(?P<text>[^"]*)" as a new line to (?P<path>/[\w./]*\w)', _append),
        (r"[Cc]opy (?P<source>/\S+) to (?P<target>/[\w./]*\w)", _copy),
        (r"[Ee]mpty the folder (?P<folder>/\w+)", _empty),
        (r"[Ww]hat does (?P<path>/[\w./]*\w) say", _say),
        (r'[Ww]hich file holds "(?P<text>[^"]*)"', _holds),
    )

    def begin(self, rng: Random) -> dict[str, dict[str, Json]]:
        """The fixed files, and five of words from the seed."""
        more = {f"/attic/{number}.txt": " ".join(rng.sample(_WORDS, 3)) for number in range(5)}
        return {"files": {**_FIXED, **more}}

    def list_files(self, folder: str) -> Json:
        """The paths of all files in a folder, such as /notes."""
        return sorted(path for path in self.state["files"] if path.startswith(folder.rstrip("/") + "/"))

    def read_file(self, path: str) -> Json:
        """The text of a file."""
        return self._text(path)

    def search_text(self, text: str) -> Json:
        """The paths of all files whose text holds these words."""
        return sorted(path for path, inside in self.state["files"].items() if text in inside)

    def write_file(self, path: str, text: str) -> Json:
        """Write a file; what was in it before is lost."""
        if not path.startswith("/"):
            raise RefusedError("a path begins with /")
        self.state["files"][path] = text
        return "written"

    def move_file(self, source: str, target: str) -> Json:
        """Give a file another path."""
        self._text(source)
        if target in self.state["files"]:
            raise RefusedError(f"{target} is there already")
        self.state["files"][target] = self.state["files"].pop(source)
        return "moved"

    def delete_file(self, path: str) -> Json:
        """Delete a file for good."""
        self._text(path)
        del self.state["files"][path]
        return "deleted"

    def _text(self, path: str) -> str:
        if path not in self.state["files"]:
            raise RefusedError(f"there is no file {path}")
        return str(self.state["files"][path])
