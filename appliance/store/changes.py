"""What a transaction changed in one stream of records, for those who want to hear of it."""

from typing import NamedTuple


class Changes(NamedTuple):
    """Keys by kind of change. A record that was deleted and is there again counts as inserted."""

    inserted: list[str]
    updated: list[str]
    deleted: list[str]
