"""What a recorder filtered out of a URL is filled in, or the interaction is left out with what to do; old Polly bodies."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from harness.cassette.importers import read
from harness.cli.entry import main
from harness.core.errors import UsageError

ASKED = {"method": "post", "uri": "https://bedrock-runtime.<AWS_REGION>.amazonaws.com/model/m/converse", "body": {}}
CAME = {"status": {"code": 200}, "headers": {"Content-Type": ["application/json"]}, "body": {"string": "{}"}}


def ruby(tmp_path: Path, uri: str) -> Path:
    file = tmp_path / "vcr.json"
    file.write_text(json.dumps({"http_interactions": [{"request": {**ASKED, "uri": uri}, "response": CAME}]}))
    return file


@pytest.mark.parametrize("name", ["<AWS_REGION>", "%3CAWS_REGION%3E"])
def test_a_placeholder_in_a_url_is_told_with_the_option_that_fills_it(tmp_path: Path, name: str) -> None:
    file = ruby(tmp_path, f"https://bedrock-runtime.us.amazonaws.com/{name}/converse")
    (left,) = read(file).skipped
    assert "--fill AWS_REGION=VALUE" in left.reason
    (cassette,) = read(file, fill={"AWS_REGION": "us-east-1"}).cassettes.values()
    assert cassette.exchanges[0].request.url == "https://bedrock-runtime.us.amazonaws.com/us-east-1/converse"


def test_a_placeholder_in_the_host_is_filled_and_one_in_the_query_stays(tmp_path: Path) -> None:
    (cassette,) = read(ruby(tmp_path, ASKED["uri"]), fill={"AWS_REGION": "eu"}).cassettes.values()  # type: ignore[arg-type] # a text
    assert cassette.exchanges[0].request.url.startswith("https://bedrock-runtime.eu.amazonaws.com/")
    file = ruby(tmp_path, "https://api.test/v1?key=<API_KEY>")
    assert read(file).skipped == ()


def test_the_command_fills_and_refuses_what_is_no_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = ruby(tmp_path, "https://api.test/<PLACE>/chat")
    assert main(["cassettes", "import", str(file), "--to", str(tmp_path / "out"), "--fill", "PLACE=v1"]) == 0
    assert "https://api.test/v1/chat" in (tmp_path / "out" / "vcr.json").read_text()
    assert (
        main(["cassettes", "import", str(file), "--to", str(tmp_path / "out"), "--fill", "PLACE"])
        == UsageError.exit_code
    )
    assert "NAME=VALUE" in capsys.readouterr().err


def polly(tmp_path: Path, content: dict[str, Any], *headers: tuple[str, str]) -> Path:
    given = [{"name": name, "value": value} for name, value in headers]
    entry = {
        "request": {"method": "POST", "url": "https://api.test/v1", "headers": []},
        "response": {"status": 200, "headers": given, "content": content},
    }
    file = tmp_path / "old.har"
    file.write_text(json.dumps({"log": {"creator": {"name": "Polly.JS", "version": "4.3.0"}, "entries": [entry]}}))
    return file


def test_a_binary_body_of_polly_before_6_is_hexadecimal(tmp_path: Path) -> None:
    body = '{"ok": true, "n": "é"}'.encode()
    packed = gzip.compress(body).hex()
    pieces = json.dumps([packed[:20], packed[20:]])
    file = polly(tmp_path, {"_isBinary": True, "text": pieces}, ("content-encoding", "gzip"))
    (cassette,) = read(file).cassettes.values()
    response = cassette.exchanges[0].response
    assert response is not None
    assert response.body == body
    plain = polly(tmp_path, {"_isBinary": True, "text": b"\0\xff".hex()})
    (cassette,) = read(plain).cassettes.values()
    response = cassette.exchanges[0].response
    assert response is not None
    assert response.body == b"\0\xff"


@pytest.mark.parametrize("text", ["no hex", '["zz"]', "[1]", "[", '{"a": 1}'])
def test_a_binary_body_that_is_no_hexadecimal_is_left_out(tmp_path: Path, text: str) -> None:
    (left,) = read(polly(tmp_path, {"_isBinary": True, "text": text})).skipped
    assert "hexadecimal" in left.reason
