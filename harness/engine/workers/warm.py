"""Imported by the server that workers are forked from, so that litellm is loaded once for all of them."""

from harness.backend.library import load_offline

load_offline()
