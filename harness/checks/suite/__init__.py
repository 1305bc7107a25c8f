"""Checks of what a suite's case expects."""
