"""Who plays the cases: this process, several, or a cluster. The same events come out in the same order."""

from harness.engine.runner import Executor, RunnerFactory, in_process

__all__ = ["Executor", "RunnerFactory", "in_process"]
