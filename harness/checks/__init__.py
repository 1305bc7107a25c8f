"""Checks: plain functions from an observation, and what its case expects, to findings."""

from harness.checks.judging import Check, judge
from harness.checks.suite.alternatives import PLAIN, any_of

ALL_CHECKS: tuple[Check, ...] = (*PLAIN, any_of)
"""Every check that a suite's expectations need; a new one is a function in its topic's file and a word in
``alternatives.PLAIN``.
"""

__all__ = ["ALL_CHECKS", "Check", "judge"]
