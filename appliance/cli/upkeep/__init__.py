"""Commands that keep an installation: backups, checks, maintenance, room on the disk, upgrades."""
