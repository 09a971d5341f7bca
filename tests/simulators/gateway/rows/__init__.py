"""The rows that the simulated system holds."""
