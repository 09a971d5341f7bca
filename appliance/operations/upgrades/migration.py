"""A database brought to the schema of this program, and looked at closely before anyone relies on it.

An upgrade never migrates the file in use: a copy is, and takes its place when everything about it is right.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.clock import Clock
from appliance.errors import ConfigurationError
from appliance.operations.upkeep import compact_at_start
from appliance.store.copying import check, facts
from appliance.store.database import Database

MOST_PROBLEMS = 20


class MigrationFailed(ConfigurationError):
    """The copy of the database is not as it should be after its migration; the database in use was not touched."""

    code = "MIGRATION_FAILED"


@dataclass(frozen=True, slots=True)
class Migrated:
    """Schema numbers, rows by table, and how long it took."""

    from_schema: int
    to_schema: int
    rows_before: dict[str, int]
    rows_after: dict[str, int]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def migrate_copy(path: Path, key: bytes, clock: Clock) -> Migrated:
    """Migrate a copy of a database, which nobody else uses. It is one file without a log when this returns.

    Raises SchemaMismatch for a file of a newer release, MigrationFailed and DatabaseDamaged when the outcome cannot be
    relied on.
    """
    began = clock.monotonic()
    before = facts(path, key)
    database = Database(path, key)
    try:
        compact_at_start(database)
        dangling = database.tuples("PRAGMA foreign_key_check")
        database.checkpoint()
    finally:
        database.close()
    if dangling:
        raise MigrationFailed(
            f"{len(dangling)} rows refer to rows that are not there, the first in the table {dangling[0][0]}. "
            "Keep the present release, and send a support bundle.",
            details={"rows": [list(row) for row in dangling[:MOST_PROBLEMS]]},
        )
    check(path, key, thorough=True)
    after = facts(path, key)
    return Migrated(before.schema, after.schema, before.counts, after.counts, clock.monotonic() - began)
