"""Names of columns."""

from collections.abc import Sequence
from typing import Any


def named(names: Sequence[Any]) -> list[str]:
    """Names that are all there and all different."""
    found: list[str] = []
    for number, name in enumerate(names, start=1):
        plain = "" if name is None else " ".join(str(name).split())
        plain = plain or f"column{number}"
        found.append(plain if plain not in found else f"{plain}_{number}")
    return found
