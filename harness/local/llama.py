"""The child process: one llama.cpp server, run as ``python -m harness.local.llama``.

A process of its own, so that it is stopped by its pid and a crash in C++ stays there.
"""

from __future__ import annotations

import argparse
import signal
from typing import Any


def parameters(xllamacpp: Any, *, weights: str, alias: str, port: int, key: str, context: int, slots: int) -> Any:
    """The server's settings. One thread: on a busy two-core machine a second one makes it slower."""
    chosen = xllamacpp.CommonParams()
    chosen.model.path = weights
    chosen.port = port
    chosen.n_ctx = context * slots
    chosen.n_parallel = slots
    chosen.cpuparams.n_threads = 1
    chosen.cpuparams_batch.n_threads = 1
    chosen.use_jinja = True
    chosen.n_gpu_layers = 0
    chosen.fit_params = False
    chosen.api_keys = [key]
    # Later releases of the wheel have sets and lists where 0.2.12 has single values.
    chosen.model_alias = alias if isinstance(chosen.model_alias, str) else {alias}
    for name, value in (("hostname", "127.0.0.1"), ("hostnames", ["127.0.0.1"]), ("webui", False), ("ui", False)):
        if hasattr(chosen, name):
            setattr(chosen, name, value)
    return chosen


def main() -> None:
    import xllamacpp  # noqa: PLC0415 - heavy, and only the local extra brings it

    words = argparse.ArgumentParser()
    for name, kind in (("weights", str), ("alias", str), ("port", int), ("key", str), ("context", int), ("slots", int)):
        words.add_argument(f"--{name}", type=kind, required=True)
    server = xllamacpp.Server(parameters(xllamacpp, **vars(words.parse_args())))
    print(server.listening_address, flush=True)  # noqa: T201 - the parent reads it in the log
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
