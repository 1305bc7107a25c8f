"""The frozen values that every part speaks: chat, exchanges, findings, cards, changes, errors."""
