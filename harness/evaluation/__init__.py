"""Evaluations: cases scored, rates added up."""
