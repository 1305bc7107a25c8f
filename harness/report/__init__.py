"""What comes out of a run: terminal, JSON, JSON lines, JUnit."""
