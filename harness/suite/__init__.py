"""Suites: what is asked of which models, and what is expected of the answers."""

from harness.suite.case import Case, Model, Suite, Turn
from harness.suite.collection import load_suites, named_models, shared_models
from harness.suite.packs import probes

__all__ = ["Case", "Model", "Suite", "Turn", "load_suites", "named_models", "probes", "shared_models"]
