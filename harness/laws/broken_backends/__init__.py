"""Backends that are wrong on purpose, each in one small way that real code has shown: the laws must catch them all."""

from harness.laws.broken_backends.answers import ANSWERS
from harness.laws.broken_backends.messages import MESSAGES
from harness.laws.broken_backends.replies import REPLIES
from harness.laws.broken_backends.requests import REQUESTS
from harness.laws.broken_backends.state import STATE
from harness.laws.broken_backends.tools import CUSTOM, TOOLS
from harness.laws.broken_backends.values import VALUES

BROKEN = (*REQUESTS, *REPLIES, *MESSAGES, *TOOLS, *VALUES, *STATE, *ANSWERS, *CUSTOM)
"""All of them. ``harness prove --self-check`` reports how soon the laws catch each, and by which."""

__all__ = ["BROKEN"]
