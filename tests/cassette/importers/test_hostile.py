"""Files that are broken or meant to harm: one sentence each, little time and memory, nothing run."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import re
import subprocess
import sys
import time

import pytest

from harness.cassette.importers import read
from harness.cassette.importers.bounded import Foreign, from_yaml
from harness.core.errors import CassetteDamagedError, HarnessError, UsageError

ONE = """
- request: {method: GET, uri: 'http://127.0.0.1/', body: null, headers: {}}
  response: {status: {code: 200, message: OK}, headers: {}, body: {string: fine}}
"""


def bomb(inside):
    names = "abcdefghij"
    lines = [f"{new}: &{new} {inside(f'*{old}')}" for old, new in itertools.pairwise(names)]
    return ("a: &a {x: 1}\n" + "\n".join(lines) + "\ninteractions: []").encode()


BROKEN = {
    "empty": (b" \n", "is empty"),
    "cut off": (b"interactions:\n- request: {method: GET", "line 2"),
    "cut JSON": (b'{"interactions": [ {"a": 1 ', "it is no JSON"),
    "conflict marks": (b"interactions:\n<<<<<<< HEAD\n- a\n=======\n", "line 3"),
    "a tab": (b"interactions:\n\t- a", "line 2"),
    "UTF-16": ("interactions: []".encode("utf-16"), "is not UTF-8 at line 1"),
    "bad UTF-8": (b"interactions:\n- \xff", "is not UTF-8 at line 2"),
    "NUL": (b"interactions: \0", "control characters"),
    "a key twice": (b"interactions: []\ninteractions: []", "a key stands twice"),
    "a name twice": (b'{"interactions": [], "interactions": []}', "a name stands twice"),
    "NaN": (b'{"interactions": [NaN]}', "NaN is no JSON"),
    "5,000 digits": (b"interactions: [" + b"1" * 5000 + b"]", "digits"),
    "brackets": (b"[" * 200_000, "deeper than 200"),
    "braces": (b'{"a":' * 100_000, "deeper than 200"),
    "dashes": (b"- " * 100_000, "deeper than 200"),
    "an alias bomb": (bomb(lambda old: f"[{','.join([old] * 9)}]"), "more than 100,000 nodes"),
    "a merge bomb": (bomb(lambda old: f"{{!!merge <<: [{','.join([old] * 9)}]}}"), "more than 100,000 nodes"),
    "itself": (b"interactions: &a [*a]", "part of"),
    "1 MB of little": (b"interactions: [" + b"a," * 500_000 + b"]", "nodes"),
    "broken base64": (b"interactions: !!binary '%%%'", "can't be read"),
    "a word for true": (b"interactions: !!bool maybe", "can't be read"),
    "no time": (b"interactions: !!timestamp x", "can't be read"),
    "cut gzip": (gzip.compress(b"interactions: []")[:-9], "can't be unpacked"),
    "a gzip bomb": (gzip.compress(bytes(1_000_000), 1) * 300, "larger than 128 MB"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_in_a_sentence(name, tmp_path):
    data, says = BROKEN[name]
    path = tmp_path / "file"
    path.write_bytes(data)
    begun = time.process_time()
    with pytest.raises(CassetteDamagedError, match=re.escape(says)) as caught:
        read(path)
    assert time.process_time() - begun < (2 if name == "a gzip bomb" else 1)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    "data", [b"<!DOCTYPE html><html></html>", b"- a\n- b", b"12345", b"interactions: []\nversion: 1", b'{"a": 1}']
)
def test_what_is_no_recording_is_called_so(data, tmp_path):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(UsageError, match=r"looks like no recording|vcrpy, no interactions"):
        read(tmp_path / "file")


@pytest.mark.parametrize("make", [os.mkdir, lambda path: None, lambda path: path.symlink_to(path), os.mkfifo])
def test_what_is_no_file_is_called_so(make, tmp_path):
    path = tmp_path / "file"
    make(path)
    with pytest.raises(UsageError, match=r"no (such )?file"):
        read(path)


def test_foreign_tags_are_never_built(tmp_path):
    mark = tmp_path / "ran"
    evil = f"!!python/object/apply:os.system ['touch {mark}']"
    assert from_yaml(f"a: {evil}") == {"a": Foreign("tag:yaml.org,2002:python/object/apply:os.system")}
    path = tmp_path / "file.yaml"
    path.write_text(
        f"interactions:{ONE}"
        f"- request: {{method: POST, uri: 'http://127.0.0.1/', body: {evil}, headers: {{}}}}\n"
        "  response: {status: {code: 200, message: OK}, headers: {}, body: {string: a}}\n"
        f"- {evil}\n- !ruby/object:Gem::Requirement {{a: b}}\nversion: 1\n"
    )
    result = read(path)
    assert result.taken == 1
    assert [(one.place, one.reason) for one in result.skipped] == [
        ("interactions[1]", "its request body is a python/object/apply:os.system, which is never built, not text"),
        ("interactions[2]", "it is a python/object/apply:os.system, which is never built, not an object"),
        ("interactions[3]", "it is a !ruby/object:Gem::Requirement, which is never built, not an object"),
    ]
    assert not mark.exists()


def test_plain_scalars_are_what_recorders_meant():
    text = "[1, 1.10, 1e5, no, 'no', 1:30, 2026-01-01, =, <<, ~, 0x1f, 012, 1_0, -0.5, 1.0e+300]"
    kept = [1, 1.1, "1e5", False, "no", "1:30", "2026-01-01", "=", "<<", None, "0x1f", "012", "1_0", -0.5, 1e300]
    assert from_yaml(text) == kept


def test_memory_stays_small(tmp_path):
    (tmp_path / "bomb").write_bytes(gzip.compress(b"a: b\n" * 60_000_000, 1))
    program = (
        "import sys\nfrom pathlib import Path\nfrom harness.cassette.importers import read\n"
        "from harness.core.errors import HarnessError\n"
        "try: read(Path(sys.argv[1]))\nexcept HarnessError as error: print(error)\n"
        # getrusage would tell the peak of the process that this one was forked from
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "bomb")], capture_output=True, text=True, timeout=300, check=True
    )
    *said, peak = run.stdout.split("\n")[:-1]
    assert "larger than 128 MB" in said[0]
    assert int(peak) < 512 * 1024


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_file_cut_anywhere_is_no_traceback(cut, tmp_path):
    text = f"interactions:{ONE}{ONE}version: 1\n".encode()
    (tmp_path / "file").write_bytes(text[: -cut * len(text) // 60])
    with contextlib.suppress(HarnessError):
        assert read(tmp_path / "file").taken <= 1
