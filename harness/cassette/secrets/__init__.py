"""What secrets look like, where they stand, and how they are written."""
