"""`harness cassettes cover` from the outside: the tables, the document, and bad input."""

import json

import pytest

from tests.app.test_coverage import record


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    record(tmp_path / "cassettes" / "a.json")
    return tmp_path


def test_it_shows_what_is_there_and_what_to_ask(run, folder):
    code, out, _ = run("cassettes", "cover", "--cells", "--json", "cover.json")
    assert code == 0
    assert "openai" in out
    assert "2026-02-01" in out
    assert "greedily chosen" in out
    assert "card-ability" in out
    made = json.loads((folder / "cover.json").read_text())
    one = next(cell for cell in made["cells"] if (cell["check"], cell["mode"]) == ("D1", "whole"))
    assert one["recorded"] == {"live": 1}
    assert made["chosen"] == "greedily"
    assert made["dollars"] > 0


def test_the_document_goes_to_standard_output(run, folder):
    code, out, err = run("cassettes", "cover", "--max-dollars", "0.001", "--json", "-")
    assert code == 0
    assert 0 < json.loads(out)["dollars"] <= 0.001
    assert "real recording" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), "no such file or folder"),
        (("empty",), "no cassettes there"),
        (("--provider", "nobody"), "nothing is recorded of nobody; there are openai"),
        (("--max-dollars", "-1"), "--max-dollars is -1"),
        (("--max-dollars", "nan"), "--max-dollars is nan"),
        (("--repeats", "0"), "--repeats is 0"),
        (("--model", "what"), "write it as provider/model"),
    ],
)
def test_bad_input_is_one_sentence(run, folder, words, told):
    (folder / "empty").mkdir()
    code, _, err = run("cassettes", "cover", *words)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1
