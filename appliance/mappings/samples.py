"""What the rows of a source hold: each path with the kinds of its values and a few of them."""

from collections.abc import Iterable, Iterator
from typing import Any

MOST_PATHS = 2_000
MOST_SAMPLES = 3
LONGEST_SAMPLE = 80
_DEEPEST = 6


def fields_of(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """`{path, kinds, samples, rows}` by path; lists stand as `lines[]`, so that their items are one field."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for path, value in _values(row, "", 0):
            if path not in found:
                if len(found) >= MOST_PATHS:
                    continue
                found[path] = {"path": path, "kinds": [], "samples": [], "rows": 0}
            _note(found[path], value)
    return [found[path] for path in sorted(found)]


def _note(field: dict[str, Any], value: Any) -> None:
    kind = _kind(value)
    if kind not in field["kinds"]:
        field["kinds"].append(kind)
    if value is None or value == "":
        return
    field["rows"] += 1
    sample = value if isinstance(value, bool | int) else str(value)[:LONGEST_SAMPLE]
    if len(field["samples"]) < MOST_SAMPLES and sample not in field["samples"]:
        field["samples"].append(sample)


def _values(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _values(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for inner in value[:20]:
            yield from _values(inner, f"{path}[]", depth + 1)
    elif path:
        yield path, value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"
