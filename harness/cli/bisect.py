"""Find out with which version of litellm something changed: what is decoded, what is sent, which law holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options
from harness.report.safe_text import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from harness.core.change import Grade
    from harness.drift.bisect import Turn, VersionResults

EXAMPLES = """examples:
  harness bisect --oldest 1.100.0 --newest 1.109.1                       halves its way through the releases between
  harness bisect --versions 1.106.2 1.109.1 --provider cohere_chat
  harness bisect --oldest 1.106.0 --newest 1.109.1 cassettes/            your recordings too, decoded by each
  harness bisect --oldest 1.106.0 --newest 1.109.1 --markdown versions.md

Each version is installed into an environment of its own, in the user's cache (toolcall-harness/litellm), and kept
there; what it does is then looked at offline: the laws' fixed questions, answered in every provider's own bytes, and
recordings. Installing needs pip's index. A version that can't be installed is named and stepped over; 1.107.*, a
compromised release, never is installed. After Ctrl-C the environments stay, and the same command is quicker.

exit codes: 0 nothing of the grade of --fail-on changed, 1 something did, 2 it could not be found out
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("cassettes", nargs="*", metavar="PATH", help="cassettes or folders of them to decode with each version, too")
    add("--oldest", metavar="VERSION", help="the oldest version")
    add("--newest", metavar="VERSION", help="the newest version")
    add("--versions", nargs="+", default=[], metavar="VERSION", help="these versions, and no others between")
    add("--every", action="store_true", help="look at all of them, and do not halve the way")
    add("--provider", action="append", default=[], metavar="NAME", help="only this provider's questions (repeatable)")
    options.fail_on(parser)
    add("--json", metavar="FILE", help="write everything as JSON (- for standard output)")
    add("--markdown", metavar="FILE", help="write the table of versions and laws as Markdown (- for standard output)")


def run(args: argparse.Namespace) -> int:
    import harness
    from harness.cli.output import open_console, write_report
    from harness.report import drift

    versions = _versions(args)
    out = open_console(args.json, args.markdown)
    looked, turned, stopped = _follow(args, versions, out)
    turned.sort(key=lambda one: versions.index(one.after))
    looked.sort(key=lambda one: versions.index(one.version))
    for one in turned:
        for line, style in drift.describe_turn(one):
            say(out, line, style)
    usable = [one.version for one in looked if one.results is not None]
    for refused in (one for one in looked if one.results is None):
        say(out, f"litellm {refused.version}: {refused.why}")
    summary = f"{len(usable)} of {len(versions)} versions looked at; {len(turned)} brought changes"
    out.print(f"interrupted: {summary}" if stopped else summary)
    write_report(args.json, lambda: drift.bisection_document(looked, turned, harness=harness.__version__))
    write_report(args.markdown, lambda: drift.bisection_markdown(looked, turned, _command(args)))
    if stopped:
        return 130
    if len(usable) < 2:  # noqa: PLR2004 - nothing to compare
        return 2
    return options.failed(args, (change for one in turned for change in one.changes))


def _versions(args: argparse.Namespace) -> list[str]:
    from packaging.version import InvalidVersion, Version

    from harness.app import environments
    from harness.core.errors import UsageError

    if args.versions and (args.oldest or args.newest):
        raise UsageError("give --versions, or --oldest and --newest, not both")
    if args.versions:
        try:
            found = sorted(set(args.versions), key=Version)
        except InvalidVersion as error:
            raise UsageError(f"--versions: {error}; write them as 1.109.1") from error
        if len(found) < 2:  # noqa: PLR2004 - nothing to compare
            raise UsageError("give at least two versions")
        return found
    if not (args.oldest and args.newest):
        raise UsageError("give --oldest and --newest, or --versions: between which versions of litellm?")
    return environments.versions(args.oldest, args.newest)


def _follow(
    args: argparse.Namespace, versions: Sequence[str], out: Console
) -> tuple[list[VersionResults], list[Turn], bool]:
    from pathlib import Path

    from harness.app import card_runs, environments
    from harness.drift.bisect import VersionResults, bisect
    from harness.laws.provider_options import provers

    providers = provers(tuple(args.provider))
    files = [str(one.resolve()) for one in card_runs.cassettes(map(Path, args.cassettes))] if args.cassettes else []
    looked: list[VersionResults] = []
    turned: list[Turn] = []
    least: Grade = "cosmetic" if args.fail_on == "never" else args.fail_on
    with out.status("") as status:
        try:
            for event in bisect(
                versions,
                lambda version: environments.look(version, providers, files, status.update),
                least=least,
                every=args.every,
            ):
                if isinstance(event, VersionResults):
                    looked.append(event)
                    why = event.why or f"{len(event.results or ())} things looked at"
                    say(out, f"litellm {event.version}: {why}")
                else:
                    turned.append(event)
        except KeyboardInterrupt:
            return looked, turned, True
    return looked, turned, False


def _command(args: argparse.Namespace) -> str:
    versions = (
        f"--versions {' '.join(args.versions)}" if args.versions else f"--oldest {args.oldest} --newest {args.newest}"
    )
    more = "".join(f" --provider {one}" for one in args.provider) + (" --every" if args.every else "")
    return " ".join(["harness bisect", versions + more, *args.cassettes])
