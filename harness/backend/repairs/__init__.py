"""litellm's own peculiarities, one dialect at a time: what it can't read as it comes, loses, or does otherwise."""
