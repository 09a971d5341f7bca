"""A backup restored: everything is there again, and what must not go on from where it was does not."""

import io
from pathlib import Path

import pytest

from appliance.app import Appliance
from appliance.errors import ApplianceError
from appliance.operations.backups.errors import BackupBroken, BackupNoRoom, RestoreRefused
from appliance.operations.backups.restore import FROM_BACKUP, Restored, restore
from appliance.store import copying
from appliance.store.migrations import SchemaMismatch
from appliance.sync.engine import EngineLock
from appliance.vault.errors import MasterKeyRejected
from appliance.vault.sources import DefaultKeyFile, KeyFile, Passphrase
from appliance.webhooks.endpoints import Owner
from tests.operations.backups.made import filled, opened
from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances, connect_gateway, connect_sandbox, synchronize, work
from tests.support.clock import ManualClock

EVERYTHING = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
SETTLED = {"counter", "backup"}
"""Tables in which a restore leaves something."""


def backed_up(appliance: Appliance, place: Path) -> Path:
    return place / (appliance.backups.create("somebody").name or "")


def restored(
    file: Path, data_dir: Path, clock: ManualClock | None = None, *, dry_run: bool = False
) -> Restored:
    with file.open("rb") as archive:
        return restore(
            archive,
            file.name,
            file.stat().st_size,
            DefaultKeyFile(data_dir),
            data_dir,
            clock or ManualClock(),
            dry_run=dry_run,
        )


def everything(appliance: Appliance) -> dict[str, list[tuple[object, ...]]]:
    return {
        name: sorted(map(repr, appliance.database.tuples(f'SELECT * FROM "{name}"')))  # type: ignore[misc]
        for (name,) in appliance.database.tuples(EVERYTHING)
        if name not in SETTLED
    }


def test_everything_is_as_it_was_when_the_backup_was_made(appliances: Appliances, place: Path) -> None:
    appliance = filled(appliances, place)
    appliance.accounts.add("ada", "a long enough passphrase")
    before, epoch = everything(appliance), appliance.feed.epoch()
    file = backed_up(appliance, place)
    connect_sandbox(appliance, "Later")
    work(appliance)
    appliances.close()
    done = restored(file, appliances.data_dir)
    again = opened(appliances, place)
    assert everything(again) == before
    assert again.feed.epoch() == done.epoch > epoch
    connection = again.connections.table.all()[0]
    assert again.connections.test(connection.id).failure is None, "its secrets open"
    assert done.kept is not None and (done.kept / "appliance.db").is_file()


def test_a_synchronization_goes_on_from_its_watermark(
    appliances: Appliances, place: Path, gateway: Gateway
) -> None:
    appliance = opened(appliances, place)
    made = connect_gateway(appliance, gateway)
    first = synchronize(appliance, made.connection.id)
    assert first["entities"][0]["fetched"] == 12
    file = backed_up(appliance, place)
    appliances.close()
    restored(file, appliances.data_dir)
    again = opened(appliances, place)
    run = synchronize(again, made.connection.id)
    assert run["state"] == "completed"
    # The overlap is read again, and nothing of what was there before it.
    assert [(one["fetched"], one["inserted"]) for one in run["entities"]] == [(0, 0)]
    assert again.database.value("SELECT count(*) FROM record") > 0


def contents(folder: Path) -> list[tuple[str, bytes]]:
    """The files of a folder, without the locks that everybody leaves."""
    files = (path for path in folder.iterdir() if path.is_file() and path.suffix != ".lock")
    return sorted((path.name, path.read_bytes()) for path in files)


def test_a_dry_run_looks_through_everything_and_changes_nothing(appliances: Appliances, place: Path) -> None:
    file = backed_up(filled(appliances, place), place)
    appliances.close()
    before = contents(appliances.data_dir)
    done = restored(file, appliances.data_dir, dry_run=True)
    assert done.kept is None and done.manifest.counts["record"] > 0
    assert contents(appliances.data_dir) == before
    assert sorted(path.name for path in appliances.data_dir.parent.iterdir()) == ["backups", "data"]


def test_waiting_webhooks_and_writes_are_not_sent_and_runs_go_on(appliances: Appliances, place: Path) -> None:
    appliance = filled(appliances, place)
    database, connection = appliance.database, appliance.connections.table.all()[0]
    waiting_webhook(appliance)
    database.run(
        "INSERT INTO write_order (id, connection_id, entity, operation, body, reference, fingerprint, state,"
        " created_at, changed_at, due_at) VALUES ('w1', ?, 'WorkOrder', 'x', '{}', 'r', x'00', 'queued', 1, 1, 1)",
        (connection.id,),
    )
    run_id = appliance.planner.request_run(connection.id)
    database.run(
        "UPDATE run SET state = 'running', lease_owner = 'x', lease_until = 1 WHERE id = ?", (run_id,)
    )
    appliance.sessions.open(appliance.accounts.add("ada", "a long enough passphrase"))
    database.run("INSERT INTO bootstrap (hash, expires_at) VALUES (x'01', 9000000000000000)")
    file = backed_up(appliance, place)
    appliances.close()
    done = restored(file, appliances.data_dir)
    assert (done.webhooks_ended, done.writes_ended, done.runs_interrupted) == (1, 1, 1)
    again = opened(appliances, place).database
    assert again.tuples("SELECT state FROM webhook_delivery") == [("undelivered",)]
    assert "restored" in again.value("SELECT error FROM webhook_delivery")
    assert again.value("SELECT count(*) FROM webhook_lane WHERE next_at IS NOT NULL") == 0
    assert again.tuples("SELECT state, due_at FROM write_order") == [("unknown", None)]
    assert again.value("SELECT state FROM run WHERE id = ?", (run_id,)) == "interrupted"
    assert again.value("SELECT count(*) FROM session") == again.value("SELECT count(*) FROM bootstrap") == 0


def waiting_webhook(appliance: Appliance) -> None:
    appliance.webhooks.create(
        {"url": "http://127.0.0.1:9/hook", "name": "Hook", "events": ["system.error"]},
        Owner(None, None),
        may_be_here=True,
    )
    with appliance.database.write():
        appliance.outbox.announce("system.error", None, lambda: {"code": "X"})


def test_the_same_backup_restored_twice_gets_two_epochs(appliances: Appliances, place: Path) -> None:
    file = backed_up(opened(appliances, place), place)
    appliances.close()
    clock = ManualClock()
    first = restored(file, appliances.data_dir, clock)
    clock.advance(1)
    second = restored(file, appliances.data_dir, clock)
    assert first.epoch is not None and second.epoch is not None and second.epoch > first.epoch


def test_on_a_new_machine_the_key_has_to_be_there_first(
    appliances: Appliances, place: Path, tmp_path: Path
) -> None:
    appliance = filled(appliances, place)
    file, key = backed_up(appliance, place), appliances.data_dir / "master.key"
    needed = appliance.keyring.master_key_id
    new = tmp_path / "other" / "data"
    new.parent.mkdir()
    with pytest.raises(MasterKeyRejected, match=needed):
        restored(file, new)
    assert not new.exists(), "nothing was made"
    new.mkdir(mode=0o700)
    (new / "master.key").write_bytes(key.read_bytes())
    (new / "master.key").chmod(0o400)
    done = restored(file, new)
    assert done.master_key_id == needed
    elsewhere = Appliances(tmp_path / "other")
    with elsewhere:
        assert elsewhere.open().database.value("SELECT count(*) FROM record") > 0


def test_a_key_that_is_kept_elsewhere_is_not_written_into_the_data_directory(
    appliances: Appliances, place: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("ab" * 32)
    key.chmod(0o400)
    file = backed_up(opened(appliances, place, master_key_file=key), place)
    appliances.close()
    with file.open("rb") as archive:
        restore(archive, file.name, 1, KeyFile(key, "setting"), appliances.data_dir, ManualClock())
    assert not (appliances.data_dir / "master.key").exists()
    opened(appliances, place, master_key_file=key)


def test_own_connectors_and_settings_lie_beside(appliances: Appliances, place: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "notes.txt").write_text("mine")
    appliance = opened(
        appliances, place, connectors_dir=own, workers=7, master_passphrase="correct horse battery"
    )
    file = backed_up(appliance, place)
    appliances.close()
    with file.open("rb") as archive:
        done = restore(
            archive,
            file.name,
            1,
            Passphrase("correct horse battery", "setting"),
            appliances.data_dir,
            ManualClock(),
        )
    assert done.connectors is not None and (done.connectors / "notes.txt").read_text() == "mine"
    text = (appliances.data_dir / FROM_BACKUP / "config" / "appliance.toml").read_text()
    assert "workers = 7" in text and "correct horse" not in text and "# master_passphrase = …" in text


@pytest.mark.parametrize("lock", ["service.lock", "engine.lock", "backup.lock"])
def test_nothing_is_restored_under_a_running_service(appliances: Appliances, place: Path, lock: str) -> None:
    file = backed_up(opened(appliances, place), place)
    with EngineLock(appliances.data_dir, lock) as held:
        assert held.acquire()
        with pytest.raises(RestoreRefused, match="Stop the service"):
            restored(file, appliances.data_dir)


def test_a_backup_of_a_newer_release_is_refused_with_what_to_do(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = backed_up(opened(appliances, place), place)
    appliances.close()
    monkeypatch.setattr("appliance.operations.backups.rehearsal.newest_schema", lambda: 3)
    with pytest.raises(SchemaMismatch, match="Restore it with that release"):
        restored(file, appliances.data_dir)
    monkeypatch.undo()
    opened(appliances, place)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.999])
def test_a_damaged_backup_leaves_the_data_directory_as_it_is(
    appliances: Appliances, place: Path, part: float
) -> None:
    file = backed_up(opened(appliances, place), place)
    appliances.close()
    content = bytearray(file.read_bytes())
    content[round((len(content) - 1) * part)] ^= 1
    before = (appliances.data_dir / "appliance.db").read_bytes()
    with pytest.raises(ApplianceError):
        restore(
            io.BytesIO(bytes(content)),
            file.name,
            1,
            DefaultKeyFile(appliances.data_dir),
            appliances.data_dir,
            ManualClock(),
        )
    assert (appliances.data_dir / "appliance.db").read_bytes() == before
    assert sorted(path.name for path in appliances.data_dir.parent.iterdir()) == ["backups", "data"]


def test_counts_that_are_not_those_of_the_manifest_are_found(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = copying.facts
    monkeypatch.setattr(
        "appliance.operations.backups.making.facts",
        lambda path, key: facts(path, key)._replace(counts={**facts(path, key).counts, "record": 5}),
    )
    file = backed_up(opened(appliances, place), place)
    appliances.close()
    with pytest.raises(BackupBroken, match="what the manifest says"):
        restored(file, appliances.data_dir, dry_run=True)


def test_damaged_pages_are_found_in_the_copy_before_it_becomes_a_backup(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = copying.settle

    def damaged(path: Path, key: bytes) -> None:
        settle(path, key)
        with path.open("r+b") as file:
            file.seek(5 * 8192 + 100)
            file.write(b"damage")

    monkeypatch.setattr("appliance.operations.backups.making.settle", damaged)
    appliance = filled(appliances, place)
    with pytest.raises(copying.DatabaseDamaged):
        appliance.backups.create("somebody")
    assert not place.exists() or list(place.iterdir()) == []


def test_without_room_nothing_is_begun(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = backed_up(opened(appliances, place), place)
    appliances.close()
    with file.open("rb") as archive, pytest.raises(BackupNoRoom):
        restore(
            archive,
            file.name,
            1 << 60,
            DefaultKeyFile(appliances.data_dir),
            appliances.data_dir,
            ManualClock(),
        )


def test_when_the_exchange_fails_the_data_directory_is_as_it_was(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = backed_up(opened(appliances, place), place)
    appliances.close()

    def failing(one: Path, other: Path) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr("appliance.operations.backups.restore.exchange", failing)
    with pytest.raises(RestoreRefused, match="mount point"):
        restored(file, appliances.data_dir)
    assert sorted(path.name for path in appliances.data_dir.parent.iterdir()) == ["backups", "data"]
    opened(appliances, place)


def test_where_the_system_cannot_exchange_folders_in_one_step_it_is_done_in_three(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = backed_up(filled(appliances, place), place)
    appliances.close()
    monkeypatch.setattr("appliance.vault.files.ctypes.CDLL", lambda *_, **__: object())
    done = restored(file, appliances.data_dir)
    assert done.kept is not None and (done.kept / "appliance.db").is_file()
    assert opened(appliances, place).database.value("SELECT count(*) FROM record") > 0


def test_a_restore_that_was_killed_right_after_the_exchange_loses_nothing(
    appliances: Appliances, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance = opened(appliances, place)
    file = backed_up(appliance, place)
    connect_sandbox(appliance, "Later")
    appliances.close()
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if ".before-restore-" in target.name:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", killed)
    clock = ManualClock()
    with pytest.raises(KeyboardInterrupt):
        restored(file, appliances.data_dir, clock)
    monkeypatch.undo()
    assert opened(appliances, place).connections.table.all() == [], "the restored one is in its place"
    appliances.close()
    restored(file, appliances.data_dir, clock)
    kept = sorted(appliances.data_dir.parent.glob("data.before-restore-*"))
    assert len(kept) == 2
    with Appliances(kept[0].parent) as former:
        former.data_dir = kept[0]
        assert [one.name for one in former.open().connections.table.all()] == ["Later"]
