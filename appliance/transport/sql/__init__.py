"""Reads a database: connections that only read, and statements that are checked before they are sent.

What needs the drivers is in `database`, which is imported where a database is opened: most installations have none.
"""

from appliance.transport.sql.login import DialectName, Login, Tls

__all__ = ["DialectName", "Login", "Tls"]
