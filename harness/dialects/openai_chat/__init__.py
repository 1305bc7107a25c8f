"""OpenAI chat completions and its kin."""
