"""The database file gives back what was deleted, and its log stays short."""

import logging
import threading

import pytest

from appliance.app import Appliance
from appliance.operations.upkeep import Upkeep, compact_at_start
from appliance.store import database as database_module
from appliance.store.records import NewRecord
from tests.support.appliance import Appliances
from tests.support.clock import ManualClock

MIB = 1 << 20


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock, disk_reserve_bytes=MIB, disk_pause_bytes=MIB)


@pytest.fixture
def upkeep(appliance: Appliance, clock: ManualClock) -> Upkeep:
    return Upkeep(appliance.database, appliance.disk, clock, hurry_retention=appliance.retention.hurry)


def fill(appliance: Appliance, records: int = 4000) -> None:
    stream = appliance.records.stream("con_1", "PurchaseOrder")
    for start in range(0, records, 500):
        appliance.records.write(
            stream,
            [
                NewRecord(f"k{n}", b"h" * 16, b'{"x":"' + b"y" * 7000 + b'"}', n, b'{"a":"b"}')
                for n in range(start, start + 500)
            ],
        )


def test_what_was_deleted_is_given_back_in_slices_but_for_some(
    appliance: Appliance, upkeep: Upkeep, clock: ManualClock
) -> None:
    fill(appliance)
    appliance.records.erase("con_1")
    before = appliance.database.sizes()
    assert before.free > 28 * MIB
    slices = 0
    while upkeep.work_off():
        slices += 1
    after = appliance.database.sizes()
    assert slices == (before.free // 8192 - 2048 + 511) // 512
    assert after.free == 2048 * 8192
    # With free pages go those that tell where pages belong.
    assert after.file <= before.file - (before.free - after.free)
    assert appliance.database.value("PRAGMA integrity_check") == "ok"
    clock.advance(61)
    assert upkeep.work_off() == 0


def test_nothing_is_asked_or_written_between_two_looks(
    appliance: Appliance, upkeep: Upkeep, clock: ManualClock
) -> None:
    upkeep.work_off()
    appliance.database.close()
    assert upkeep.work_off() == 0
    clock.advance(61)
    upkeep.work_off()
    assert appliance.database.value("SELECT total_changes()") == 0


def test_a_long_log_is_cut_and_a_reader_that_holds_it_is_told_of(
    appliance: Appliance,
    upkeep: Upkeep,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("appliance.operations.upkeep.WAL_LIMIT_BYTES", MIB)
    upkeep.work_off()
    reads, done = threading.Event(), threading.Event()

    def read_for_long() -> None:
        with appliance.database.snapshot():
            appliance.database.value("SELECT count(*) FROM record")
            reads.set()
            done.wait(10)
        appliance.database.release_thread()

    reader = threading.Thread(target=read_for_long)
    reader.start()
    reads.wait(10)
    fill(appliance, 500)
    clock.advance(61)
    with caplog.at_level(logging.WARNING):
        upkeep.work_off()
    assert "a reader has held it for long" in caplog.text
    assert appliance.database.sizes().log > MIB
    done.set()
    reader.join()
    clock.advance(61)
    upkeep.work_off()
    assert appliance.database.sizes().log == 0


def test_a_file_of_an_earlier_release_is_rebuilt_once(
    appliances: Appliances, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = database_module.SqlCipherDatabase

    def as_before(path: str, pragmas: list[tuple[str, object]], **options: object) -> object:
        return made(path, pragmas=[one for one in pragmas if one[0] != "auto_vacuum"], **options)

    monkeypatch.setattr(database_module, "SqlCipherDatabase", as_before)
    old = appliances.open()
    fill(old, 500)
    assert not old.database.gives_back
    appliances.close()
    monkeypatch.undo()
    again = appliances.open()
    assert not again.database.gives_back, "opening alone changes no file"
    compact_at_start(again.database)
    assert again.database.gives_back
    assert again.database.value("SELECT count(*) FROM record") == 500
    assert again.database.value("PRAGMA integrity_check") == "ok"
    monkeypatch.setattr(again.database, "compact", lambda: pytest.fail("rebuilt twice"))
    compact_at_start(again.database)


def test_a_large_file_of_an_earlier_release_is_left_and_said(
    appliance: Appliance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("appliance.operations.upkeep.LARGEST_COMPACTED_AT_START", 1000)
    monkeypatch.setattr(type(appliance.database), "gives_back", property(lambda _: False))
    monkeypatch.setattr(appliance.database, "compact", lambda: pytest.fail("rebuilt"))
    compact_at_start(appliance.database)
    assert "appliance database compact" in caplog.text
