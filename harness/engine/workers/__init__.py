"""Who plays the cases: this process, several, or a cluster. The same events come out in the same order."""

from harness.engine.workers.in_process import in_process
from harness.engine.workers.protocol import Executor, RunnerFactory

__all__ = ["Executor", "RunnerFactory", "in_process"]
