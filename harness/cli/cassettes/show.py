"""Show what a cassette holds: all its exchanges in short, or one of them whole: the request, the response as it
came, and what it decodes to.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness cassettes show cassettes/tools/one-tool/openai+smollm2-135m.json        its exchanges in short
  harness cassettes show cassettes/tools/one-tool/openai+smollm2-135m.json 0      the first one whole
  harness cassettes show cassettes/tools/one-tool/openai+smollm2-135m.json 0 --raw > body     the response's bytes
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cassette", metavar="CASSETTE", help="a cassette file")
    parser.add_argument("exchange", metavar="N", nargs="?", type=int, help="which exchange, counted from 0")
    parser.add_argument("--raw", action="store_true", help="write the response's body as it came, byte for byte")


def run(words: argparse.Namespace) -> int:
    from harness.cassette import load
    from harness.core.errors import UsageError
    from harness.report import exchanges

    cassette = load(words.cassette)
    number = len(cassette.exchanges)
    if words.exchange is None:
        if words.raw:
            raise UsageError("--raw needs the number of an exchange")
        sys.stdout.write(exchanges.heading(words.cassette, cassette.provenance, number))
        for place, exchange in enumerate(cassette.exchanges):
            sys.stdout.write(exchanges.short(place, exchange))
        return 0
    if not 0 <= words.exchange < number:
        last = f"they are 0 to {number - 1}" if number else "it is empty"
        raise UsageError(f"{words.cassette}: there is no exchange {words.exchange}; {last}")
    exchange = cassette.exchanges[words.exchange]
    if words.raw:
        sys.stdout.buffer.write(exchange.response.body if exchange.response else b"")
        return 0
    sys.stdout.write(exchanges.heading(words.cassette, cassette.provenance, number))
    sys.stdout.write(exchanges.whole(words.exchange, exchange))
    return 0
