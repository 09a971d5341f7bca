"""The command line, one file a group of commands; those of one connection and those of upkeep have rooms of their own.

Every command works while the service runs.
"""
