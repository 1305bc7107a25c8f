"""Who plays the cases: this process, several, or a cluster. The same events come out in the same order."""

from harness.run.executors.in_process import in_process
from harness.run.executors.words import Executor, Recipe, Turns

__all__ = ["Executor", "Recipe", "Turns", "in_process"]
