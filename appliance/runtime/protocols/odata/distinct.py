"""A list of values that a service has only as properties of other rows, such as storage locations of products."""

from collections.abc import Sequence

from appliance.runtime.select import encode, key_decoder


def distinct(rows: Sequence[bytes], names: Sequence[str]) -> list[bytes]:
    """Rows with just these properties, each combination once. Rows that have none of them are left out.

    Alike rows become the same text, so that one that comes again on another page counts as unchanged.
    """
    values = key_decoder(names)
    found = {encode(dict(zip(names, values(row), strict=True))): None for row in rows if any(values(row))}
    return list(found)
