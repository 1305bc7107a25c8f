"""Serve cassettes to any client, on the wires of OpenAI, Anthropic, Gemini, Ollama, Bedrock and Cohere at one address.

Each recorded answer is given once, in the order recorded; a request that no recording answers gets a 404 that names
the nearest one and what differs. It ends on Ctrl-C or SIGTERM: with 0, with 1 if a request was missed or the provider
to record could not be reached, with 2 if nothing was there to record.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.cli import options
from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from harness.core.exchange import Exchange
    from harness.server.replay import Answers
    from harness.server.web import ServerHandle

EXAMPLES = """examples:
  harness serve cassettes/                                   replay all cassettes at http://127.0.0.1:8788
  harness serve cassettes/ --repeat                          give each answer again and again
  harness serve cassettes/ --timing realtime                 with the pauses that were recorded
  harness serve cassettes/ --faults faults.yaml              break answers as providers break
  harness serve --synthetic                                  made-up answers in any dialect
  harness serve --synthetic --like groq                      made up as recordings of Groq show it
  harness serve --scripted-model --mistake no_call=0.25      a model whose mistakes are known
  harness serve --record --upstream https://api.openai.com my.json      record what passes through, until Ctrl-C
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cassettes", nargs="*", metavar="CASSETTE", help="cassette files, or folders of them")
    parser.add_argument("--host", default="127.0.0.1", help="where to serve (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, default=8788, help="the port (default: 8788; 0 takes any free one)")
    parser.add_argument("--repeat", action="store_true", help="begin again with the first answer after the last")
    parser.add_argument(
        "--timing", default="none", metavar="T", help="none, realtime (as recorded), or x10 (ten times as fast)"
    )
    parser.add_argument("--faults", metavar="FILE", help="rules that break answers, in YAML")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a further name this server answers to"
    )

    parser.add_argument(
        "--synthetic",
        nargs="?",
        const="",
        metavar="SCRIPT",
        help="answer from a script in YAML, or with made-up replies where none is given",
    )
    parser.add_argument(
        "--like",
        metavar="PROFILE",
        help="with --synthetic: as a profile shows: of a provider here, or a file or folder of `card --profiles`",
    )
    parser.add_argument(
        "--scripted-model",
        action="store_true",
        help="answer as a model that solves the tasks of the worlds and the card's questions by rule, marked synthetic",
    )
    parser.add_argument(
        "--mistake",
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help="with --scripted-model: a mistake that it makes, such as no_call=0.25",
    )
    parser.add_argument("--record", action="store_true", help="pass requests on to --upstream, and record them")
    parser.add_argument("--upstream", metavar="URL", help="the provider's address, for --record")


def run(args: argparse.Namespace) -> int:
    from harness.core.errors import UsageError

    recording = args.record or args.upstream is not None
    made_up = args.synthetic is not None or args.scripted_model
    alone = "--record" if recording else "--synthetic" if made_up else ""
    useless = {
        "--synthetic": recording and args.synthetic is not None,
        "--scripted-model": args.scripted_model and (recording or args.synthetic is not None),
        "--faults": recording and args.faults is not None,
        "--repeat": args.repeat,
        "--timing": args.timing != "none",
    }
    idle = [name for name, there in useless.items() if there]
    if args.like is not None and args.synthetic != "":
        raise UsageError("--like is about made-up answers; give --synthetic, without a script")
    if args.mistake and not args.scripted_model:
        raise UsageError("--mistake is about --scripted-model; give both")
    if alone and idle:
        raise UsageError(f"{alone} has no use for {' and '.join(idle)}; leave it out")
    return _record(args) if recording else _replay(args)


def _replay(args: argparse.Namespace) -> int:
    from harness.interception.context import pace
    from harness.server import web
    from harness.server.app import App
    from harness.server.replay import Replay
    from harness.server.rules import Rules, from_file

    answers, what = _answers(args)
    rules = from_file(args.faults) if args.faults else ()
    source = Replay(answers, rules=Rules(rules), pace=pace(args.timing), say=options.warn)
    app = App(source, hosts=[args.host, *args.allow_host], say=options.warn)

    def ready(opened: ServerHandle) -> None:
        _announce(f"{what} at {opened.url}", opened, args)

    web.serve(app, host=args.host, port=args.port, ready=ready)
    counts = app.ledger.counts
    sys.stdout.write(f"{counts.get('answered', 0)} answered, {counts.get('missed', 0)} missed\n")
    return 1 if counts.get("missed") else 0


def _answers(args: argparse.Namespace) -> tuple[Answers, str]:
    from harness.app.settings import settings
    from harness.core.errors import UsageError
    from harness.dialects.wire_profile import profiles_at
    from harness.server import recording_index, synthetic
    from harness.server.scripted_model import scripted_model

    if args.scripted_model:
        if args.cassettes:
            raise UsageError("--scripted-model answers without cassettes; leave them out")
        return scripted_model(_rates(args.mistake)), "a scripted model, marked synthetic,"
    if args.synthetic is not None:
        if args.cassettes:
            raise UsageError("--synthetic answers without cassettes; name a script, or none, and no cassette")
        if args.synthetic:
            return synthetic.scripted(synthetic.script(args.synthetic)), f"the script {args.synthetic}"
        if args.like is not None:
            known = profiles_at(args.like)
            return synthetic.made_like(known), f"answers like {', '.join(one.name for one in known)}, marked synthetic,"
        return synthetic.made_up(), "made-up answers, marked synthetic,"
    recorded = recording_index.gathered(args.cassettes or ["cassettes"])
    files = len({one.file for one in recorded})
    loaded = recording_index.RecordingIndex(recorded, repeat=args.repeat, matcher=settings({}).matcher())
    return loaded, f"{count(len(recorded), 'exchange')} of {count(files, 'cassette')}"


def _rates(mistakes: Sequence[str]) -> dict[str, float]:
    from harness.core.errors import UsageError

    made = {}
    for one in mistakes:
        name, _, share = one.partition("=")
        try:
            made[name] = float(share)
        except ValueError as error:
            raise UsageError(f"--mistake {one}: write NAME=SHARE, such as no_call=0.25") from error
    return made


def _record(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from harness.app import assembly
    from harness.app.settings import settings
    from harness.core.errors import UsageError
    from harness.dialects.providers import is_local
    from harness.server import proxy, web
    from harness.server.app import App

    if not (args.record and args.upstream and len(args.cassettes) == 1):
        raise UsageError("to record, give --record, --upstream URL and one cassette file that does not exist yet")
    assembly.refuse_ci(settings({}))
    (path,) = args.cassettes
    upstream = proxy.shown(args.upstream)
    made = replace(assembly.provenance("local" if is_local(args.upstream) else "live", upstream), litellm="")
    with proxy.recorder(path, made, settings({}).drop_headers) as recorder:
        passing = proxy.Proxy(args.upstream, recorder, say=options.warn)
        app = App(passing, hosts=[args.host, *args.allow_host], say=options.warn)

        def ready(opened: ServerHandle) -> None:
            _announce(f"recording {upstream} into {path}", opened, args)

        web.serve(app, host=args.host, port=args.port, ready=ready)
    return _recorded(recorder.exchanges, path)


def _recorded(exchanges: tuple[Exchange, ...], path: str) -> int:
    if not exchanges:
        return 2  # the recorder has said so
    sys.stdout.write(f"exchanges in {path}: {len(exchanges)}\n")
    if all(one.response is None for one in exchanges):
        sys.stderr.write("harness: the provider could not be asked once; what is recorded is that it failed\n")
        return 1
    return 0


def _announce(what: str, opened: ServerHandle, args: argparse.Namespace) -> None:
    url = opened.url
    sys.stdout.write(
        f"{what}\nbase URLs: {url}/v1 (OpenAI and its kin), {url} (Anthropic, Gemini, Ollama, Cohere, Bedrock); "
        f"what is asked and missed: {url}/\nCtrl-C ends it\n"
    )
    sys.stdout.flush()
    if args.host not in {"127.0.0.1", "localhost", "::1"}:
        options.warn(f"anyone who reaches this machine may ask; other names than {args.host} need --allow-host")
