"""Bedrock Converse and ConverseStream."""
