"""Connections: from the connect form to the disconnect, their tokens and their health."""
