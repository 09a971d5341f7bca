"""Runs: what is stored of them, who does them, and how."""
