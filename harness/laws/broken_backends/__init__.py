"""Backends that are wrong on purpose: the laws must catch each."""
