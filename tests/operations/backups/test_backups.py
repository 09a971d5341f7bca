"""Backups made, read back, listed, rehearsed and thinned out, and what is told when one fails."""

import threading
from pathlib import Path

import pytest

from appliance.app import Appliance
from appliance.engine_room import watch_of
from appliance.errors import ApplianceError
from appliance.operations.backups.errors import (
    BackupBroken,
    BackupNoRoom,
    BackupNotFound,
    BackupTargetMissing,
    BackupTargetRefused,
    BackupUnderWay,
)
from appliance.operations.backups.service import LOCK_NAME
from appliance.operations.backups.targets import FolderTarget
from appliance.operations.checks import state
from appliance.operations.disk import DiskGuard
from appliance.setting_kinds import BackupPlace
from appliance.store.space import Space
from appliance.sync.engine import EngineLock
from appliance.vault.errors import MasterKeyMissing, MasterKeyRejected
from appliance.vault.sources import DefaultKeyFile
from tests.operations.backups.made import HOUR, filled, names, opened
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.clock import ManualClock


def open_issues(appliance: Appliance, clock: ManualClock) -> dict[str, str]:
    clock.advance(61)
    watch_of(appliance).work_off()
    return {one.code: one.message for one in appliance.issues.open_issues() if one.code.startswith("BACKUP")}


def test_a_backup_is_one_encrypted_file_that_can_be_rehearsed(appliances: Appliances, place: Path) -> None:
    appliance = filled(appliances, place)
    made = appliance.backups.create("somebody")
    (name,) = names(place)
    assert (made.state, made.name, made.bytes) == ("verified", name, (place / name).stat().st_size)
    assert (place / name).stat().st_mode & 0o777 == 0o600
    content = (place / name).read_bytes()
    assert b"SQLite" not in content and b"PurchaseOrder" not in content and b"manifest" not in content
    manifest = appliance.backups.rehearse(name)
    assert manifest.counts["record"] == appliance.database.value("SELECT count(*) FROM record") > 0
    assert set(manifest.files) == {"appliance.db", "keyring.json", "config/appliance.toml"}
    assert not (appliance.settings.data_dir / "backup-work").exists()


def test_a_backup_is_named_by_the_installation(appliances: Appliances, place: Path) -> None:
    appliance = filled(appliances, place)
    name = appliance.backups.create("somebody").name
    assert name is not None
    known = appliance.entitlements.installation.id
    assert name.startswith(f"appliance-{known}-")
    assert appliance.backups.rehearse(name).installation == known
    (listed,) = appliance.backups.at_target()
    assert listed.at is not None


def test_a_backup_that_was_named_otherwise_can_still_be_rehearsed(
    appliances: Appliances, place: Path
) -> None:
    appliance = filled(appliances, place)
    name = appliance.backups.create("somebody").name
    assert name is not None
    former = "appliance-0a1b2c3d-20260105T080000.000Z.backup"
    (place / name).rename(place / former)
    assert appliance.backups.rehearse(former).files
    assert [one.at for one in appliance.backups.at_target()] == [None]


def test_what_settings_name_elsewhere_is_in_a_backup_but_the_master_key(
    appliances: Appliances, place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("plant.crt", "plant.key", "ca.pem"):
        (tmp_path / name).write_text(f"-- {name} --")
    appliance = filled(
        appliances,
        place,
        tls_mode="files",
        tls_certificate=tmp_path / "plant.crt",
        tls_key=tmp_path / "plant.key",
        ca_files=[tmp_path / "ca.pem", tmp_path / "gone.pem"],
    )
    name = appliance.backups.create("somebody").name
    assert name is not None
    found = set(appliance.backups.rehearse(name).files)
    assert {
        "config/tls.certificate/0-plant.crt",
        "config/tls.key/0-plant.key",
        "config/ca_files/0-ca.pem",
    } <= found
    assert "gone.pem cannot be read" in caplog.text
    assert not any("master" in each for each in found)


def test_the_doctor_goes_by_the_plan(appliances: Appliances, place: Path) -> None:
    clock = ManualClock()
    unplanned = appliances.open(clock=clock)
    assert [(one.level, one.what) for one in state.backups(unplanned.backups)] == [
        ("warn", "No backup is made by itself."),
        ("warn", "There is no verified backup yet."),
    ]
    unplanned.close()
    hourly = filled(appliances, place, clock=clock, backup_every_hours=1)
    hourly.backups.create("somebody")
    assert [one.level for one in state.backups(hourly.backups)] == ["ok"]
    clock.advance(2.5 * HOUR)
    assert [one.level for one in state.backups(hourly.backups)] == ["fail", "ok"]


def test_the_master_key_is_not_in_a_backup_but_named_by_it(appliances: Appliances, place: Path) -> None:
    appliance = filled(appliances, place)
    name = appliance.backups.create("somebody").name
    assert name is not None
    (appliance.settings.data_dir / "tls").mkdir()
    assert "master.key" not in appliance.backups.rehearse(name).files
    assert appliance.keyring.master_key_id.encode() in (place / name).read_bytes()[:1000]


def test_own_certificate_connectors_and_settings_go_with_it(
    appliances: Appliances, place: Path, tmp_path: Path
) -> None:
    own = tmp_path / "connectors"
    (own / "mine").mkdir(parents=True)
    (own / "mine" / "notes.txt").write_text("mine")
    (own / "link").symlink_to("/etc/hostname")
    appliance = opened(appliances, place, connectors_dir=own, workers=7, proxy_url="http://u:secret-word@p:1")
    (appliance.settings.data_dir / "tls").mkdir()
    (appliance.settings.data_dir / "tls" / "server.key").write_text("key")
    name = appliance.backups.create("somebody").name or ""
    assert {"tls/server.key", "connectors/mine/notes.txt"} <= set(appliance.backups.rehearse(name).files)
    assert "connectors/link" not in appliance.backups.rehearse(name).files


def test_writers_go_on_while_a_backup_is_made(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance = filled(appliances, place)
    appliance.database.run("CREATE TABLE tick (n INTEGER)")
    stop, written = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            appliance.database.run("INSERT INTO tick VALUES (1)")
            written.append(1)
        appliance.database.release_thread()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(written) < 5:
            pass
        before = len(written)
        name = appliance.backups.create("somebody").name or ""
        during = len(written) - before
    finally:
        stop.set()
        writer.join()
    assert during > 10
    # What is in the backup is one moment of it, and its index and tables agree.
    counted = appliance.backups.rehearse(name).counts["tick"]
    assert before <= counted <= before + during + 1


def test_keys_may_be_rotated_between_two_backups_and_both_open(appliances: Appliances, place: Path) -> None:
    appliance = filled(appliances, place, ManualClock())
    first = appliance.backups.create("somebody").name or ""
    appliance.secrets.rotate(lambda *_: None)
    appliance.clock.advance(24 * HOUR)  # type: ignore[attr-defined]
    second = appliance.backups.create("somebody").name or ""
    for name in (first, second):
        appliance.backups.rehearse(name)


def test_after_a_change_of_the_master_key_an_old_backup_says_which_key_it_needs(
    appliances: Appliances, place: Path
) -> None:
    appliance = filled(appliances, place)
    former = appliance.keyring.master_key_id
    name = appliance.backups.create("somebody").name or ""
    appliance.secrets.rotate_master(DefaultKeyFile(appliance.settings.data_dir))
    with pytest.raises(MasterKeyRejected, match=former):
        appliance.backups.rehearse(name)


def test_without_the_master_key_in_its_place_no_backup_is_made(appliances: Appliances, place: Path) -> None:
    clock = ManualClock()
    appliance = filled(appliances, place, clock)
    key = appliance.settings.data_dir / "master.key"
    key.rename(key.with_name("elsewhere"))
    with pytest.raises(MasterKeyMissing, match=appliance.keyring.master_key_id):
        appliance.backups.create("somebody")
    assert "no longer where it was" in open_issues(appliance, clock)["BACKUP_FAILED"]
    assert not place.exists() or names(place) == []


def test_a_backup_that_changed_at_its_place_does_not_pass_the_rehearsal(
    appliances: Appliances, place: Path
) -> None:
    appliance = filled(appliances, place)
    name = appliance.backups.create("somebody").name or ""
    content = bytearray((place / name).read_bytes())
    content[len(content) // 2] ^= 1
    (place / name).write_bytes(content)
    with pytest.raises(BackupBroken, match="changed or cut"):
        appliance.backups.rehearse(name)
    with pytest.raises(BackupNotFound):
        appliance.backups.rehearse("no-such.backup")


def test_a_place_that_gives_back_something_else_is_found_out_at_once(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    appliance = filled(appliances, place, clock)
    read = FolderTarget.read
    monkeypatch.setattr(FolderTarget, "read", lambda self, name: [*read(self, name), b"x"])
    with pytest.raises(BackupBroken, match="not what was written"):
        appliance.backups.create("somebody")
    assert names(place) == [], "what cannot be relied on does not count"
    assert appliance.backups.table.last_verified() is None
    assert "not what was written" in open_issues(appliance, clock)["BACKUP_FAILED"]


def test_one_at_a_time(appliances: Appliances, place: Path) -> None:
    appliance = opened(appliances, place)
    with EngineLock(appliance.settings.data_dir, LOCK_NAME) as lock:
        assert lock.acquire()
        for call in (lambda: appliance.backups.create("x"), lambda: appliance.backups.prune()):
            with pytest.raises(BackupUnderWay):
                call()


def test_the_engine_makes_what_is_due_and_waits_for_the_next_time(
    appliances: Appliances, place: Path
) -> None:
    clock = ManualClock()
    appliance = opened(appliances, place, clock, backup_every_hours=6)
    appliance.backups.work_off()
    assert len(names(place)) == 1, "the first one at once"
    due = appliance.backups.due_at()
    assert due is not None and clock.now_ms() < due <= clock.now_ms() + 6 * HOUR * 1000
    clock.advance((due - clock.now_ms()) / 1000 - 6)
    appliance.backups.work_off()
    assert len(names(place)) == 1
    clock.advance(6)
    appliance.backups.work_off()
    assert appliance.backups.table.recent(5)[0].asked_by == "schedule"
    following = appliance.backups.due_at()
    assert following == due + 6 * HOUR * 1000, "due times do not drift"


def test_by_cron_in_a_time_zone(appliances: Appliances, place: Path) -> None:
    clock = ManualClock()
    appliance = opened(appliances, place, clock, backup_cron="30 2 * * *", backup_time_zone="Europe/Berlin")
    appliance.backups.work_off()
    # 02:30 in Berlin of the next day.
    assert appliance.backups.describe()["next_at"] == "2026-01-06T01:30:00Z"


def test_one_that_was_asked_for_is_made_by_the_engine_once(appliances: Appliances, place: Path) -> None:
    appliance = opened(appliances, place, backup_every_hours=0)
    first = appliance.backups.ask("Ada")
    assert appliance.backups.ask("Bob").id == first.id
    appliance.backups.work_off()
    done = appliance.backups.table.get(first.id)
    assert (done.state, done.asked_by) == ("verified", "Ada")
    assert len(names(place)) == 1 and appliance.backups.due_at() is None


def test_without_a_place_nothing_is_made_and_nothing_is_wrong(appliances: Appliances) -> None:
    clock = ManualClock()
    appliance = appliances.open(clock)
    appliance.backups.work_off()
    assert appliance.backups.table.recent(5) == [] and open_issues(appliance, clock) == {}
    with pytest.raises(BackupTargetMissing, match=r"backup\.target"):
        appliance.backups.ask("Ada")


def test_a_failure_is_an_issue_and_an_event_is_tried_again_and_ends_with_the_next_backup(
    appliances: Appliances, place: Path
) -> None:
    clock = ManualClock()
    appliance = opened(appliances, place / "missing" / "deeper", clock)
    told: list[str] = []
    appliance.backups._announce = lambda name, _, describe: told.append(f"{name} {describe()['cause']}")
    appliance.backups.work_off()
    assert told == ["system.error BACKUP_TARGET_REFUSED"]
    assert "cannot be used for backups" in open_issues(appliance, clock)["BACKUP_FAILED"]
    (place / "missing").mkdir(parents=True)
    clock.advance(90)
    appliance.backups.work_off()
    assert len(names(place / "missing" / "deeper")) == 1, "tried again after a minute or so"
    assert open_issues(appliance, clock) == {}


def test_a_backup_that_is_too_old_is_an_issue(appliances: Appliances, place: Path) -> None:
    clock = ManualClock()
    appliance = opened(appliances, place, clock, backup_every_hours=24)
    appliance.backups.create("somebody")
    clock.advance(47 * HOUR)
    assert open_issues(appliance, clock) == {}
    clock.advance(HOUR)
    assert "2026-01-05T08:00:00Z" in open_issues(appliance, clock)["BACKUP_OLD"]


def test_thinning_out_leaves_days_weeks_and_what_is_not_ours(appliances: Appliances, place: Path) -> None:
    clock = ManualClock()
    appliance = opened(
        appliances, place, clock, backup_keep_daily=2, backup_keep_weekly=1, backup_keep_monthly=0
    )
    place.mkdir()
    foreign = "appliance-00000000-20200101T000000.000Z.backup"
    for name in (foreign, "notes.txt"):
        (place / name).write_text("x")
    for _ in range(5):
        appliance.backups.create("somebody")
        clock.advance(12 * HOUR)
    left = names(place)
    assert foreign in left and "notes.txt" in left and len(left) == 4
    states = [row.state for row in appliance.backups.table.recent(10)]
    assert sorted(states) == ["removed"] * 3 + ["verified"] * 2
    listed = appliance.backups.at_target()
    assert [one.name for one in listed][-1] == foreign and listed[-1].at is None
    assert all(one.verified for one in listed[:-1])


def test_nothing_is_removed_while_the_newest_one_is_not_known_to_be_whole(
    appliances: Appliances, place: Path
) -> None:
    clock = ManualClock()
    appliance = opened(
        appliances, place, clock, backup_keep_daily=1, backup_keep_weekly=0, backup_keep_monthly=0
    )
    first = appliance.backups.create("somebody").name or ""
    clock.advance(60)
    newer = appliance.backups._making.name_at(clock.now_ms())
    (place / newer).write_bytes(b"half of one")
    assert appliance.backups.prune() == []
    (place / newer).unlink()
    clock.advance(60)
    appliance.backups.create("somebody")
    assert first not in names(place)


def test_a_dry_run_of_thinning_out_only_names(appliances: Appliances, place: Path) -> None:
    clock = ManualClock()
    appliance = opened(appliances, place, clock)
    made = []
    for _ in range(3):
        made.append(appliance.backups.create("somebody", FolderTarget(place)).name)
        clock.advance(60)
    assert appliance.backups.prune(dry_run=True) == made[:2] and len(names(place)) == 3
    assert appliance.backups.prune() == made[:2] and names(place) == made[2:]


def test_no_backup_is_begun_for_which_there_is_no_room(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance = filled(appliances, place)
    monkeypatch.setattr(DiskGuard, "space", lambda self: Space(1 << 20, 100 << 30))
    with pytest.raises(BackupNoRoom, match="Make room"):
        appliance.backups.create("somebody")
    assert not place.exists()


def test_a_low_disk_holds_the_plan_back(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance = opened(appliances, place, ManualClock())
    monkeypatch.setattr(DiskGuard, "is_low", lambda self: True)
    appliance.backups.work_off()
    assert not place.exists()


def test_what_a_killed_backup_left_is_cleared_away_and_never_counts(
    appliances: Appliances, place: Path
) -> None:
    appliance = opened(appliances, place)
    place.mkdir()
    half = f".partial-{appliance.backups._making.name_at(0)}"
    (place / half).write_bytes(b"half")
    (appliance.settings.data_dir / "backup-work").mkdir()
    appliance.backups.table.begin(None, "x", str(place), "schedule", 0)
    assert appliance.backups.at_target() == []
    appliance.backups.create("somebody")
    assert half not in names(place) and len(names(place)) == 1
    assert sorted(row.state for row in appliance.backups.table.recent(5)) == ["failed", "verified"]


@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_a_server_that_does_not_answer_is_told_and_noted(
    appliances: Appliances, kind: str, place: Path
) -> None:
    target = BackupPlace(kind, "/backups/plant", "127.0.0.1", 1, "u" if kind == "sftp" else "")  # type: ignore[arg-type]
    appliance = appliances.open(
        ManualClock(auto=True), backup_target=target, backup_access_key="a", backup_secret_key="b"
    )
    with pytest.raises(ApplianceError) as refused:
        appliance.backups.create("somebody")
    assert refused.value.retryable and appliance.backups.table.recent(1)[0].state == "failed"


def test_an_object_store_without_keys_says_what_to_set(appliances: Appliances) -> None:
    appliance = appliances.open(backup_target=BackupPlace("s3", "/bucket", "s3.plant.example"))
    with pytest.raises(BackupTargetRefused, match=r"backup\.access_key"):
        appliance.backups.ask("Ada")


def test_records_that_came_after_the_backup_are_not_in_it(appliances: Appliances, place: Path) -> None:
    appliance = opened(appliances, place)
    name = appliance.backups.create("somebody").name or ""
    connect_sandbox(appliance)
    work(appliance)
    assert appliance.backups.rehearse(name).counts["record"] == 0
