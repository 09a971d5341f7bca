"""Synchronization: what is due, the runs, and the workers that do them."""
