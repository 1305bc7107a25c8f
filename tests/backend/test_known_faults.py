"""Each known fault, shown on litellm alone by the lines in docs/litellm-faults.md: a litellm without it turns its test
red, and its entry there goes.
"""

from __future__ import annotations

import contextlib
import pkgutil
import re
from pathlib import Path

import pytest
from packaging.version import Version

from harness.backend.known_faults import KNOWN_FAULTS
from harness.backend.library import installed
from harness.laws.known_faults import KNOWN

# litellm leaves sockets and event loops behind.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

PAGE = (Path(__file__).parent.parent.parent / "docs" / "litellm-faults.md").read_text(encoding="utf-8")
FIRST, *SECTIONS = re.split(r"^### ", PAGE.partition("\n## The original")[0], flags=re.MULTILINE)
SHOWN = {one.partition("\n")[0]: one for one in SECTIONS}


def code(section):
    (found,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    return found


def mended(seen):
    """Whether the installed litellm is newer than the last version in which a fault was seen."""
    return Version(installed()) > Version(seen.split()[-1])


@pytest.mark.parametrize("name", SHOWN)
def test_the_fault_is_still_there(litellm_offline, name):
    """Where litellm is newer than the entry says, that it is not."""
    lines = code(SHOWN[name])
    gone = mended(re.search(r"^Seen in (.+?)\. ", SHOWN[name], flags=re.MULTILINE)[1])
    assert lines.count("\n") <= 3
    assert "assert " in lines
    names: dict[str, object] = {}
    exec(compile(code(FIRST), "docs/litellm-faults.md", "exec"), names)
    with pytest.raises((AssertionError, LookupError)) if gone else contextlib.nullcontext():
        exec(compile(lines, f"docs/litellm-faults.md, {name}", "exec"), names)


def test_every_fault_is_shown_once():
    known = [fault.name for fault in KNOWN_FAULTS]
    known += [fault.name for fault in KNOWN if fault.name not in known]
    assert list(SHOWN) == known


@pytest.mark.parametrize("fault", KNOWN_FAULTS, ids=lambda fault: fault.name)
def test_the_page_says_what_the_table_does(fault):
    assert f"\n{fault.fault}\n" in SHOWN[fault.name]
    assert (f"Mended by `{fault.mended}`" if fault.mended else "Not mended") in SHOWN[fault.name]


def test_the_page_and_the_tables_name_the_same_versions():
    seen = {fault.name: fault.litellm for fault in KNOWN} | {fault.name: fault.seen_in for fault in KNOWN_FAULTS}
    assert [name for name, versions in seen.items() if f"\nSeen in {versions}. " not in SHOWN[name]] == []


@pytest.mark.parametrize("fault", KNOWN, ids=lambda fault: fault.name)
def test_the_page_names_the_laws_that_report_it(fault):
    told = SHOWN[fault.name].partition("Reported by ")[2].partition("\n")[0]
    assert told.startswith("every law") or set(re.findall(r"[A-Z]\d+", told)) == fault.laws


def test_what_mends_a_fault_is_where_the_table_says():
    for fault in KNOWN_FAULTS:
        named = [part for part in re.findall(r"\w+(?:\.\w+)+", fault.mended) if not part.startswith("litellm")]
        assert named or not fault.mended, fault.name
        for part in named:
            pkgutil.resolve_name(f"harness.backend.{part}")
