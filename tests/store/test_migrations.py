"""Every database that a release has left behind comes to the schema of today with all that it holds."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.clock import SystemClock
from appliance.operations.upgrades.migration import MigrationFailed, migrate_copy
from appliance.store import migrations
from appliance.store.database import Database
from appliance.store.migrations import scripts
from tests.support.released import RELEASED, Tables, connect, looked_at, make_released, schema_of, tables

KEY = secrets.token_bytes(32)
NEWEST = max(scripts())
# What a migration says itself that it drops.
DROPPED = {("schedule", "interval_seconds")}


@pytest.fixture(params=sorted(RELEASED))
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    path = tmp_path / "appliance.db"
    make_released(path, KEY, request.param)
    yield request.param, path


def test_the_database_of_a_release_has_rows_in_every_table(released: tuple[int, Path]) -> None:
    _, path = released
    assert [name for name, rows in looked_at(path, KEY, tables).items() if not rows] == []


def test_it_comes_to_the_newest_schema_with_all_its_rows(released: tuple[int, Path]) -> None:
    schema, path = released
    before = looked_at(path, KEY, tables)
    migrated = migrate_copy(path, KEY, SystemClock())
    assert (migrated.from_schema, migrated.to_schema) == (schema, NEWEST)
    assert kept(before, looked_at(path, KEY, tables)) == before_without(before, DROPPED)
    assert migrated.rows_before["record"] == migrated.rows_after["record"] == 300
    assert not path.with_name(f"{path.name}-wal").exists(), "it is one file"


def test_what_it_comes_to_is_what_a_new_database_has(released: tuple[int, Path], tmp_path: Path) -> None:
    _, path = released
    migrate_copy(path, KEY, SystemClock())
    new = tmp_path / "new.db"
    Database(new, KEY).close()
    assert looked_at(path, KEY, schema_of) == looked_at(new, KEY, schema_of)


@pytest.mark.parametrize("number", range(min(RELEASED) + 1, NEWEST + 1))
def test_each_migration_by_itself_keeps_what_was_there(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, known = tmp_path / "appliance.db", scripts()
    make_released(path, KEY, min(RELEASED))

    def migrated_to(last: int) -> Tables:
        monkeypatch.setattr(migrations, "scripts", lambda: {n: known[n] for n in range(1, last + 1)})
        Database(path, KEY).close()
        return looked_at(path, KEY, tables)

    before = migrated_to(number - 1)
    after = migrated_to(number)
    assert looked_at(path, KEY, lambda file: file.execute("PRAGMA user_version").fetchone()[0]) == number
    dropped = {(table, column) for table, column in DROPPED if not has_column(after, table, column)}
    assert kept(before, after) == before_without(before, dropped)
    assert looked_at(path, KEY, lambda file: file.execute("PRAGMA foreign_key_check").fetchall()) == []
    assert looked_at(path, KEY, lambda file: file.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]


def test_the_appliance_works_on_with_it(released: tuple[int, Path]) -> None:
    _, path = released
    migrate_copy(path, KEY, SystemClock())
    database = Database(path, KEY)
    try:
        assert database.gives_back, "a file of that release did not"
        due = database.tuples("SELECT connection_id FROM probe_plan ORDER BY 1")
        assert due == [("con_1",), ("con_2",)], "open connections are probed, others left alone"
        states = dict(database.tuples("SELECT id, state FROM run"))
        assert states == {"run_1": "completed", "run_2": "failed", "run_3": "interrupted", "run_4": "queued"}
        with pytest.raises(Exception, match="append-only"):
            database.run("DELETE FROM credit_entry")
    finally:
        database.close()


def test_rows_that_refer_to_nothing_stop_it(released: tuple[int, Path]) -> None:
    _, path = released
    file = connect(path, KEY)
    file.execute(
        "INSERT INTO token (id, connection_id, hash, hint, created_at) VALUES ('t', 'nowhere', x'77', 'h', 1)"
    )
    file.close()
    with pytest.raises(MigrationFailed, match="in the table token"):
        migrate_copy(path, KEY, SystemClock())


def has_column(found: Tables, table: str, column: str) -> bool:
    return any(column in row for row in found.get(table, []))


def kept(before: Tables, after: Tables) -> Tables:
    """Of what is there now, the rows and columns that were there before."""
    found: Tables = {}
    for table, rows in before.items():
        columns = {column for row in rows for column in row}
        now = [{column: value for column, value in row.items() if column in columns} for row in after[table]]
        found[table] = [row for row in now if row in rows] if table == "counter" else now
    return found


def before_without(before: Tables, dropped: set[tuple[str, str]]) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [
            {column: value for column, value in row.items() if (table, column) not in dropped} for row in rows
        ]
        for table, rows in before.items()
    }
