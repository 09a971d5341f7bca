"""The command line, one file a group of commands. Every command works while the service runs."""
