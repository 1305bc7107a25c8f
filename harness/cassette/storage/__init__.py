"""Cassettes on disk and in object storage."""
