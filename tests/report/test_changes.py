from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.core.change import Change
from harness.report import changes

BARE = Change("contract", "request", "exchange 0.request.path", None, None, "asked otherwise")
SIDED = Change("contract", "verdict", "D1", "pass", None, "was pass, is gone")


@pytest.mark.parametrize(("change", "beside"), [(BARE, False), (SIDED, True)])
def test_sides_are_put_beside_one_another_only_where_there_are_any(change: Change, *, beside: bool) -> None:
    console = Console(file=io.StringIO(), width=100)
    changes.show(console, {"a.json": [change]})
    shown = console.file.getvalue()
    written = changes.markdown({"a.json": [change]})
    assert change.message in shown
    assert change.message in written
    assert [("before" in text, "null" in text) for text in (shown, written)] == [(beside, beside)] * 2
