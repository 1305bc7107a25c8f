"""How streams are framed: server-sent events, JSON lines, AWS event streams."""
