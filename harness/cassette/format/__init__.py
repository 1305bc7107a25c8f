"""The cassette's document: JSON to values and back."""
