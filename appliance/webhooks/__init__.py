"""Webhooks: events for those who listen, kept in the database until they are delivered or given up."""
