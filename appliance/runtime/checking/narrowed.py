"""Checks of the other reads of an entity: only keys, only what is not finished, and rows that say they are gone."""

from typing import Any

from appliance.errors import ApplianceError
from appliance.runtime.checking.passes import Pass, read_pages, through
from appliance.runtime.checking.report import Check, number
from appliance.runtime.connector import Connector
from appliance.runtime.mapping.projection import Projection, RowRejected
from appliance.runtime.protocols import EVERYTHING
from appliance.runtime.select import decode, steps


def check_only_keys(
    connector: Connector, entity: str, seen: Pass, projection: Projection, limit: int
) -> Check | None:
    """Whether asking for keys alone gives those of the read: a key that it lacks would be taken for a deletion.

    None where only whole rows can be asked for.
    """
    name = "only keys"
    try:
        pages = connector.key_pages(entity)
        if pages is None:
            return None
        again = read_pages(pages, EVERYTHING, limit)
    except ApplianceError as failure:
        return Check(name, "failed", f"Asking for keys alone fails: {failure.message}", entity)
    if again.failure is not None:
        return Check(name, "failed", f"Asking for keys alone fails: {again.failure.message}", entity)
    if not (seen.complete and again.complete):
        return Check(name, "skipped", f"There are more rows than the limit of {limit}.", entity)
    wanted, given = (
        _present(connector, entity, seen, projection),
        _present(connector, entity, again, projection),
    )
    if wanted != given:
        message = (
            f"Asked for keys alone, the source leaves out {number(len(wanted - given), 'key')} of the read and gives "
            f"{len(given - wanted)} others: records would be deleted or read again for nothing. Compare `keys` with "
            "the request of the read."
        )
        details = {"missing": sorted(wanted - given)[:10], "others": sorted(given - wanted)[:10]}
        return Check(name, "failed", message, entity, details)
    return Check(name, "passed", f"{number(len(given), 'key')}, those of the read.", entity)


def check_open(connector: Connector, entity: str, projection: Projection, limit: int) -> Check | None:
    """Whether the source takes the request for what is not finished, and its rows fit the mapping.

    None where the connector does not tell it apart.
    """
    try:
        pages = connector.open_pages(entity)
        if pages is None:
            return None
        found = read_pages(pages, EVERYTHING, limit)
    except ApplianceError as failure:
        return Check("open", "failed", f"Asking for what is not finished fails: {failure.message}", entity)
    if found.failure is not None:
        message = f"Asking for what is not finished fails: {found.failure.message}"
        return Check("open", "failed", message, entity)
    answered = through(projection, found.rows)
    if answered.rejected:
        reason, count = answered.rejected.most_common(1)[0]
        message = (
            f"{number(answered.rejected.total(), 'row')} do not fit the mapping, {count} since: {reason}"
        )
        return Check("open", "failed", message, entity)
    return Check("open", "passed", f"{number(len(found.rows), 'row')} not finished.", entity)


def check_gone(connector: Connector, entity: str, seen: Pass) -> Check | None:
    """Whether rows have what they would say by that they are deleted. None where `gone` is not declared."""
    declared = connector.definition.entities[entity].gone
    if not declared:
        return None
    if not seen.rows:
        return Check("gone", "skipped", "There are no rows.", entity)
    rows = [decode(row) for row in seen.rows]
    if not any(_has(row, steps(path)) for row in rows for path in declared):
        message = (
            f"No row has {' or '.join(declared)}, so that none can say that it is deleted. Check `gone`."
        )
        return Check("gone", "warning", message, entity)
    says_gone = connector.gone(entity)
    count = sum(says_gone(row) for row in seen.rows) if says_gone else 0
    return Check("gone", "passed", f"{number(count, 'row')} of {len(rows)} deleted or archived.", entity)


def _present(connector: Connector, entity: str, found: Pass, projection: Projection) -> set[str]:
    """Keys of the rows that do not say that they are gone."""
    says_gone = connector.gone(entity)
    present: set[str] = set()
    for row in found.rows:
        try:
            if says_gone is None or not says_gone(row):
                present.add(projection.key(row))
        except RowRejected:
            continue
    return present


def _has(row: Any, path: list[Any]) -> bool:
    for step in path:
        if not isinstance(row, dict) or step not in row:
            return False
        row = row[step]
    return True
