"""Cards of real providers from recordings of public projects: the same verdicts as were looked at in the bytes.

The corpus is not part of the project: ``HARNESS_CORPUS`` says where it is, and without it this is skipped.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.app import card_runs
from harness.cassette import load

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("HARNESS_CORPUS", ROOT.parent / "shared" / "corpus"))
EXCHANGES = CORPUS / "exchanges.jsonl.gz"
pytestmark = [
    pytest.mark.skipif(not EXCHANGES.exists(), reason=f"NO CORPUS at {CORPUS}: set HARNESS_CORPUS"),
    # litellm leaves sockets and event loops behind
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
EVERY = 20
"""One in so many exchanges: the whole takes minutes, and stands in docs/card.md."""
# Failures of the model or the provider that were looked at in the bytes; docs/card.md lists each.
TRUE = {"gemini": {"C6"}, "vertex_ai": {"C6"}, "bedrock": {"C3", "R3"}}


# All findings on the whole corpus, as docs/card.md lists them.
LISTED = {
    ("gemini", "model", "C6"): 32,
    ("vertex_ai", "model", "C6"): 33,
    ("bedrock", "provider", "C3"): 1,
    ("bedrock", "model", "R3"): 1,
    ("anthropic", "litellm", "S7"): 2,
}


def cards_of_a_part(folder, every=EVERY):
    part = folder / "part.jsonl"
    with gzip.open(EXCHANGES, "rt", encoding="utf-8") as file:
        part.write_text("".join(line for number, line in enumerate(file) if number % every == 0), encoding="utf-8")
    assert main(["cassettes", "import", str(part), "--to", str(folder / "cassettes")]) == 0
    return card_runs.from_recordings(card_runs.cassettes([folder / "cassettes"]))


def test_cards_of_real_providers_fail_only_where_the_bytes_do(tmp_path):
    made = cards_of_a_part(tmp_path)
    answers = {card.model: sum(cell.rate.n for cell in card.cells if cell.check == "S5") for card in made}
    assert {"openai", "anthropic", "gemini", "bedrock", "openrouter", "groq"} <= set(answers)
    assert sum(answers.values()) > 100
    failed = {(card.model, cell.check) for card in made for cell in card.cells if cell.verdict == "fail"}
    assert not [one for one in failed if one[1] not in TRUE.get(one[0], set())]
    found = [one for card in made for cell in card.cells for one in cell.findings if one.verdict == "fail"]
    assert all(one.blame and one.evidence for one in found)
    verdicts: Counter[str] = Counter()
    for card in made:
        assert {one.kind for one in card.recordings.values()} <= {"imported"}
        for cell in card.cells:
            verdicts[cell.verdict] += 1
            assert cell.evidence or cell.verdict == "unseen"
    assert verdicts["pass"] > 150
    assert verdicts["quirk"]


def objects(value):
    """Every object in a JSON value."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(one)


def not_allowed(finding):
    """The arguments of a call that its tool's schema does not allow, read in the bytes by nothing but a JSON parser."""
    place = finding.evidence
    exchange = load(place.cassette).exchanges[place.exchanges[0]]
    name = finding.message.partition("(")[0]
    lines = exchange.response.body.decode().splitlines()
    events = [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
    answer = events or json.loads(exchange.response.body)
    tools = [one for one in objects(json.loads(exchange.request.body)) if one.get("name") == name]
    sent = [
        one[key] for one in tools for key in ("parameters", "parametersJsonSchema") if isinstance(one.get(key), dict)
    ]
    closed = [one for one in sent if one.get("additionalProperties") is False]
    calls = [one["args"] for one in objects(answer) if one.get("name") == name and isinstance(one.get("args"), dict)]
    return {key for given in calls for key in given if all(key not in one.get("properties", {}) for one in closed)}


@pytest.mark.slow
def test_the_findings_of_the_whole_corpus_are_those_that_the_docs_list(tmp_path):
    made = cards_of_a_part(tmp_path, every=1)
    found = [
        (card.model, one) for card in made for cell in card.cells for one in cell.findings if one.verdict == "fail"
    ]
    assert Counter((model, one.blame, one.check) for model, one in found) == LISTED
    assert all(not_allowed(one) for _, one in found if one.check == "C6")


def test_the_corpus_is_what_the_figures_in_the_docs_are_of():
    with gzip.open(EXCHANGES, "rt", encoding="utf-8") as file:
        assert sum(1 for line in file if json.loads(line)) == 3054
