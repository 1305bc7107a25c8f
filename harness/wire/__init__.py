"""Provider dialects: how each writes a reply in bytes, and how those bytes are read back."""
