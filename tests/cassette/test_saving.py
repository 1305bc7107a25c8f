"""Saving, under the real fault: processes killed in the middle, disks that are full or read-only, several writers."""

from __future__ import annotations

import fcntl
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time

import pytest

from harness.cassette import Cassette, load, save
from harness.cassette.format import bodies
from harness.cassette.format.document import from_bytes, to_text
from harness.cassette.storage.journal import journal
from harness.cassette.storage.journal import read as journal_read
from harness.core.errors import CassetteWriteError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test", "1.0", "0.1")


def made(letter, count=1, size=10):
    answer = HttpResponse(200, (), (Chunk(b'{"a":"%s"}' % (letter * size).encode()),))
    exchanges = (Exchange(HttpRequest("POST", f"http://a.test/{n}", (), b'{"m":"x"}'), answer) for n in range(count))
    return Cassette(FROM, tuple(exchanges))


# Saves two cassettes in turn for ever, in a fork for each line that it reads: a fork starts at once. Most of the time
# of a save is taken by what comes before the writing, so it can be told to do the writing alone.
SAVER = """
import os, pathlib, sys
from harness.cassette import load, save; from harness.cassette.storage import store
path, *others = map(pathlib.Path, sys.argv[1:])
versions = [load(other) for other in others]
texts = [other.read_bytes() for other in others]
for line in sys.stdin:
    child = os.fork()
    if not child:
        while line == "save\\n":
            for version in versions:
                save(path, version)
        while True:
            for text in texts:
                file = store._Replacement(path)
                file.write(text)
                file.finish()
                file.drop()
    print(child, flush=True)
    os.waitpid(child, 0)
    print(flush=True)
"""


@pytest.fixture
def saver(tmp_path):
    """Saves one of two cassettes over and over at ``path``, until it is killed; ``path`` and the two."""
    path, versions = tmp_path / "c" / "a.json", [made("x", 300, 900), made("y", 200, 900)]
    files = [tmp_path / "x.json", tmp_path / "y.json"]
    for file, version in zip(files, versions, strict=True):
        save(file, version)
    save(path, versions[0])
    words = [sys.executable, "-c", SAVER, path, *files]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:

        def start(what="save"):
            program.stdin.write(f"{what}\n")
            program.stdin.flush()
            return int(program.stdout.readline())

        def kill(child):
            os.kill(child, signal.SIGKILL)
            assert program.stdout.readline() == "\n"

        yield path, versions, start, kill


def killed_at_random(saver, times, what="save"):
    path, versions, start, kill = saver
    torn = 0
    chance = random.Random(1)
    for _ in range(times):
        child = start(what)
        time.sleep(chance.uniform(0.001, 0.06))
        kill(child)
        assert load(path) in versions
        left = list(path.parent.glob(".*.tmp"))
        assert len(left) <= 1
        assert [file.name for file in path.parent.glob("*.json")] == ["a.json"]
        torn += len(left)
        for file in left:
            file.unlink()
    return torn


def test_p1_f1_no_kill_in_the_middle_of_saving_damages_a_cassette(saver):
    killed_at_random(saver, 15)
    killed_at_random(saver, 15, "write")


@pytest.mark.slow
def test_p1_f1_nor_do_200_kills_many_of_them_while_it_writes(saver):
    torn = killed_at_random(saver, 100) + killed_at_random(saver, 100, "write")
    print(f"200 kills, {torn} of them while the new file was being written; no cassette was damaged")
    assert torn > 20


def test_f6_a_reader_meets_the_old_cassette_or_the_new_one_during_a_save(saver):
    path, versions, start, kill = saver
    child = start()
    found = {versions.index(load(path)) for _ in range(60)}
    kill(child)
    assert found == {0, 1}


def test_f7_the_mode_of_a_file_is_kept_and_a_new_one_follows_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        save(tmp_path / "a.json", made("x"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o640
    (tmp_path / "a.json").chmod(0o604)
    save(tmp_path / "a.json", made("y"))
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o604


def test_f8_a_symbolic_link_is_followed_inside_the_root_and_refused_elsewhere(tmp_path):
    inside, outside, root = tmp_path / "root" / "a.json", tmp_path / "b.json", tmp_path / "root"
    for file in (inside, outside):
        save(file, made("x"))
    (root / "in.json").symlink_to("a.json")
    (root / "out.json").symlink_to(outside)
    save(root / "in.json", made("y"), root=root)
    assert load(inside) == load(root / "in.json") == made("y")
    for path, within, why in [("in", None, "is a symbolic link"), ("out", None, "is a"), ("out", root, "leads out of")]:
        with pytest.raises(CassetteWriteError, match=why):
            save(root / f"{path}.json", made("z"), root=within)
    assert load(outside) == made("x")
    assert (root / "in.json").is_symlink()
    assert (root / "out.json").is_symlink()


def test_f9_what_can_not_be_replaced_is_told_in_one_line(tmp_path):
    save(tmp_path / "a.json", made("x"))
    (tmp_path / "a.json").chmod(0o444)
    (tmp_path / "b.json").mkdir()
    (tmp_path / "c").touch()
    for path, why in [
        ("a.json", "read-only"),
        ("b.json", "Is a directory"),
        ("c/d.json", "File exists|Not a directory"),
    ]:
        with pytest.raises(CassetteWriteError, match=why) as told:
            save(tmp_path / path, made("y"))
        assert str(tmp_path / path) in str(told.value)
        assert "\n" not in str(told.value)
    assert load(tmp_path / "a.json") == made("x")


def test_f12_what_would_not_read_back_is_never_written(tmp_path, monkeypatch):
    save(tmp_path / "a.json", made("x"))
    # No input is known that does this, so a fault is put into the writer.
    monkeypatch.setattr(bodies, "written", lambda body: {"text": f"{body.decode()}!"})
    with pytest.raises(CassetteWriteError, match="would not read back"):
        save(tmp_path / "a.json", made("y"))
    monkeypatch.undo()
    assert load(tmp_path / "a.json") == made("x")
    assert len(list(tmp_path.iterdir())) == 1


def test_p12_the_same_recording_is_the_same_bytes_and_stays_so_when_it_is_read_and_saved(tmp_path):
    text = to_text(made("x", 20))
    assert to_text(made("x", 20)) == text == to_text(from_bytes(text.encode(), "x"))
    save(tmp_path / "a.json", made("x", 20))
    first = (tmp_path / "a.json").read_bytes()
    save(tmp_path / "a.json", load(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_bytes() == first == text.encode()


def on_a_disk(tmp_path, program, *words, size="512k"):
    """Run ``program`` with a small disk of its own mounted at its first word, which nobody else sees."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size={size} none {disk}"
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("NOT TESTED: this machine lets nobody mount a disk, so no disk could be filled")
    command = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable, "-c", program, disk, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


FULL = """
import os, pathlib, sys, httpx
from harness.cassette import load, open_tape, save
from harness.core.errors import CassetteWriteError
disk, small, large, url = pathlib.Path(sys.argv[1]), *map(load, sys.argv[2:4]), sys.argv[4]
path = disk / "a.json"
save(path, small)
(disk / "filler").write_bytes(b"x" * (512 * 1024 - 24 * 1024))
for number in range(2):
    try:
        if number:
            with open_tape(path, mode="record", provenance=small.provenance):
                answers = {httpx.post(f"{url}/{n}", content=b'"' + b"x" * 9000 + b'"').text for n in range(5)}
        else:
            save(path, large)
    except CassetteWriteError as error:
        print(error)
    assert load(path) == small
    assert not list(disk.glob(".*"))
print(len(answers))
(caught,) = pathlib.Path(os.environ["XDG_STATE_HOME"], "harness", "caught").iterdir()
kept = sorted(one.response.body.decode() for one in load(caught).exchanges)
print(caught, oct(caught.stat().st_mode & 0o777), kept == sorted(answers))
"""


def test_f4_a_full_disk_leaves_the_old_cassette_whole_and_the_error_says_path_and_errno(tmp_path, served, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    save(tmp_path / "small.json", made("x"))
    save(tmp_path / "large.json", made("y", 40, 2000))
    told = on_a_disk(tmp_path, FULL, tmp_path / "small.json", tmp_path / "large.json", served.url).splitlines()
    assert len(told) == 4
    for line in told[:2]:
        assert str(tmp_path / "disk" / "a.") in line
        assert "No space left on device (errno 28)" in line
    assert told[2] == "5"  # a disk that is full alters no live answer
    kept, mode, whole = told[3].split()
    assert told[1].endswith(f"what was recorded is in {kept}")
    assert (mode, whole) == ("0o600", "True")


NO_ROOM = """
import os, pathlib, sys, httpx
from harness.cassette import load, open_tape
from harness.core.errors import CassetteWriteError
disk, small, url = pathlib.Path(sys.argv[1]), load(sys.argv[2]), sys.argv[3]
os.environ["XDG_STATE_HOME"] = str(disk / "state")
(disk / "filler").write_bytes(b"x" * (512 * 1024 - 32 * 1024))
try:
    with open_tape(disk / "a.json", mode="record", provenance=small.provenance):
        for n in range(5):
            httpx.post(f"{url}/{n}", content=b'"' + b"x" * 9000 + b'"')
except CassetteWriteError as error:
    print(error)
(disk / "more").write_bytes(b"")
try:
    with (disk / "more").open("wb", buffering=0) as more:
        while True:
            more.write(b"x" * 512)
except OSError:
    pass
for name in ("a.json", "b.json"):
    try:
        with open_tape(disk / name, mode="record", provenance=small.provenance):
            print("asked")
    except CassetteWriteError as error:
        print(error)
(disk / "filler").unlink()
with open_tape(disk / "a.json", mode="record", provenance=small.provenance):
    httpx.post(f"{url}/9", content=b"{}")
    print(len(load(disk / "a.partial.json").exchanges))
"""


def test_f4_with_no_room_anywhere_the_error_says_how_much_the_journal_holds(tmp_path, served, monkeypatch):
    save(tmp_path / "small.json", made("x"))
    told = on_a_disk(tmp_path, NO_ROOM, tmp_path / "small.json", served.url).splitlines()
    assert len(told) == 4, told
    held = re.search(r"\(errno 28\).*; (\d) of \d recorded exchanges are in \S+journal", told[0])
    assert held, told
    assert "lost" not in told[0]
    for line in told[1:3]:
        assert "errno 28" in line
        assert "asked" not in line.replace("no request was sent yet", "")
    assert told[3] == held[1]  # and with room again the next recording takes them from there


KILLED = """
import os, signal, sys
from harness.cassette import load, save
from harness.cassette.storage import store
store.os.fsync = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
save(sys.argv[1], load(sys.argv[2]))
"""


def test_what_killed_saves_left_is_removed_by_the_next_and_another_save_under_way_is_let_be(tmp_path):
    save(tmp_path / "small.json", made("x"))
    for _ in range(2):
        words = [sys.executable, "-c", KILLED, tmp_path / "a.json", tmp_path / "small.json"]
        assert subprocess.run(words, timeout=100, check=False).returncode == -signal.SIGKILL
        assert len(list(tmp_path.glob(".a.json.*.tmp"))) == 1
    other = tmp_path / ".a.json.0123abcd.tmp"
    mine = tmp_path / ".a.json.notes.tmp"
    mine.write_text("somebody's own")
    with other.open("w") as under_way:
        fcntl.flock(under_way, fcntl.LOCK_EX)
        save(tmp_path / "a.json", made("y"))
        assert {one.name for one in tmp_path.glob(".*")} == {other.name, mine.name}
    save(tmp_path / "a.json", made("y"))
    assert {one.name for one in tmp_path.glob(".*")} == {mine.name}
    assert load(tmp_path / "a.json") == made("y")


QUOTA = """
import os, pathlib, resource, signal, sys, httpx
from harness.cassette import load, open_tape
from harness.core.errors import CassetteWriteError
from harness.core.exchange import Provenance
path, url = pathlib.Path(sys.argv[1]), sys.argv[2]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open_tape(path, mode="record", provenance=Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")):
        for number in range(3):
            httpx.post(f"{url}/{number}", content=b"{}")
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
except CassetteWriteError as error:
    print(error)
"""


def test_f4_a_file_that_may_not_grow_leaves_the_journal_and_says_so(tmp_path, served, monkeypatch):
    path = tmp_path / "a.json"
    done = subprocess.run(
        [sys.executable, "-c", QUOTA, path, served.url], capture_output=True, text=True, timeout=300, check=True
    )
    (line,) = done.stdout.splitlines()
    assert "File too large (errno 27)" in line
    assert f"what was recorded is in {journal(path)}" in line
    assert not path.exists()
    assert [one.request.url[-1] for one in journal_read(journal(path))[0].exchanges] == ["0", "1", "2"]


READ_ONLY = """
import os, pathlib, subprocess, sys
from harness.cassette import load, open_tape, save
from harness.core.errors import CassetteWriteError
disk, small = pathlib.Path(sys.argv[1]), load(sys.argv[2])
path = disk / "a.json"
save(path, small)
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
try:
    save(path, small)
except CassetteWriteError as error:
    print(error)
try:
    with open_tape(path, mode="record", provenance=small.provenance):
        print("opened")
except CassetteWriteError as error:
    print(error)
assert load(path) == small
"""


def test_f9_a_read_only_disk_is_told_before_anybody_is_asked(tmp_path):
    save(tmp_path / "small.json", made("x"))
    told = on_a_disk(tmp_path, READ_ONLY, tmp_path / "small.json").splitlines()
    assert len(told) == 2
    assert all("Read-only file system (errno 30)" in line for line in told)
