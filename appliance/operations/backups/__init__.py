"""Backups: made while everything works, encrypted, read back, rehearsed, thinned out, and restored."""
