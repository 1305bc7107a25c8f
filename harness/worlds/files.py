"""A tree of small text files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.worlds.world import RefusedError, World, steps

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


def _append(match: Match[str]) -> Plan:
    (old,) = yield [("read_file", {"path": match["path"]})]
    yield [("write_file", {"path": match["path"], "text": f"{old}\n{match['text']}"})]
    return f"{match['path']} has one more line."


def _copy(match: Match[str]) -> Plan:
    (text,) = yield [("read_file", {"path": match["source"]})]
    yield [("write_file", {"path": match["target"], "text": text})]
    return f"{match['target']} is a copy."


def _holds(match: Match[str]) -> Plan:
    (paths,) = yield [("search_text", {"text": match["text"]})]
    return f"It is in {', '.join(paths)}."


class Files(World):
    """Paths and their texts."""

    introduction = "You keep a tree of text files. Use the tools, then say in one sentence what you did."
    rules = (
        (r"[Mm]ove (?P<source>/\S+) to (?P<target>/[\w./]*\w)", steps("{source} is now {target}.", "move_file")),
        (r"[Dd]elete (?P<path>/[\w./]*\w)", steps("{path} is deleted.", "delete_file")),
        (r'[Ww]rite "(?P<text>[^"]*)" into (?P<path>/[\w./]*\w)', steps("{path} is written.", "write_file")),
        (r'[Aa]ppend "(?P<text>[^"]*)" as a new line to (?P<path>/[\w./]*\w)', _append),
        (r"[Cc]opy (?P<source>/\S+) to (?P<target>/[\w./]*\w)", _copy),
        (
            r"[Ee]mpty the folder (?P<folder>/\w+)",
            steps("{number} files are deleted.", "delete_file", lambda _, path: {"path": path}, find="list_files"),
        ),
        (r"[Ww]hat does (?P<path>/[\w./]*\w) say", steps("It says: {found}", find="read_file")),
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
