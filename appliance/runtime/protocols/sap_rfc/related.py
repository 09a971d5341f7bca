"""Rows of other tables put into the rows they belong to: lines, texts, headers, places."""

from collections.abc import Sequence

from appliance.errors import ConfigurationError
from appliance.runtime.definition import RelatedTable
from appliance.runtime.protocols.sap_rfc.module import Key, Row, TableModule
from appliance.runtime.select import dig, steps


def attach(
    module: TableModule, rows: Sequence[Row], related: RelatedTable, where: str, *, place: str
) -> None:
    """Put into each row a list, or a single row or None. `where` is the rendered condition of the related table.

    Raises ConfigurationError for columns to join by that are not read.
    """
    missing = set(related.by) - {*related.key, *related.fields}
    if missing:
        raise ConfigurationError(f"{place}: {related.table} is joined by {min(missing)}, which is not read.")
    parents = [(row, _values(row, related)) for row in rows]
    wanted = dict.fromkeys(values for _, values in parents if values is not None)
    found = module.matching(related, where, list(related.by), wanted) if wanted else {}
    columns = module.columns(related.table) if wanted else {}
    children: dict[Key, list[Row]] = {}
    for key in sorted(found):
        row = module.row(found[key], columns)
        children.setdefault(tuple(str(row[name]) for name in related.by), []).append(row)
    for parent, values in parents:
        # A row may belong to several: each gets its own, finished with what stands around it.
        own = [dict(row) for row in children.get(values or (), [])]
        for row in own:
            module.finish(related, row, parent)
        parent[related.into] = own if related.many else (own[-1] if own else None)


def _values(row: Row, related: RelatedTable) -> Key | None:
    """What to join by; None where a part is empty, so that nothing belongs to the row."""
    values = [dig(row, steps(path)) for path in related.by.values()]
    return tuple(str(value) for value in values) if all(values) else None
