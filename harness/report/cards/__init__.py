"""Behaviour cards drawn: as JSON and back, on the terminal, for CI, and as one page."""
