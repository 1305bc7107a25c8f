"""Tell why a cassette does not answer a request: the nearest recording, and each leaf that differs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from harness.core.exchange import HttpRequest

EXAMPLES = """examples:
  harness cassettes explain cassettes/text/hello/openai+m.json asked.json     a request's body in a file
  … | harness cassettes explain cassettes/text/hello/openai+m.json -          or from standard input
  harness cassettes explain a.json b.json#0                                   a request of another cassette

Of a body alone, method and URL are taken to be those of the recording that it is compared with.

exit codes: 0 a recording answers it, 1 none does, 2 a file can't be used
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cassette", metavar="CASSETTE", help="a cassette file")
    parser.add_argument("request", metavar="REQUEST", help="a body (a file, or -), or CASSETTE#N")
    parser.add_argument("--most", type=int, default=20, metavar="N", help="tell at most N differences (default: 20)")


def run(words: argparse.Namespace) -> int:
    from harness.app.settings import settings
    from harness.cassette import load, matching
    from harness.core.errors import CassetteError, UsageError
    from harness.report import safe_text

    if words.most < 1:
        raise UsageError(f"--most {words.most} shows nothing; give at least 1")
    matcher = settings({}).matcher()
    cassette = load(words.cassette)
    if not cassette.exchanges:
        raise CassetteError(f"{words.cassette}: holds no exchange", path=words.cassette)
    recorded = [exchange.request for exchange in cassette.exchanges]
    asked = _asked(words.request, recorded)
    same = [
        number
        for number, one in enumerate(asked)
        if matching.key(recorded[number], matcher) == matching.key(one, matcher)
    ]
    if same:
        places = ", ".join(map(str, same))
        sys.stdout.write(f"{words.cassette}: answers it with exchange {places}, in that order, each once\n")
        return 0
    near = matching.nearest(recorded, asked[0], matcher=matcher) or 0
    sys.stdout.write(safe_text.line(f"{words.cassette}: no exchange answers it; the nearest is exchange {near}") + "\n")
    for told in matching.differences(recorded[near], asked[near], most=words.most, matcher=matcher):
        sys.stdout.write(f"  {safe_text.line(told)}\n")
    return 1


def _asked(word: str, recorded: list[HttpRequest]) -> list[HttpRequest]:
    """The request, as it is to be compared with each of ``recorded``."""
    from dataclasses import replace
    from pathlib import Path

    from harness.cassette import load
    from harness.core.errors import UsageError
    from harness.dialects.framing.sse import is_json

    file, mark, place = word.rpartition("#")
    if mark and place.isdecimal():
        exchanges = load(file).exchanges
        if int(place) >= len(exchanges):
            raise UsageError(f"{file}: there is no exchange {place}; it holds {len(exchanges)}")
        return [exchanges[int(place)].request] * len(recorded)
    try:
        body = sys.stdin.buffer.read() if word == "-" else Path(word).read_bytes()
    except OSError as error:
        raise UsageError(f"{word}: can't be read: {error.strerror}") from error
    if is_json(recorded[0].body) and not is_json(body):
        raise UsageError(f"{word}: is no JSON, and the recorded requests are")
    return [replace(one, body=body.strip()) for one in recorded]
