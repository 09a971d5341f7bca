"""What a connection is set to and how it does, over HTTP: runs, schedules, health, mappings, webhooks and more."""
