"""Checks: plain functions from an observation, and what its case expects, to findings."""

from harness.checks.calls import call_count, call_errors, calls
from harness.checks.ending import error, finish
from harness.checks.judging import Check, judge
from harness.checks.text import json_text, text

ALL_CHECKS: tuple[Check, ...] = (error, call_errors, call_count, calls, finish, text, json_text)
"""Every check that a suite's expectations need; a new one is a function in its topic's file and a word here."""

__all__ = ["ALL_CHECKS", "Check", "judge"]
