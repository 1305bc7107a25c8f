"""The pytest plugin: a marker and fixtures, suites and laws as items."""
