"""What the laws cost: drawing, names and decoder, the reader, the judges; and the backend beside litellm's own call.

CPU figures and ratios of one run, on one core: ``python benchmarks/laws.py``.
"""

from __future__ import annotations

import logging
import time
import warnings
from itertools import islice
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


def without_litellm(*, stream: bool) -> None:
    start = time.process_time()
    made = list(islice(questions("openai", stream=stream), NUMBER))
    drawing = (time.process_time() - start) / len(made)
    plain = [one for one in made if one.kind == "plain" and not one.beside]
    trials = [run_trial(one, bare.complete) for one in plain]
    whole = cpu(lambda one: run_trial(one, bare.complete), plain)
    reading = cpu(lambda trial: trial.question.dialect.read(trial.served), [one for one in trials if one.served])

    def judged(trial: Trial) -> None:
        trial.memo.clear()
        for law in ALL_LAWS:
            law.judge(trial)

    judging = cpu(judged, trials)
    print(f"{'streamed' if stream else 'whole'} answers, single core, {len(plain)} plain ones of {len(made)} drawn")
    print(f"  drawing: {1 / drawing:,.0f} a second (bar: 500)")
    print(
        f"  asked without litellm (names, bytes, reader, decoder): {1 / whole:,.0f} a second; "
        f"judged by every law as well: {1 / (whole + judging):,.0f} (bar for whole ones: 1,000)"
    )
    print(f"  judging alone: {1 / judging:,.0f}; reading a reply alone: {1 / reading:,.0f}")


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
