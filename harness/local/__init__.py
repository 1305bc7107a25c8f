"""A real model on this machine: its weights, its server, and how to start and stop both."""
