"""Public projects' own cassettes, imported, against the same exchanges as an independent reader took them out.

The corpus is not part of the project: ``HARNESS_CORPUS`` says where it is, and without it this is skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.cassette.importers import bounded, read

ROOT = Path(__file__).parent.parent.parent.parent
CORPUS = Path(os.environ.get("HARNESS_CORPUS", ROOT.parent / "shared" / "corpus"))
LINES = CORPUS / "exchanges.jsonl.gz"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LINES.exists(), reason=f"no corpus at {CORPUS}: set HARNESS_CORPUS"),
]


@pytest.fixture(scope="module")
def result():
    return read(LINES)


def test_every_line_is_taken_over(result):
    lines = bounded.parsed(bounded.content(LINES), LINES).values
    assert result.skipped == ()
    assert result.taken == len(lines) == 3054
    names = {one["id"].partition("#")[0] for one in lines}
    assert result.cassettes.keys() == names


def said(body):
    """What a body says: the corpus and a recorder that parses bodies write the same JSON in two ways."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def test_projects_cassettes_say_what_the_lines_say(result):
    rows = (CORPUS / "raw" / "MANIFEST.tsv").read_text().splitlines()[1:]
    seen = {}
    for file, source in (row.split("\t") for row in rows):
        came = read(CORPUS / "raw" / file)
        project, _, path = source.partition("/")
        name = next(key for key in result.cassettes if key.endswith(path) and project.replace("+", "/") in key)
        assert came.skipped == (), file
        (cassette,) = came.cassettes.values()
        exact = came.format != "parsed_body"
        for one in result.cassettes[name].exchanges:
            assert any(alike(one, other, exact) for other in cassette.exchanges), f"{file}: {one.request.url}"
        seen[came.format] = seen.get(came.format, 0) + len(cassette.exchanges)
    assert seen == {"vcrpy": 30, "parsed_body": 44, "go-vcr": 16}


def alike(one, other, exact):
    return (
        one.request.method == other.request.method
        and one.response.status == other.response.status
        and said(one.request.body) == said(other.request.body)
        and said(one.response.body) == said(other.response.body)
        and (not exact or one.response.body == other.response.body)
    )
