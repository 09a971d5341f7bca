"""Deterministic keys: the same source record has the same key after every sync, on every machine.

    03 5f0c2a 9e107d9d372bb6826bd81d3542a419d6
    │  │      └ MD5 of the compact JSON list of the parts of the source's primary key, as text
    │  └ the connection, six hexadecimal characters
    └ the entity, two hexadecimal characters

Keys are stored by clients, so nothing here may ever change what a given input yields.
"""

import re
from collections.abc import Callable, Sequence
from hashlib import md5

import msgspec

from appliance.errors import InvalidInput

_PREFIX = re.compile("[0-9a-f]{2}")
_PART = re.compile("[0-9a-f]{6}")
_to_json = msgspec.json.Encoder().encode


def unified_key(prefix: str, part: str, values: Sequence[object]) -> str | None:
    """The 40-character key of the record whose primary key at the source consists of `values`.

    Parts are texts or whole numbers; a number counts as its decimal digits. None, empty text and text of
    only white space are dropped; the key is None when nothing is left. Raises as `key_of` does. Where many
    keys are made, make them with one `key_of`.
    """
    return key_of(prefix, part)(values)


def key_of(prefix: str, part: str) -> Callable[[Sequence[object]], str | None]:
    """The function from primary key values to keys, for one entity (`prefix`) of one connection (`part`).

    Raises ValueError unless prefix and part are 2 and 6 characters of 0-9 a-f. The function raises
    InvalidInput for a part that is neither text nor whole number, such as a truth value or a float, whose
    text is not the same everywhere, and for text that is not valid Unicode.
    """
    if not _PREFIX.fullmatch(prefix) or not _PART.fullmatch(part):
        raise ValueError(f"a key starts with 2 and 6 characters of 0-9 a-f, not {prefix!r} and {part!r}")
    head = prefix + part

    def key(values: Sequence[object]) -> str | None:
        if isinstance(values, str):
            raise InvalidInput("primary key values must be a list, not a text")
        if len(values) == 1 and type(values[0]) is str:  # by far the most common, so it skips the loop
            if not values[0].strip():
                return None
            parts = values
        else:
            parts = _texts(values)
            if not parts:
                return None
        try:
            return head + md5(_to_json(parts), usedforsecurity=False).hexdigest()
        except UnicodeEncodeError as error:
            raise InvalidInput("a primary key part is not valid Unicode text") from error

    return key


def _texts(values: Sequence[object]) -> list[str]:
    texts = []
    for value in values:
        if isinstance(value, str):
            if value.strip():
                texts.append(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            texts.append(int.__repr__(value))
        elif value is not None:
            raise InvalidInput(
                f"a primary key part must be text or a whole number, not {type(value).__name__}"
            )
    return texts
