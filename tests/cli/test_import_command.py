"""`harness cassettes import` and `harness cassettes export` from the outside: files, folders, names, losses, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.cassette import load

FILES = Path(__file__).parent.parent / "cassette" / "importers" / "files"
SHAPED = "sk-" + "q7Zr2Wm9Xt4Kc8VbLd3Hn6Yp5Gs1Jf0T"


def interaction(**more):
    request = {"method": "GET", "uri": "http://127.0.0.1/", "body": None, "headers": {}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "fine"}}
    return {"request": {**request, **more.pop("request", {})}, "response": {**response, **more}}


def written(path, *interactions):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 1, "interactions": list(interactions)}))
    return str(path)


def test_every_file_finds_its_format_and_its_place(tmp_path, capsys):
    shutil.copytree(FILES, tmp_path / "theirs")
    words = ["--to", str(tmp_path / "ours"), "--fill", "HOST=api.example.test"]
    assert main(["cassettes", "import", str(tmp_path / "theirs"), *words]) == 0
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert "polly.har: log.entries[3] was left out: its request body was not recorded" in told.err
    assert told.out.endswith("60 interactions taken over, 1 left out\n")
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == [
        "cassetter.json",
        "go-vcr-1.json",
        "go-vcr-2.json",
        "httpmock.json",
        "langchain.json",
        "parsed-body.json",
        "polly.json",
        "ruby-vcr-as-json.json",
        "ruby-vcr-exact.json",
        "ruby-vcr.json",
        "vcrpy-as-json.json",
        "vcrpy.json",
    ]
    assert main(["cassettes", "audit", str(tmp_path / "ours")]) == 0
    assert main(["cassettes", "check", "--cassettes", str(tmp_path / "ours")]) in {0, 2}
    assert main(["cassettes", "show", str(tmp_path / "ours" / "vcrpy.json")]) == 0
    assert "imported, recorded 2026-11-24T" in capsys.readouterr().out


def test_the_same_import_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        theirs = tmp_path / f"{folder} home" / "vcrpy.yaml"
        theirs.parent.mkdir()
        shutil.copy(FILES / "vcrpy.yaml", theirs)
        assert main(["cassettes", "import", str(theirs), "--to", str(tmp_path / folder)]) == 0
    assert (tmp_path / "one" / "vcrpy.json").read_bytes() == (tmp_path / "two" / "vcrpy.json").read_bytes()


LEFT = {
    "a number for a body": (interaction(body={"string": 12345}), "its response body is the number 12345, not text"),
    "no for a body": (interaction(body={"string": False}), "its response body is true or false, not text"),
    "no response": ({"request": {"method": "GET", "uri": "http://127.0.0.1/"}}, "it has no response"),
    "no request": ({"response": {}}, "it has no request"),
    "no body": ({**interaction(), "response": {"status": {"code": 200}}}, "its response has no body"),
    "status as text": (interaction(status={"code": "200"}), "its status is text, not a number"),
    "status below 0": (interaction(status={"code": -1}), "-1 is no HTTP status"),
    "a line break": (interaction(headers={"content-type": ["a\r\nb: c"]}), "a line break"),
    "a number as header": (interaction(headers={"content-type": [1.5]}), "a header is the number 1.5, not text"),
    "a relative URL": (interaction(request={"uri": "/v1"}), "is no http or https URL"),
    "another scheme": (interaction(request={"uri": "file:///etc/passwd"}), "is no http or https URL"),
    "a broken URL": (interaction(request={"uri": "http://[::1/"}), "its URL is none"),
    "a broken port": (interaction(request={"uri": "http://127.0.0.1:99999/"}), "its URL is none"),
    "half a surrogate": (interaction(body={"string": "\ud83d"}), "half a surrogate pair"),
    "a text": ("an interaction", "it is text, not an object"),
    "two bodies": (interaction(parsed_body={}, body={"string": "a"}), "stands twice, parsed and plain"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_is_told_with_place_and_reason(name, tmp_path, capsys):
    one, reason = LEFT[name]
    path = written(tmp_path / "a.json", interaction(), one, interaction())
    assert main(["cassettes", "import", path, "--to", str(tmp_path / "ours")]) == 0
    told = capsys.readouterr()
    assert f"{path}: interactions[1] was left out: " in told.err
    assert reason in told.err
    assert told.out.endswith("2 interactions taken over, 1 left out\n")
    assert len(load(tmp_path / "ours" / "a.json").exchanges) == 2


def test_nothing_taken_is_no_success(tmp_path, capsys):
    path = written(tmp_path / "a.json", interaction(status={"code": "200"}))
    assert main(["cassettes", "import", path, "--to", str(tmp_path / "ours")]) == 2
    assert not (tmp_path / "ours").exists()


def test_what_looks_like_a_key_is_left_and_never_shown(tmp_path, capsys):
    leak = interaction(body={"string": f"your key is {SHAPED}"})
    path = written(tmp_path / "a.json", interaction(), leak)
    assert main(["cassettes", "import", path, "--to", str(tmp_path / "ours")]) == 3
    told = capsys.readouterr()
    assert "interactions[1] was left out: the response's body of GET http://127.0.0.1/ holds" in told.err
    assert SHAPED[3:] not in told.err + told.out + (tmp_path / "ours" / "a.json").read_text()


def test_a_key_that_any_request_carries_is_taken_out_of_all(tmp_path, capsys):
    key = "planted-q7Zr2Wm9Xt4Kc8Vb"
    early = interaction(body={"string": f"your key is {key}"})
    late = interaction(request={"headers": {"Authorization": [f"Bearer {key}"]}})
    assert main(["cassettes", "import", written(tmp_path / "a.json", early, late), "--to", str(tmp_path / "ours")]) == 0
    assert "q7Zr2Wm9" not in (tmp_path / "ours" / "a.json").read_text()
    assert b"your key is" in load(tmp_path / "ours" / "a.json").exchanges[0].response.body


def test_one_bad_file_stops_no_other(tmp_path, capsys):
    good = written(tmp_path / "good.json", interaction())
    (tmp_path / "bad.yaml").write_text("interactions:\n\t- a")
    words = [
        "cassettes",
        "import",
        str(tmp_path / "bad.yaml"),
        good,
        str(tmp_path / "none.yaml"),
        "--to",
        str(tmp_path / "ours"),
    ]
    assert main(words) == 2
    told = capsys.readouterr()
    assert "bad.yaml: is no YAML that can be read" in told.err
    assert "none.yaml: there is no such file" in told.err
    assert load(tmp_path / "ours" / "good.json").exchanges


def test_nothing_is_overwritten_unasked(tmp_path, capsys):
    path = written(tmp_path / "a.json", interaction())
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "a.json").write_text("mine")
    assert main(["cassettes", "import", path, "--to", str(tmp_path / "ours")]) == 2
    assert "exists already; --overwrite replaces it" in capsys.readouterr().err
    assert (tmp_path / "ours" / "a.json").read_text() == "mine"
    assert main(["cassettes", "import", path, "--to", str(tmp_path / "ours"), "--overwrite"]) == 0


def test_two_files_never_become_one(tmp_path, capsys):
    written(tmp_path / "in" / "deep" / "A b.json", interaction())
    written(tmp_path / "in" / "deep" / "a b.json", interaction())
    assert main(["cassettes", "import", str(tmp_path / "in"), "--to", str(tmp_path / "ours")]) == 0
    made = [path.relative_to(tmp_path / "ours").as_posix() for path in (tmp_path / "ours").rglob("*.json")]
    assert sorted(made) == ["deep/A b.json", "deep/a b.json"]
    written(tmp_path / "in" / "deep" / "a b.yaml", interaction())
    assert main(["cassettes", "import", str(tmp_path / "in"), "--to", str(tmp_path / "other")]) == 2
    assert "would both become" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_lines_stay_in_their_folder(tmp_path, capsys):
    line = {"method": "GET", "url": "http://127.0.0.1/", "status": 200, "response_body": "a"}
    names = ["../../out.json#0", "/etc/passwd#0", "a/../b.yaml#0", "con.json#0", "#0", "a/b.yaml#0", "a/b.yaml#1"]
    lines = [json.dumps({**line, "id": name}) for name in names] + ["{", "[]", json.dumps({**line, "status": "200"})]
    (tmp_path / "some.jsonl").write_text("\n".join(lines))
    assert main(["cassettes", "import", str(tmp_path / "some.jsonl"), "--to", str(tmp_path / "deep" / "ours")]) == 0
    told = capsys.readouterr()
    assert [line.split(": ")[1] for line in told.err.splitlines()] == [
        "line 8 was left out",
        "line 9 was left out",
        "line 10 was left out",
    ]
    assert "7 interactions taken over, 3 left out" in told.out
    ours = tmp_path / "deep" / "ours"
    made = list(tmp_path.rglob("*.json"))
    assert all(path.is_relative_to(ours) for path in made)
    assert len(made) == 6


def test_format_by_name(tmp_path, capsys):
    path = written(tmp_path / "a.json", interaction())
    assert main(["cassettes", "import", path, "--to", str(tmp_path / "ours"), "--format", "tape"]) == 2
    assert "there is no format 'tape'; there are json-lines, cassetter," in capsys.readouterr().err
    for name in ("json-lines", "ruby-vcr", "polly", "langchain", "go-vcr"):
        assert main(["cassettes", "import", path, "--to", str(tmp_path / "ours"), "--format", name]) == 2, name
    assert "bug" not in capsys.readouterr().err
    assert main(["cassettes", "import", path, "--to", str(tmp_path / "ours"), "--format", "vcrpy"]) == 0


def test_other_wires_are_told(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text(
        "version: 1\ninteractions: []\ngrpc_interactions:\n- {request: {}, response: {}}\nws_interactions:\n- {uri: x}\n"
    )
    assert main(["cassettes", "import", str(tmp_path / "a.yaml"), "--to", str(tmp_path / "ours")]) == 2
    told = capsys.readouterr().err
    assert "grpc_interactions[0] was left out: it is gRPC" in told
    assert "ws_interactions[0] was left out: it is a WebSocket" in told


def test_export_refuses_in_a_sentence(tmp_path, capsys):
    assert main(["cassettes", "import", str(FILES / "vcrpy.yaml"), "--to", str(tmp_path)]) == 0
    ours = str(tmp_path / "vcrpy.json")
    assert main(["cassettes", "export", ours, "--to", str(tmp_path / "x.yaml")]) == 0
    for to, says in (("x.yaml", "exists already"), ("x.txt", ".yaml file"), ("x.yaml/y.yaml", "can't be written")):
        assert main(["cassettes", "export", ours, "--to", str(tmp_path / to)]) == 2
        assert says in capsys.readouterr().err
    assert main(["cassettes", "export", ours, "--to", str(tmp_path / "x.yaml"), "--overwrite"]) == 0
    assert main(["cassettes", "export", str(tmp_path / "none.json"), "--to", str(tmp_path / "y.yaml")]) == 2
    assert "there is no such cassette" in capsys.readouterr().err


def test_an_import_into_its_own_folder_leaves_out_what_it_wrote_there(tmp_path, capsys):
    place = str(tmp_path / "tapes")
    written(tmp_path / "tapes" / "a.yaml", interaction())
    written(tmp_path / "tapes" / "deep" / "b.yaml", interaction())
    assert main(["cassettes", "import", place, "--to", place]) == 0
    first = sorted(one.relative_to(tmp_path) for one in tmp_path.rglob("*.json"))
    assert len(first) == 2
    assert main(["cassettes", "import", place, "--to", place]) == 2
    assert capsys.readouterr().err.count("exists already; --overwrite replaces it") == 2
    assert main(["cassettes", "import", place, "--to", place, "--overwrite"]) == 0
    assert "2 interactions taken over, 0 left out" in capsys.readouterr().out
    assert sorted(one.relative_to(tmp_path) for one in tmp_path.rglob("*.json")) == first
    assert main(["cassettes", "import", place, "--to", f"{place}/imported"]) == 0
    assert main(["cassettes", "import", place, "--to", f"{place}/imported", "--overwrite"]) == 0
    assert len(list((tmp_path / "tapes" / "imported").rglob("*.json"))) == 2


def test_two_files_that_lead_to_one_cassette_do_not_replace_each_other(tmp_path, capsys):
    lines = tmp_path / "theirs" / "x.jsonl"
    lines.parent.mkdir()
    row = {"id": "y#0", "url": "http://127.0.0.1/", "method": "POST", "status": 200, "response_body": "of x"}
    lines.write_text(json.dumps(row) + "\n")
    written(tmp_path / "theirs" / "x" / "y.yaml", interaction(body={"string": "of y"}))
    words = ["cassettes", "import", str(tmp_path / "theirs"), "--to", str(tmp_path / "ours"), "--overwrite"]
    assert main(words) == 2
    told = capsys.readouterr()
    assert "was just written from another file; import them to two folders" in told.err
    assert "1 interaction taken over" in told.out
    (kept,) = (tmp_path / "ours").rglob("*.json")
    assert load(kept).exchanges[0].response.body in {b"of x", b"of y"}
