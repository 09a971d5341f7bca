"""What the rows of a source hold: each path with the kinds of its values and a few of them."""

from collections.abc import Iterable
from typing import Any

from appliance.runtime.mapping.source_fields import kind_of, values_in

MOST_PATHS = 2_000
MOST_SAMPLES = 3
LONGEST_SAMPLE = 80


def fields_of(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """`{path, kinds, samples, rows}` by path; lists stand as `lines[]`, so that their items are one field."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for path, value in values_in(row):
            if isinstance(value, dict | list):
                continue
            if path not in found:
                if len(found) >= MOST_PATHS:
                    continue
                found[path] = {"path": path, "kinds": [], "samples": [], "rows": 0}
            _note(found[path], value)
    return [found[path] for path in sorted(found)]


def _note(field: dict[str, Any], value: Any) -> None:
    kind = kind_of(value)
    if kind not in field["kinds"]:
        field["kinds"].append(kind)
    if value is None or value == "":
        return
    field["rows"] += 1
    sample = value if isinstance(value, bool | int) else str(value)[:LONGEST_SAMPLE]
    if len(field["samples"]) < MOST_SAMPLES and sample not in field["samples"]:
        field["samples"].append(sample)
