"""The pytest door: fixtures, a marker, and suites as items."""
