"""A report for a CI job: Markdown for its summary on standard output, and annotations on standard error.

``python -m harness.report.job_summary harness-run.json >> "$GITHUB_STEP_SUMMARY"``; it reads what `harness run --json`
or `harness diff --json` wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.report.safe_text import markdown_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FAILED = {"fail", "infra"}
_MOST = 50


def summary(report: dict[str, Any]) -> str:
    """The summary of a report, as Markdown."""
    return "\n".join(_run(report) if "results" in report else _diff(report)) + "\n"


def error_annotations(report: dict[str, Any]) -> list[str]:
    """A line for each failure, in the form that a GitHub job makes an annotation of."""
    lines = []
    for one in report.get("results", ()):
        if one["verdict"] in _FAILED:
            title = f"{one['suite']} / {one['case']} / {one['model']}"
            lines.append(_annotation("error", one["cassette"], title, "; ".join(_reasons(one))))
    broke = [one for one in report.get("changes", ()) if one["grade"] == "contract"]
    lines += [_annotation("error", str(one.get("of", "")), f"contract: {one['what']}", one["message"]) for one in broke]
    return lines[:_MOST]


def _run(report: dict[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{number} {word}" for word, number in report["counts"].items() if number)
    yield f"### Suites: {counts or 'nothing was run'}"
    failed = [one for one in report["results"] if one["verdict"] in _FAILED]
    if failed:
        yield "\n| suite | case | model | why |\n|---|---|---|---|"
    for one in failed[:_MOST]:
        why = "; ".join(_reasons(one))
        yield "| " + " | ".join(_cell(text) for text in (one["suite"], one["case"], one["model"], why)) + " |"
    if len(failed) > _MOST:
        yield f"\nand {len(failed) - _MOST} more"


def _diff(report: dict[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{number} {word}" for word, number in report["counts"].items() if number)
    yield f"### Changes: {counts or 'none'}"
    shown = [one for one in report["changes"] if one["grade"] != "cosmetic"]
    if shown:
        yield "\n| grade | what | where | |\n|---|---|---|---|"
    for one in shown[:_MOST]:
        yield "| " + " | ".join(_cell(text) for text in (one["grade"], one["what"], one["path"], one["message"])) + " |"


def _reasons(result: dict[str, Any]) -> list[str]:
    found = [one["message"] for one in result["findings"] if one["verdict"] in _FAILED]
    return [result["problem"]["message"], *found] if result["problem"] else found


def _cell(text: str) -> str:
    return markdown_cell(str(text), 300).replace("`", "'")


def _annotation(kind: str, file: str, title: str, message: str) -> str:
    return f"::{kind} file={_property(file)},title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def main(words: Sequence[str]) -> int:
    """Write the summary of the report at the path given; 2 where there is none."""
    if len(words) != 1:
        sys.stderr.write("usage: python -m harness.report.job_summary REPORT.json\n")
        return 2
    try:
        report = json.loads(Path(words[0]).read_text(encoding="utf-8"))
        text, annotations = summary(report), error_annotations(report)
    except OSError as error:
        why = f"can't be read: {error.strerror}"
    except (ValueError, RecursionError):
        why = "is not JSON"
    except (LookupError, TypeError, AttributeError):
        why = "has another shape"
    else:
        sys.stdout.write(text)
        sys.stderr.write("".join(f"{one}\n" for one in annotations))
        return 0
    sys.stderr.write(f"harness: {words[0]}: {why}; give what `harness run --json` or `harness diff --json` wrote\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
