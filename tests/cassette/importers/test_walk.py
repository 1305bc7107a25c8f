"""Large files, read element by element: the same cassettes as a small one's, in the memory of one exchange."""

from __future__ import annotations

import gzip
import json
import os
import random
import string
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.cassette import load
from harness.cassette.format import document
from harness.cassette.importers import bring, walk
from harness.cassette.importers.importer import NotARecordingError
from harness.core.errors import CassetteDamagedError, HarnessError, UsageError
from tests.cassette.importers.test_files import FILES
from tests.cassette.importers.test_hostile import BROKEN, ONE

KEY = "planted-q7Zr2Wm9Xt4Kc8Vb"
OTLP = [{"key": f"gen_ai.{way}.messages", "value": {"stringValue": '[{"role": "user", "parts": []}]'}} for way in ("input", "output")]  # fmt: skip
SPAN = {"attributes": OTLP}
RUN = {"run_type": "llm", "inputs": {"messages": [{"role": "user", "content": "a"}]}, "outputs": {"choices": [{"message": {"content": "b"}}]}}  # fmt: skip
ROW = {"type": "GENERATION", "input": [{"role": "user", "content": "é"}], "output": "b"}
LINE = {
    "method": "POST",
    "url": "https://a.test/",
    "status": 200,
    "request_headers": {"authorization": f"Bearer {KEY}"},
}
VCR = yaml.safe_load(ONE)[0]
# What no file of a recorder beside us holds: lists in lists, two lists, lines, more than one cassette.
MADE = {
    "otlp.json": {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [SPAN, SPAN]}, {"spans": [SPAN]}]}] * 2},
    "langfuse.json": {"meta": {}, "data": [ROW, {"type": "SPAN"}, ROW]},
    "langfuse-list.json": [ROW, ROW, {"type": "EVENT"}],
    "langsmith.json": {"runs": [RUN, {"run_type": "tool"}, RUN]},
    "langchain.json": {"requests": [VCR["request"]] * 3, "responses": [VCR["response"]] * 2},
    "langchain-more.json": {"requests": [VCR["request"]], "responses": [VCR["response"]] * 3},
    "odd.json": {"interactions": [1, VCR, None, {"request": {}}, VCR, "\ud800"], "version": 1},
    "lines.jsonl": [{**LINE, "id": f"{name}#0", "response_body": f"said {KEY} {name}"} for name in "abacé"],
    "otlp.jsonl": [{"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}] * 3,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, made in MADE.items():
        whole = "\n".join(map(json.dumps, made)) if name.endswith("l") else json.dumps(made)
        (folder / name).write_text(whole)
    aliases = f"interactions:\n- &one {ONE.strip()[2:].replace(chr(10), chr(10) + '')}\n- *one\nversion: 1\n"
    (folder / "aliases.yaml").write_text(aliases)
    return folder


def came_to(file, folder, **options):
    """All that an import says and writes."""
    result = bring(file, "a", folder, **options).result
    texts = {one.relative_to(folder): one.read_text() for one in folder.rglob("*") if one.is_file()}
    return result, texts


@pytest.mark.parametrize(
    "name", [*MADE, "aliases.yaml", *sorted(one.name for one in FILES.iterdir() if one.suffix != ".md")]
)
def test_a_large_file_comes_to_the_same_as_a_small_one(name, files, tmp_path, monkeypatch):
    file = next(one / name for one in (files, FILES) if (one / name).exists())
    fill = {"HOST": "http://127.0.0.1:8899"}
    small = came_to(file, tmp_path / "small", fill=fill)
    assert small[0].taken
    assert KEY[8:] not in repr(small[1])
    for size in (7, 4096):
        monkeypatch.setattr(walk, "SMALL", 0)
        monkeypatch.setattr(walk, "_PIECE", size)
        assert came_to(file, tmp_path / f"by {size}", fill=fill) == small
    if file.suffix != ".gz":
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress(file.read_bytes()))
        assert came_to(packed, tmp_path / "packed", fill=fill)[0] == small[0]


@pytest.mark.parametrize("name", BROKEN)
def test_a_large_file_that_is_broken_leaves_nothing_and_is_told_in_a_sentence(name, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "SMALL", -1)
    monkeypatch.setattr(walk, "LARGEST", 2**20)
    path = tmp_path / "file"
    path.write_bytes(BROKEN[name][0])
    with pytest.raises(HarnessError) as caught:
        bring(path, "a", tmp_path / "out")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 400
    assert not list((tmp_path / "out").rglob("*"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'{{"interactions": [{json.dumps(VCR)},\n{json.dumps(VCR)} x', r"it is no JSON \(Expecting ','\) at line 2"),
        (f'{{"interactions": [{json.dumps(VCR)},\n"a', r"it is no JSON \(Unterminated string starting at\) at line 2"),
        (f'{{"interactions": [{json.dumps(VCR)}]\n, }}', "it is no JSON .* at line 2"),
        (f'{{"interactions": [{json.dumps(VCR)}]}}\n\n1', r"it is no JSON \(Extra data\) at line 3"),
        (f"interactions:{ONE}{ONE}- {{a: [}}\n", "no YAML that can be read .* at line 7"),
        (f"interactions:{ONE}- *none\n", "stands for what it is a part of, or for nothing"),
        (f"interactions:{ONE}interactions: []\n", "a key stands twice"),
        (f"interactions:{ONE}- \xff\n".encode("latin-1"), "is not UTF-8 at line 4"),
        (f"interactions:{ONE}- {'a' * 9000}\n", "an element of more than"),
        (f'{{"interactions": [{json.dumps(VCR)}, "{"a" * 9000}"]}}', "an element of more than"),
        (f"interactions:{ONE}- {'[' * 300}\n", "nested deeper"),
    ],
)
def test_where_a_large_file_is_broken_is_told_and_nothing_is_written(text, says, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "SMALL", 0)
    monkeypatch.setattr(walk, "_PIECE", 64)
    monkeypatch.setattr(walk, "LARGEST", 4000)
    path = tmp_path / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CassetteDamagedError, match=says):
        bring(path, "a", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*"))


def test_a_large_file_of_anything_else_is_no_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "SMALL", 0)
    for number, text in enumerate(['{"a": {"interactions": []}}', "[[1], 2]", "a: 1\n---\nb: 2", "just words", "12"]):
        (tmp_path / f"{number}").write_text(text)
        with pytest.raises(NotARecordingError):
            bring(tmp_path / f"{number}", "a", tmp_path / "out")


def test_what_stands_there_is_kept_and_a_large_cassette_goes_on_in_another(tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "SMALL", 0)
    monkeypatch.setattr(document, "LARGEST", 2000)
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"interactions": [VCR] * 12, "version": 1}))
    written = bring(path, "a", tmp_path / "out").written
    assert [one.name for one in written][:3] == ["a.json", "a.2.json", "a.3.json"]
    assert sum(len(load(one).exchanges) for one in written) == 12
    assert all(one.stat().st_size < 3000 for one in written)
    written[0].unlink()
    with pytest.raises(UsageError, match=r"a.2.json exists already; --overwrite replaces it"):
        bring(path, "a", tmp_path / "out")
    assert set((tmp_path / "out").iterdir()) == set(written[1:])
    assert bring(path, "a", tmp_path / "out", overwrite=True).written == written


def test_recordings_that_take_turns_are_held_open_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.cassette.importers.importer._OPEN", 2)
    rows = [{**LINE, "id": f"{name}#0", "response_body": f"{name} {turn}"} for turn in "12" for name in "abcde"]
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    for one in bring(path, "a", tmp_path / "out").written:
        bodies = [exchange.response.body.decode() for exchange in load(one).exchanges]
        assert bodies == [f"{one.stem} 1", f"{one.stem} 2"]


@pytest.mark.parametrize("small", [0, walk.SMALL])
@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["x/a.json", "x/a.yaml", "x/a-2", "x/a"], ["x/a.json", "x/a-3.json", "x/a-2.json", "x/a-4.json"]),
        (["x", "x.json/b", "/"], ["x-2.json", "x.json/b.json", "+.json"]),
    ],
)
def test_recordings_that_lead_to_one_path_have_a_file_each(names, files, small, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "SMALL", small)
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(json.dumps({**LINE, "id": f"{one}#0", "response_body": one}) for one in names))
    written = bring(path, "a", tmp_path / "out").written
    assert [one.relative_to(tmp_path / "out/a").as_posix() for one in written] == files
    assert [load(one).exchanges[0].response.body.decode() for one in written] == names
    assert bring(path, "a", tmp_path / "out", overwrite=True).written == written


@pytest.mark.parametrize("small", [0, walk.SMALL])
def test_where_a_cassette_goes_on_is_no_recording_of_that_name(small, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "SMALL", small)
    monkeypatch.setattr(document, "LARGEST", 2000)
    rows = [{**LINE, "id": f"{name}#0", "response_body": f"{name} {'-' * 300}"} for name in ("a.2", *["a"] * 12)]
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    written = bring(path, "a", tmp_path / "out").written
    assert [one.name for one in written][:4] == ["a.2.json", "a.json", "a.3.json", "a.4.json"]
    assert len(load(written[0]).exchanges) == 1
    assert sum(len(load(one).exchanges) for one in written) == 13


def test_an_import_of_many_recordings_ends_with_few_files_open(tmp_path, monkeypatch):
    """Many machines allow a program 256 open files."""
    path = tmp_path / "many.jsonl"
    path.write_text(
        "\n".join(json.dumps({**LINE, "id": f"r{number}#0", "response_body": "x"}) for number in range(150))
    )
    most, sync = [], os.fsync

    def counting(handle):
        most.append(len(list(Path("/dev/fd").iterdir())))
        sync(handle)

    before = len(list(Path("/dev/fd").iterdir()))
    monkeypatch.setattr(os, "fsync", counting)
    assert len(bring(path, "many", tmp_path / "out").written) == 150
    assert max(most) - before < 80


def test_a_number_that_is_cut_where_a_piece_ends_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "SMALL", 0)
    rows = [{**VCR, "recorded": number} for number in (1.5, 12.25, 1e30, -0.001, 17, 2.5e-7)]
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"version": 1.5, "interactions": rows}))
    for size in range(1, 40):
        monkeypatch.setattr(walk, "_PIECE", size)
        assert bring(path, "a", tmp_path / f"by {size}").result.taken == len(rows)


def test_a_json_list_with_surrogates_is_read_as_json(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{**ROW, "output": "\U0001f600 said"}]))
    assert "\\ud83d" in path.read_text()
    (written,) = bring(path, "a", tmp_path / "out").written
    assert "\U0001f600 said" in load(written).exchanges[0].response.body.decode()


PEAK = """
import sys
from harness.__main__ import main
def peak():
    return int(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))
small, large, to = sys.argv[1:]
assert main(["cassettes", "import", small, "--to", to]) == 0
before = peak()
assert main(["cassettes", "import", large, "--to", to]) == 0
print("more KB:", peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["yaml", "json", "jsonl"])
def test_200_mb_take_little_more_memory_than_a_small_file(kind, tmp_path):
    """Measured in a process of its own, by the system."""
    draw = random.Random(1)
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 9))) for _ in range(5000)]

    def rows(count):
        for number in range(count):
            said = json.dumps({"number": number, "content": " ".join(draw.choices(words, k=2500))})
            request = {"method": "POST", "uri": "https://a.test/", "headers": {"authorization": [f"Bearer {KEY}"]}}
            response = {"status": {"code": 200}, "headers": {}, "body": {"string": said}}
            yield {"request": {**request, "body": json.dumps({"ask": number})}, "response": response}

    def write(path, count):
        with path.open("w") as file:
            if kind == "yaml":
                file.write("interactions:\n")
                for row in rows(count):
                    file.write(yaml.dump([row], Dumper=yaml.CSafeDumper))
                file.write("version: 1\n")
            elif kind == "json":
                file.write('{"version": 1, "interactions": [')
                for number, row in enumerate(rows(count)):
                    file.write(f"{',' if number else ''}{json.dumps(row)}")
                file.write("]}")
            else:
                for number, row in enumerate(rows(count)):
                    line = {**LINE, "id": f"{number // 500}#0", "response_body": row["response"]["body"]["string"]}
                    file.write(json.dumps(line) + "\n")

    write(tmp_path / f"small.{kind}", 500)
    write(tmp_path / f"large.{kind}", 13_000)
    assert (tmp_path / f"large.{kind}").stat().st_size > 200e6
    words_ = [
        sys.executable,
        "-c",
        PEAK,
        *(tmp_path / f"{name}.{kind}" for name in ("small", "large")),
        tmp_path / "out",
    ]
    done = subprocess.run(words_, capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) < 150 * 1024, done.stdout
    made = [load(one) for one in sorted((tmp_path / "out").rglob("*.json"))]
    assert sum(len(one.exchanges) for one in made) == 13_500
