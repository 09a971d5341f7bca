"""When synchronization waits and goes on, and the reserve, on a disk of which the test says how much is free."""

from pathlib import Path

import pytest

from appliance.app import Appliance
from appliance.operations.disk import DiskGuard, DiskLow
from appliance.store.space import Reserve, Space
from tests.support.appliance import Appliances
from tests.support.clock import ManualClock

GIB = 1 << 30
MIB = 1 << 20


class Disk:
    def __init__(self, free: int, total: int = 100 * GIB) -> None:
        self.free, self.total = free, total

    def space(self, folder: Path) -> Space:
        return Space(self.free, self.total)


def guard(appliance: Appliance, disk: Disk, pause_bytes: int = GIB) -> DiskGuard:
    return DiskGuard(
        appliance.database,
        appliance.settings.data_dir,
        appliance.clock,
        pause_bytes=pause_bytes,
        space=disk.space,
    )


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    opened = appliances.open(clock, disk_reserve_bytes=MIB)
    opened.database.reserve.make()
    return opened


def test_it_waits_below_the_limit_and_goes_on_well_above_it(appliance: Appliance) -> None:
    disk = Disk(2 * GIB)
    watched = guard(appliance, disk)
    said = []
    for free in (2 * GIB, GIB, GIB - 1, GIB, round(1.2 * GIB), round(1.25 * GIB), GIB, GIB - 1):
        disk.free = free
        said.append(watched.is_low())
    assert said == [False, False, True, True, True, False, False, True]


def test_on_a_small_disk_the_limit_is_a_tenth_of_it(appliance: Appliance) -> None:
    disk = Disk(GIB // 2, total=4 * GIB)
    watched = guard(appliance, disk)
    assert watched.limits(watched.space())[0] == 4 * GIB // 10
    assert not watched.is_low()
    disk.free = 4 * GIB // 10 - 1
    assert watched.is_low()


def test_what_the_reserve_gave_up_is_not_used_for_synchronizing(appliance: Appliance) -> None:
    disk = Disk(GIB)
    watched = guard(appliance, disk)
    assert not watched.is_low()
    appliance.database.reserve.give_up()
    assert watched.is_low()


def test_a_pause_is_noted_once_where_other_processes_see_it_and_outlives_a_restart(
    appliance: Appliance, clock: ManualClock
) -> None:
    disk = Disk(GIB - 1)
    watched, other = guard(appliance, disk), guard(appliance, disk)
    assert other.pause() is None
    assert watched.watch() and not watched.watch()
    began = clock.now_ms()
    clock.advance(60)
    assert other.pause() == (began, GIB - 1)
    # Between the limits: a process that starts now has to know that there is a pause.
    disk.free = round(1.1 * GIB)
    assert guard(appliance, disk).is_low()
    disk.free = 2 * GIB
    watched.watch()
    assert other.pause() is None


def test_watching_a_disk_with_room_writes_nothing(appliance: Appliance) -> None:
    watched = guard(appliance, Disk(2 * GIB))
    watched.watch()
    before = appliance.database.value("SELECT total_changes()")
    for _ in range(10):
        watched.watch()
    assert appliance.database.value("SELECT total_changes()") == before


def test_who_asks_for_a_run_is_told_how_much_is_missing(appliance: Appliance) -> None:
    with pytest.raises(DiskLow, match=r"512 MiB are free .* above 1,280 MiB") as refused:
        guard(appliance, Disk(GIB // 2)).check()
    assert refused.value.details == {"free": GIB // 2, "resumes_above": round(1.25 * GIB)}


def test_the_reserve_really_takes_space_and_is_private(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, 3 * MIB)
    assert reserve.make() and not reserve.make()
    found = (tmp_path / "reserve").stat()
    assert (found.st_size, found.st_mode & 0o777) == (3 * MIB, 0o600)
    assert found.st_blocks * 512 >= 3 * MIB, "a sparse file would hold no space"
    assert Reserve(tmp_path, MIB).make(), "made anew where the setting has changed"
    assert (tmp_path / "reserve").stat().st_size == MIB
    assert reserve.give_up() and not reserve.give_up()
    assert list(tmp_path.iterdir()) == []
