"""What docs/server.md shows is what works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from harness.server.in_process import answering
from harness.server.rules import Rule, from_file

TEXT = (Path(__file__).parents[2] / "docs" / "server.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def test_the_rules_and_the_script_are_read(tmp_path: Path) -> None:
    rules, script = blocks("yaml")
    (tmp_path / "faults.yaml").write_text(rules)
    (tmp_path / "script.yaml").write_text(script)
    assert [rule.fault for rule in from_file(tmp_path / "faults.yaml")] == ["status", "cut", "reset"]
    with answering(tmp_path / "script.yaml", faults=tmp_path / "faults.yaml") as served:
        assert served.openai.endswith("/v1")


def test_every_fault_is_told() -> None:
    names = {name for kind in get_args(Rule) for name in get_args(kind.model_fields["fault"].annotation)}
    assert len(names) > 1
    assert {name for name in names if f"| `{name}` |" in TEXT} == names


def test_the_fixture_is_python() -> None:
    (fixture,) = blocks("python")
    compile(fixture, "docs/server.md", "exec")
