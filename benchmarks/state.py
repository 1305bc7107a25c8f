"""What becomes of the state that models want back: T6 and T7 for a backend, over the same drawn histories.

``python benchmarks/state.py [module:attribute] [examples]``: by default litellm alone, whose message is appended whole.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections import Counter
from random import Random

from harness.backend.library import load_offline
from harness.dialects.providers import proven
from harness.laws.prove import asker, complaint_of
from harness.laws.state import LAWS, drawn
from harness.laws.tested_backend import backend_at


def main() -> None:
    name, count = (*sys.argv[1:], *("harness.adapters.litellm_alone:complete", "60")[len(sys.argv) - 1 :])
    warnings.simplefilter("ignore")
    load_offline()
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL + 1)
    backend = backend_at(name)
    print("| asked next | T6 whole | T6 stream | T7 whole | T7 stream | no history |")
    print("|---|---|---|---|---|---|")
    for provider in proven():
        holding, judged = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for mode in ("whole", "stream"):
            put = asker(backend, mode)
            for number in range(int(count)):
                question = drawn(Random(f"{provider} {number}"), provider, stream=mode == "stream")
                trial = put(question)
                found = {law.id: complaint_of(law, trial) for law in LAWS}
                judged["", ""] += not any(one is not None for one in found.values())
                for law, complaint in found.items():
                    judged[law, mode] += complaint is not None
                    holding[law, mode] += complaint == ""
        cells = [
            f"{holding[law.id, mode]} of {judged[law.id, mode]}" if judged[law.id, mode] else "·"
            for law in LAWS
            for mode in ("whole", "stream")
        ]
        print(f"| {provider} | {' | '.join(cells)} | {judged['', '']} |", flush=True)


if __name__ == "__main__":
    main()
