"""Commands about one connection: making it, and what is set for it."""
