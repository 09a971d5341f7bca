"""Requests handed on to the source of a connection as they are: closed unless a rule opens it, limited, recorded."""
