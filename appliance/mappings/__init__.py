"""Mappings as a connection has them: seen with samples, tried out, changed, kept in versions, applied anew."""
