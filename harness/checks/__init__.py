"""Checks: plain functions from an observation, and what its case expects, to findings."""

from harness.checks.expectations import PLAIN, Check, any_of, judge

ALL_CHECKS: tuple[Check, ...] = (*PLAIN, any_of)
"""Every check that a suite's expectations need; a new one is a function and a word in ``expectations.PLAIN``."""

__all__ = ["ALL_CHECKS", "Check", "judge"]
