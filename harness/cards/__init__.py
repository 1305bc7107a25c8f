"""Behaviour cards: built, compared, read again from recordings."""
