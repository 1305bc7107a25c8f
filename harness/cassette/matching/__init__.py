"""When two requests are the same, and what differs where they are not."""
