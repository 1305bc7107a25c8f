"""What the laws cost: drawing, names and decoder, the judges; and the backend beside litellm's own call.

CPU figures and ratios of one run, on one core: ``python benchmarks/laws.py``.
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import TYPE_CHECKING, Any

from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.dialects.providers import profile
from harness.interception.clients import answering
from harness.laws import ALL_LAWS, bare, run_trial
from harness.laws.draw import questions
from harness.laws.exemplars import exemplars
from harness.laws.question import conversation, offered, served

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.exchange import Failure, HttpRequest, HttpResponse
    from harness.laws import Trial

NUMBER = 1500


def cpu(work: Callable[[Any], object], over: Sequence[Any]) -> float:
    """CPU seconds for one of ``over``."""
    start = time.process_time()
    for one in over:
        work(one)
    return (time.process_time() - start) / len(over)


def judged(trial: Trial) -> None:
    for law in ALL_LAWS:
        law.judge(trial)


def without_litellm(*, stream: bool) -> None:
    """Each question is drawn, asked and judged before the next, as a proof does it, and none is held for long."""
    drawing, asking, judging, number = 0.0, 0.0, 0.0, 0
    drawn, clock = questions("openai", stream=stream), time.process_time
    for _ in range(NUMBER):
        start = clock()
        one = next(drawn)
        drawing += clock() - start
        if one.kind != "plain" or one.beside:
            continue
        number += 1
        start = clock()
        trial = run_trial(one, bare.complete)
        answered = clock()
        judged(trial)
        asking, judging = asking + answered - start, judging + clock() - answered
    print(f"{'streamed' if stream else 'whole'} answers, single core, {number} plain ones of {NUMBER} drawn")
    print(f"  drawing: {NUMBER / drawing:,.0f} a second (bar: 500)")
    print(
        f"  asked without litellm (names, bytes, reader, decoder): {number / asking:,.0f} a second; "
        f"judged by every law as well: {number / (asking + judging):,.0f} (bar for whole ones: 1,000)"
    )
    print(f"  judging alone: {number / judging:,.0f}")


def through_litellm(*, stream: bool) -> None:
    import litellm  # noqa: PLC0415 - three seconds, after what needs none of it

    one = exemplars("openai", stream=stream)[0]
    model, at = profile("openai").model, dict(profile("openai").options)
    tools = offered(one)
    answer = served(one, {tool["function"]["name"]: tool["function"]["name"].replace("/", "__") for tool in tools})

    def answering_with(_: HttpRequest) -> HttpResponse | Failure:
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
