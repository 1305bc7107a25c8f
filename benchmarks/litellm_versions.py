"""Suites, laws and the committed card under each proven litellm, in environments of their own: `make litellm-versions`.

Prints the table of docs/litellm-versions.md, and ends with 1 where something does not hold. The environments are those
of `harness bisect`, made where they are missing. Half an hour of one core with 100 drawn examples a provider and mode.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.app.environments import CLOUDS, Environment, add, environment
from harness.backend.library import OFFLINE, PROVEN
from harness.drift.bisect import VersionFailed
from harness.report.cards import document

ROOT = Path(__file__).resolve().parent.parent
CARD = ROOT / "docs" / "cards" / "local.json"
UNDECLARED = {"1.106.2": ("mcp",)}
"""What a litellm needs for tools and does not declare: our extra ``litellm-1-106``."""
HEAD = ("litellm", "suites", "committed card", "exemplars", "drawn", "laws that are broken", "known faults of litellm")


def harness(made: Environment, *words: str) -> subprocess.CompletedProcess[str]:
    """``harness`` with ``words`` under the litellm of ``made``, offline, from the project's folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HARNESS_"))}
    env = {**inherited, **OFFLINE, "PYTHONWARNINGS": "ignore"}
    line = [str(made.python), "-m", "harness", *words]
    return subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def suites(made: Environment, folder: Path) -> tuple[bool, str]:
    """Whether the shipped suites are green, and how many cases they are."""
    file = folder / "run.json"
    done = harness(made, "run", "suites", "--json", str(file))
    if not file.exists():
        return False, (done.stderr or done.stdout).strip().splitlines()[-1][:200]
    counts = json.loads(file.read_text(encoding="utf-8"))["counts"]
    return done.returncode == 0, ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def card(made: Environment, folder: Path) -> tuple[bool, str]:
    """Whether each cell of the committed cards comes out as it is committed, H1 to H6 aside."""
    file = folder / "card.json"
    done = harness(made, "card", "--no-self-checks", "--json", str(file))
    if done.returncode:
        return False, done.stderr.strip().splitlines()[-1][:200]
    there, again = (document.read(one.read_text(encoding="utf-8"), one.name) for one in (CARD, file))
    cells = [
        (cell, other)
        for card, made_now in zip(there, again, strict=True)
        for cell in card.cells
        if not cell.check.startswith("H")
        for other in [made_now.cell(cell.check, cell.mode)]
    ]
    differ = sorted({cell.check for cell, other in cells if cell != other})
    return not differ, f"{len(cells)} cells, " + (f"other: {', '.join(differ)}" if differ else "all the same")


def laws(made: Environment, words: argparse.Namespace, folder: Path) -> tuple[bool, tuple[str, str, str, str]]:
    """Whether every law holds; exemplars, drawn examples, what is broken and what litellm's own faults broke."""
    file = folder / "proofs.json"
    only = [part for provider in words.provider for part in ("--provider", provider)]
    done = harness(made, "prove", *only, "--examples", str(words.examples), "--keep", str(folder), "--json", str(file))
    if not file.exists():
        return False, ("", "", (done.stderr or done.stdout).strip().splitlines()[-1][:200], "")
    proofs = json.loads(file.read_text(encoding="utf-8"))
    broken = sorted({f"{law} ({proof['provider']} {proof['mode']})" for proof in proofs for law in proof["broken"]})
    known = sum(sum(counts.values()) for proof in proofs for counts in proof["known"].values())
    counts = (sum(proof[name] for proof in proofs) for name in ("exemplars", "drawn"))
    exemplars, drawn = (f"{count:,}" for count in counts)
    return done.returncode == 0, (exemplars, drawn, ", ".join(broken) or "none", f"{known:,}")


def row(version: str, words: argparse.Namespace) -> tuple[bool, tuple[str, ...]]:
    """Whether all holds under ``version``, and its line of the table."""
    made = environment(version, lambda line: print(line, file=sys.stderr, flush=True))
    if isinstance(made, VersionFailed):
        return False, (version, made.why, "", "", "", "", "")
    for package in ("pytest", *CLOUDS, *UNDECLARED.get(version, ())):
        if package not in made.added and (why := add(made, package)):
            return False, (version, why, "", "", "", "", "")
    install = [str(made.python), "-m", "pip", "install", "-q", "--no-deps", "-e", str(ROOT)]
    subprocess.run(install, check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ran, ran_cells = suites(made, folder)
        same, same_cells = card(made, folder)
        holds, held_cells = laws(made, words, folder)
    return ran and same and holds, (version, ran_cells, same_cells, *held_cells)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", default=PROVEN, help=f"releases (default: {' '.join(PROVEN)})")
    parser.add_argument("--examples", type=int, default=100, help="drawn for each provider and mode")
    parser.add_argument("--provider", action="append", default=[], help="prove only this provider")
    words = parser.parse_args()
    found = []
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for version in words.versions:
        holds, cells = row(version, words)
        found.append(holds)
        print(f"| {' | '.join(cells)} |", flush=True)
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
