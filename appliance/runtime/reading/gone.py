"""Rows by which the source says itself that they are deleted, such as by a flag."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appliance.runtime.mapping.transforms import text
from appliance.runtime.select import key_decoder


def says_gone(declared: Mapping[str, Sequence[Any]]) -> Callable[[bytes], bool]:
    """A function of a row's JSON text. `declared` is path to values; without values, any that is not empty."""
    look = key_decoder(list(declared))
    wanted = [frozenset(map(text, values)) for values in declared.values()]

    def gone(raw: bytes) -> bool:
        found = map(text, look(raw))
        return any(
            (value in values if values else value not in (None, ""))
            for value, values in zip(found, wanted, strict=True)
        )

    return gone
