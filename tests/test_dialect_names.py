"""What is known of a dialect or provider stands in ``harness/dialects``: no file elsewhere tests for their names."""

from __future__ import annotations

import ast
from pathlib import Path

from harness.dialects import DIALECTS
from harness.dialects.providers import PROFILES

HOUSE = Path(__file__).parent.parent / "harness"
NAMES = DIALECTS.keys() | PROFILES.keys()
# litellm's own peculiarities and faults, which are about one provider each, and one adapter a provider's package.
HOMES = ("dialects/", "backend/repairs", "backend/known_faults", "laws/known_faults", "adapters/")
# Words of a rule set, in which a key is assigned to a name.
WORDS = {"cassette/secrets/shapes"}
# litellm hands everything over in OpenAI's shape, and a default of ours is OpenAI's wire.
DEFAULTS = {
    *("strategies/names", "app/starter", "cli/prove"),
    *(f"backend/{name}" for name in ("errors", "names", "response")),
}


def named(file: Path) -> set[str]:
    """The dialects and providers that a file's strings are, docstrings aside."""
    strings = (
        node.value for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant)
    )
    return {one for one in strings if isinstance(one, str) and one.partition("/")[0] in NAMES}


def test_no_file_outside_their_homes_names_a_dialect_or_provider():
    left = {}
    for file in sorted(HOUSE.rglob("*.py")):
        here = file.relative_to(HOUSE).with_suffix("").as_posix()
        found = named(file) if not here.startswith(HOMES) and here not in WORDS else set()
        if found and not (here in DEFAULTS and found <= {"openai", "openai/smollm2-135m"}):
            left[here] = sorted(found)
    assert left == {}
