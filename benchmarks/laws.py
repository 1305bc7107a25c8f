"""What the laws cost: drawing, names and decoder, the reader, the judges; and the backend beside litellm's own call.

CPU figures and ratios of one run, on one core: ``python benchmarks/laws.py``.
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import TYPE_CHECKING, Any

from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.backend.request import prepare_request as prepared
from harness.interception.clients import answering
from harness.laws import ALL_LAWS
from harness.laws.bare import bare
from harness.laws.draw import questions
from harness.laws.exemplars import exemplars
from harness.laws.provider_options import ASKED
from harness.laws.question import conversation, offered, options, served
from harness.strategies.sample import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.exchange import HttpRequest, HttpResponse
    from harness.laws import Question

NUMBER = 1500


def cpu(work: Callable[[Any], object], over: Sequence[Any]) -> float:
    """CPU seconds for one of ``over``."""
    start = time.process_time()
    for one in over:
        work(one)
    return (time.process_time() - start) / len(over)


def without_litellm(*, stream: bool) -> None:
    made: list[Question] = []
    start = time.process_time()
    made += sample(questions("openai", stream=stream), NUMBER, 1)
    drawing = (time.process_time() - start) / len(made)
    plain = [one for one in made if one.kind == "plain" and one.beside is None]
    trials = [bare(one) for one in plain]
    answered = [one for one in trials if one.served is not None and one.reply is not None]
    reading = cpu(lambda trial: trial.question.dialect.read(trial.served), answered)
    names = cpu(
        lambda one: prepared(ASKED["openai"][0], conversation(one), offered(one), options(one), stream=stream), plain
    )
    whole = cpu(bare, plain)
    rendering = cpu(lambda trial: served(trial.question, trial.mentions.tools), answered)
    judging = cpu(lambda trial: [law.judge(trial) for law in ALL_LAWS], trials)
    share = max(whole - rendering, 0) / drawing
    print(f"{'streamed' if stream else 'whole'} answers, single core, {len(plain)} drawn beforehand")
    print(
        f"  examples a second: names, bytes, reader and decoder {1 / whole:,.0f}; "
        f"judged by every law {1 / (whole + judging):,.0f}"
    )
    print(f"  drawing, apart: {1 / drawing:,.0f} a second")
    print(f"  reader alone {1 / reading:,.0f}; request and its name table alone {1 / names:,.0f}")
    print(f"  names, reader and decoder cost {share:.2f} of what drawing costs (bar: 0.25)")


def through_litellm(*, stream: bool) -> None:
    import litellm  # noqa: PLC0415 - three seconds, after what needs none of it

    one = exemplars("openai", stream=stream)[0]
    model, at = ASKED["openai"]
    tools = offered(one)
    answer: HttpResponse = served(one, [tool["function"]["name"] for tool in tools])

    def answering_with(_: HttpRequest) -> HttpResponse:
        return answer

    def alone(_: int) -> None:
        got = litellm.completion(
            model=model, messages=conversation(one), tools=tools, stream=stream, num_retries=0, **at
        )
        if stream:
            litellm.stream_chunk_builder(list(got))

    def ours(_: int) -> None:
        complete(model, conversation(one), tools=tools, stream=stream, **at)

    with answering(answering_with):
        pairs = [(cpu(alone, range(40)), cpu(ours, range(40))) for _ in range(8)][1:]
    ratios = sorted(mine / theirs for theirs, mine in pairs)
    print(
        f"{'streamed' if stream else 'whole'}, through litellm: {1000 * min(mine for _, mine in pairs):.1f} ms, "
        f"{ratios[3]:.2f} times litellm's own call (median of 7; {ratios[0]:.2f} to {ratios[-1]:.2f}; bar: 1.3)"
    )


def main() -> None:
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for stream in (False, True):
        without_litellm(stream=stream)
    load_offline()
    for stream in (False, True):
        through_litellm(stream=stream)


if __name__ == "__main__":
    main()
