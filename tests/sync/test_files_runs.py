"""Runs over files and databases: what was read is kept, what could not be read is counted."""

import os
from pathlib import Path

import pytest

from tests.support.appliance import Appliances, entity_of, synchronize, work
from tests.support.clock import ManualClock
from tests.support.plant_database import PlantDatabase

VENDORS = """
Vendor:
  read: {files: "*.csv", format: {kind: csv}, archive: done, size: 2}
  key: [nr]
  map: {code: nr, name: name}
"""


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def put(inbox: Path, name: str, content: str) -> None:
    (inbox / name).write_text(content)
    os.utime(inbox / name, (1_767_000_000, 1_767_000_000))


def test_files_are_taken_once_and_rejected_rows_are_counted(tmp_path, inbox):
    put(inbox, "a.csv", "nr,name\n1,a\n2\n3,c\n,nobody\n5,e\n")
    with Appliances(tmp_path) as appliances:
        clock = ManualClock()
        appliance = appliances.open(clock, files_folders=(inbox,))
        fields = {"place": "local", "folder": str(inbox), "entities": VENDORS}
        made = appliance.connections.connect(
            system="files", name="Drop", hosting="on_premises", fields=fields
        )
        work(appliance)
        first = synchronize(appliance, made.connection.id)
        assert entity_of(first, "Vendor")["fetched"] == 0, "the first run has taken the file"
        assert not (inbox / "a.csv").exists() and (inbox / "done" / "a.csv").exists()
        put(inbox, "b.csv", "nr,name\n5,e\n6\n7,g\n")
        second = entity_of(synchronize(appliance, made.connection.id), "Vendor")
        assert (second["fetched"], second["inserted"], second["unchanged"], second["rejected"]) == (
            3,
            1,
            1,
            1,
        )
        stream = appliance.records.stream(made.connection.id, "Vendor")
        assert appliance.records.count(stream) == 4


def test_a_comparison_takes_no_file_again(tmp_path, inbox):
    """Files that each hold what changed cannot be compared; read once more they would bring back former values."""
    put(inbox, "a.csv", "nr,name\n1,first\n2,b\n")
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(ManualClock(), files_folders=(inbox,))
        entities = VENDORS.replace(", archive: done", "")
        made = appliance.connections.connect(
            system="files",
            name="Drop",
            hosting="on_premises",
            fields={"place": "local", "folder": str(inbox), "entities": entities},
        )
        work(appliance)
        put(inbox, "b.csv", "nr,name\n1,second\n")
        synchronize(appliance, made.connection.id)
        before = appliance.feed.latest()
        run = synchronize(appliance, made.connection.id, mode="reconcile")
        compared = entity_of(run, "Vendor")
        assert (compared["state"], compared["fetched"]) == ("completed", 0)
        assert appliance.feed.latest() == before


def test_a_row_deleted_and_one_changed_between_two_runs(tmp_path, postgres_plant: PlantDatabase):
    plant = postgres_plant
    plant.table("vendor", "nr int primary key, name varchar(20), v bigint", [(n, "x", n) for n in range(5)])
    entities = """
Vendor:
  read: {table: vendor, cursor: {columns: [v], kind: number}, size: 2}
  key: [nr]
  incremental: mark
  map: {code: nr, name: name}
"""
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(ManualClock())
        fields = {name: value for name, value in plant.fields.items() if value is not None}
        made = appliance.connections.connect(
            system="generic_sql", name="Plant", hosting="on_premises", fields={**fields, "entities": entities}
        )
        work(appliance)
        plant.execute("UPDATE vendor SET name = 'y', v = 10 WHERE nr = 1")
        run = entity_of(synchronize(appliance, made.connection.id), "Vendor")
        assert (run["fetched"], run["updated"]) == (1, 1), "only what lies above the mark"
