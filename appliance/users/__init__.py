"""People who sign in, their sessions, the one-time link of the first run, and keys of the account."""
