"""What is done to rows before they are mapped: children as rows, pairs as members, details merged, some left out."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from appliance.errors import SourceError
from appliance.runtime.definition import Detail, Pivot
from appliance.runtime.errors import EndOfData
from appliance.runtime.mapping.transforms import text
from appliance.runtime.select import dig, steps

Row = dict[str, Any]

# Statuses of a record that was deleted between the list and the request for it.
_GONE = (404, 410)


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


def with_details(
    rows: list[Row], detail: Detail, ask: Callable[[Row], Any]
) -> tuple[list[Row], list[SourceError]]:
    """Each row with the record that `ask` gives for it, some at a time, in the order of the rows.

    A row that has gone meanwhile is left out, with what the source said of it. When all of several have, it is the
    request that is wrong: raises what the source said, and every other SourceError.
    """

    def found(row: Row) -> Any:
        try:
            return ask(row)
        except SourceError as refusal:
            if not isinstance(refusal, EndOfData) and refusal.details.get("status") not in _GONE:
                raise
            return refusal

    if len(rows) <= 1:
        records = [found(row) for row in rows]
    else:
        with ThreadPoolExecutor(min(detail.concurrency, len(rows)), "detail") as pool:
            records = list(pool.map(found, rows))
    gone = [record for record in records if isinstance(record, SourceError)]
    if len(gone) == len(rows) > 1:
        raise gone[0]
    along = steps(detail.record) if detail.record else []
    merged: list[Row] = []
    for row, answer in zip(rows, records, strict=True):
        if isinstance(answer, SourceError):
            continue
        record = dig(answer, along) if along else answer
        if detail.into:
            merged.append({**row, detail.into: record})
        else:
            merged.append({**row, **record} if isinstance(record, dict) else row)
    return merged, gone


def kept(
    rows: list[Row], only: Mapping[str, Iterable[Any]], without: Mapping[str, Iterable[Any]]
) -> list[Row]:
    """The rows that have one of the values of `only` at each of its paths, and none of those of `without`.

    Values are compared as text, so that 1 is "1"; nothing and blank text are null.
    """
    needed = [(steps(path), {text(value) for value in values}) for path, values in only.items()]
    refused = [(steps(path), {text(value) for value in values}) for path, values in without.items()]
    return [
        row
        for row in rows
        if all(_scalar(dig(row, path)) in values for path, values in needed)
        and not any(_scalar(dig(row, path)) in values for path, values in refused)
    ]


def _scalar(value: Any) -> Any:
    """A list or a mapping equals no value of a definition."""
    return object() if isinstance(value, dict | list) else text(value)
