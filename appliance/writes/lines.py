"""Which line of the source a unified line key means: lines are no records of their own, so their document tells."""

from collections.abc import Mapping
from typing import Any

from appliance.runtime.definition import EntityDefinition
from appliance.runtime.mapping.compiler import items
from appliance.runtime.select import dig, steps


def line_keys(definition: EntityDefinition, record: Mapping[str, Any], row: Any) -> dict[str, Any]:
    """Unified key to the source's own key of each line of a document, as it was last read.

    `record` is the unified record, `row` the source's row that it was made of.
    """
    found: dict[str, Any] = {}
    for name, expression in definition.map.items():
        shown = record.get(name)
        path = _own_key(expression)
        if path is None or not isinstance(shown, list):
            continue
        paths = expression["each"] if isinstance(expression["each"], list) else [expression["each"]]
        listed = next((lines for one in paths if (lines := items(dig(row, steps(one))))), [])
        if len(listed) == len(shown):
            found |= {
                line["key"]: dig(of_source, steps(path))
                for line, of_source in zip(shown, listed, strict=True)
                if isinstance(line, dict) and line.get("key")
            }
    return found


def _own_key(expression: Any) -> str | None:
    """The path of a line's own part in its key, the last one; None for what is no list of lines with keys."""
    if not isinstance(expression, dict) or "each" not in expression or "map" not in expression:
        return None
    last = (expression.get("key") or [None])[-1]
    return last if isinstance(last, str) and not last.startswith("^.") else None
