"""Commands that look after recordings: ``harness cassettes …``."""
