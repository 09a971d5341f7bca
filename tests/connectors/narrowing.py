"""What the other reads of a connector give: only keys, only what is not finished, however long ago it changed."""

from collections.abc import Iterable

import msgspec

from appliance.runtime.checking.narrowed import check_gone, check_only_keys, check_open
from appliance.runtime.checking.passes import read_pages, read_pass
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING, Pages

MANY = 5000


def keys_of(connector: Connector, entity: str, pages: Pages | None) -> set[str]:
    """Keys of what a reader gives, rows that say that they are gone left out."""
    assert pages is not None, entity
    found = read_pages(pages, EVERYTHING, MANY)
    assert found.failure is None, (entity, found.failure)
    says_gone = connector.gone(entity)
    projection = connector.projection(entity)
    return {projection.key(row) for row in found.rows if says_gone is None or not says_gone(row)}


def open_keys(connector: Connector, entity: str) -> set[str]:
    return keys_of(connector, entity, connector.open_pages(entity))


def there(connector: Connector, entity: str) -> set[str]:
    """Keys of what is there, as a reconciliation sees it."""
    return keys_of(connector, entity, connector.key_pages(entity) or connector.pages(entity))


def narrowed_reads_fit(connector: Connector, entities: Iterable[str] = ()) -> set[str]:
    """The suite's checks of all entities pass; the names of those of which something was checked and passed."""
    checked = set()
    for entity in entities or connector.definition.entities:
        seen = read_pass(connector, entity, EVERYTHING, MANY)
        assert seen.failure is None, (entity, seen.failure)
        projection = connector.projection(entity)
        for check in (
            check_only_keys(connector, entity, seen, projection, MANY),
            check_open(connector, entity, projection, MANY),
            check_gone(connector, entity, seen),
        ):
            if check is not None:
                assert check.state in ("passed", "skipped"), msgspec.to_builtins(check)
                checked |= {entity} if check.state == "passed" else set()
    return checked


def unproven(connector: Connector) -> set[str]:
    """Entities of which one pass alone does not prove what is gone, whether it begins at a time or not."""
    return {
        entity
        for entity in connector.definition.entities
        if not all(connector.proves_absence(entity, since=since) for since in (False, True))
    }
