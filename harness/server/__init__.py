"""Replay to any client: a loopback server that answers as the provider did, and breaks as providers break."""
