"""Altered requests and answers, and whether a replay notices them."""
