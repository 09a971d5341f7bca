"""The base of every part of a definition."""

import msgspec


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One mapping of the definition; a key it does not know is an error."""
