"""Gives rows another shape before they are mapped: children as rows, pairs as members, details merged in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from appliance.runtime.definition import Children, Detail, Pivot
from appliance.runtime.select import dig, steps

Row = dict[str, Any]


def explode(rows: list[Row], path: str) -> list[Row]:
    """The items of a list in each row as rows of their own, the row they come from as `parent`."""
    along = steps(path)
    exploded: list[Row] = []
    for row in rows:
        found = dig(row, along)
        items = found if isinstance(found, list) else []
        # The list itself would make every child carry its siblings.
        parent = {name: value for name, value in row.items() if name != along[0]}
        exploded += [{**item, "parent": parent} for item in items if isinstance(item, dict)]
    return exploded


def pivot(rows: list[Row], by: Pivot) -> list[Row]:
    """Name and value pairs as members. A pair without a name is left out."""
    along = steps(by.list)
    pivoted: list[Row] = []
    for row in rows:
        pairs = dig(row, along)
        members = {
            str(pair[by.name]): pair.get(by.value)
            for pair in (pairs if isinstance(pairs, list) else [])
            if isinstance(pair, dict) and pair.get(by.name) not in (None, "")
        }
        pivoted.append({**row, by.into: members} if by.into else {**row, **members})
    return pivoted


def with_children(rows: list[Row], children: list[Row], by: Children) -> list[Row]:
    """Each row with the children whose parent it is, in their order; an empty list for a row without any."""
    along, key = steps(by.parent), steps(by.key)
    families: dict[Any, list[Row]] = {}
    for child in children:
        families.setdefault(dig(child, along), []).append(child)
    return [{**row, by.into: families.get(dig(row, key), [])} for row in rows]


def with_details(rows: list[Row], detail: Detail, ask: Callable[[Row], Any]) -> list[Row]:
    """Each row with the record that `ask` gives for it, some at a time, in the order of the rows."""
    if len(rows) <= 1:
        records = [ask(row) for row in rows]
    else:
        with ThreadPoolExecutor(min(detail.concurrency, len(rows)), "detail") as pool:
            records = list(pool.map(ask, rows))
    along = steps(detail.record) if detail.record else []
    merged: list[Row] = []
    for row, answer in zip(rows, records, strict=True):
        record = dig(answer, along) if along else answer
        if detail.into:
            merged.append({**row, detail.into: record})
        else:
            merged.append({**row, **record} if isinstance(record, dict) else row)
    return merged
