"""The Model Context Protocol: JSON-RPC messages between an agent and the servers of its tools."""
