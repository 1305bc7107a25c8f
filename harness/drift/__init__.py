"""What changed between recordings, and what follows from it."""
