"""Run a program, in any language, and record what it asks models: each base-URL variable of the official SDKs and agent
command lines leads to a server on this machine, which passes on to the provider and keeps what comes.

Keys go through and are never written. What the program asks elsewhere is not recorded; the hosts are listed where the
program heeds HTTP_PROXY and HTTPS_PROXY.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import programs
from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from harness.server.program import Ended

EXAMPLES = """examples:
  harness record -- node agent.mjs                                  into cassettes/programs/node-agent.mjs.json
  harness record --cassette tests/agent.json -- python agent.py     into a file of that name
  harness record --upstream MY_URL=https://llm.example.com/v1 -- ./agent     a variable of the program's own
  harness replay -- node agent.mjs                                  from then on: no key, no network

A recording that stands is replaced once the program ends as it should; else what was recorded is put beside it.

exit codes: 0 recorded, 1 the program failed, 2 nothing could be recorded, 3 a secret would leak
"""


def configure(parser: argparse.ArgumentParser) -> None:
    programs.configure(parser)


def run(words: argparse.Namespace) -> int:
    from dataclasses import replace

    from harness.app import assembly
    from harness.app.settings import settings
    from harness.server.program import record

    program, path = programs.program(words, "record"), programs.cassette(words)
    assembly.refuse_ci(settings({}))
    made = replace(assembly.provenance("live", programs.shown(program.words)), litellm="")
    ended = record(program, path, made, wanted=words.exit, say=programs.say)
    return _judged(ended, words.exit, path)


def _judged(ended: Ended, wanted: int, path: Path) -> int:
    from collections import Counter
    from urllib.parse import urlsplit

    programs.elsewhere(ended, "asked, and not recorded,")
    if not ended.watched:
        programs.say("a proxy of yours is set, so what the program asked elsewhere was not seen")
    failed = programs.code(ended, wanted)
    if not ended.exchanges:
        why = "ended before it asked anything" if failed else "asked nothing at its base-URL variables; see --upstream"
        programs.say(f"nothing was recorded: the program {why}")
        return failed or 2
    hosts = Counter(urlsplit(one.request.url).netloc.rpartition("@")[2] for one in ended.exchanges)
    told = ", ".join(f"{host} {times}" for host, times in hosts.items())
    where = f"beside {path}, as ….partial.json" if failed else f"in {path}"
    programs.say(f"recorded {count(len(ended.exchanges), 'exchange')} {where}: {told}")
    return failed or int(bool(ended.providers))
