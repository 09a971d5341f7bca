"""An upgrade killed in every step, and put right at the next start: what was before works, with all its data.

Programs and service are stand-ins here, which do to the data what real ones do; the whole of it is in
test_whole_upgrade.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.__main__ import main
from appliance.app import Appliance
from appliance.operations.backups.targets import FolderTarget
from appliance.operations.upgrades import data_files
from appliance.operations.upgrades.data_files import DataFiles
from appliance.operations.upgrades.errors import UpgradeFailed, UpgradeRefused
from appliance.operations.upgrades.installation import Installation
from appliance.operations.upgrades.journal import STEPS, Entry, Journal, Step
from appliance.operations.upgrades.release import opened_release
from appliance.operations.upgrades.service import Service
from appliance.operations.upgrades.undo import Means, last_done, recover, roll_back
from appliance.operations.upgrades.upgrade import Present, Upgrade
from appliance.settings import Settings
from appliance.store.migrations import scripts
from appliance.sync.engine import EngineLock
from appliance.vault.files import copy_file
from appliance.vault.keyring import DATABASE_NAME, KEYRING_NAME
from tests.support.appliance import connect_sandbox, work
from tests.support.clock import ManualClock
from tests.support.released import Tables, looked_at, tables
from tests.support.releases import Signer, small_bundle

pytestmark = pytest.mark.crash

SIGNER = Signer()
OLD, NEW = "1.0.0", "1.4.0"
SCHEMA = {OLD: max(scripts()), NEW: max(scripts()) + 1}
WALK: tuple[Step, ...] = STEPS[: STEPS.index("done")]


@dataclass
class StandIns:
    """Programs of releases. Each refuses data of the other's schema, as real ones do."""

    data_dir: Path
    key: bytes
    fails: str = ""

    def migrate(self, version: str, data_dir: Path) -> dict[str, Any]:
        self._fail("migrate" if data_dir.name == "next" else "rehearse")
        assert schema(data_dir, self.key) == SCHEMA[OLD]
        _change(
            data_dir, self.key, "CREATE TABLE later (note TEXT)", f"PRAGMA user_version = {SCHEMA[version]}"
        )
        return {"from_schema": SCHEMA[OLD], "to_schema": SCHEMA[version], "seconds": 0.1}

    def self_test(self, version: str, data_dir: Path) -> dict[str, Any]:
        self._fail("self-test")
        assert schema(data_dir, self.key) == SCHEMA[version]
        return {}

    def resume(self, version: str, *, end_maintenance: bool, went_back: bool) -> None:
        assert schema(self.data_dir, self.key) == SCHEMA[version], "a program with data of another release"
        if end_maintenance:
            _change(self.data_dir, self.key, "DELETE FROM maintenance")
        if went_back:
            _change(self.data_dir, self.key, "UPDATE counter SET value = value + 1 WHERE name = 'epoch'")

    def _fail(self, step: str) -> None:
        if step == self.fails:
            raise UpgradeFailed(f"{step} does not work")


@dataclass
class Site:
    """An installed 1.0.0 with data, and a bundle of 1.4.0."""

    folder: Path
    key: bytes
    said: list[str] = field(default_factory=list)
    fails: str = ""
    problem: str | None = None

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def prefix(self) -> Path:
        return self.folder / "opt"

    def means(self, journal: Journal | None = None) -> Means:
        clock = ManualClock(auto=True)
        return Means(
            journal=journal or Journal(self.data_dir),
            installation=Installation(self.prefix),
            data=DataFiles(self.data_dir, clock),
            programs=StandIns(self.data_dir, self.key, self.fails),
            service=Service([["true"]], [["true"]]),
            # A new release with a problem has it only while it is the one in use.
            ready=lambda: self.problem if self.version == NEW else None,
            is_served=lambda: False,
            manages_service=True,
            clock=clock,
            say=self.said.append,
        )

    def upgrade(self, journal: Journal | None = None) -> Entry:
        appliance = Appliance.open(Settings(data_dir=self.data_dir), ManualClock(auto=True))
        present = Present(
            OLD,
            appliance.database,
            self.key,
            appliance.maintenance,
            appliance.planner.runs.any_running,
            lambda: appliance.backups.create("upgrade", FolderTarget(self.folder / "backup")).name,
        )
        try:
            with opened_release(self.folder / "bundle", SIGNER.public_pem, self.prefix) as release:
                return Upgrade(self.means(journal), present, 5).run(release)
        finally:
            appliance.close()

    @property
    def version(self) -> str:
        return (self.prefix / "current").readlink().name

    def contents(self) -> Tables:
        """All but the note of the backup that an upgrade has made."""
        found = looked_at(self.data_dir / DATABASE_NAME, self.key, tables)
        return {name: rows for name, rows in found.items() if name != "backup"}


def schema(data_dir: Path, key: bytes) -> int:
    found: int = looked_at(
        data_dir / DATABASE_NAME, key, lambda file: file.execute("PRAGMA user_version").fetchone()[0]
    )
    return found


def _change(data_dir: Path, key: bytes, *statements: str) -> None:
    looked_at(
        data_dir / DATABASE_NAME, key, lambda file: [file.execute(one).fetchall() for one in statements]
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = tmp_path_factory.mktemp("made")
    appliance = Appliance.open(Settings(data_dir=folder / "data"))
    connect_sandbox(appliance)
    work(appliance)
    key = appliance.keyring.database_key
    appliance.close()
    small_bundle(folder / "bundle", NEW, SIGNER)
    small_bundle(folder / "first", OLD, SIGNER)
    (folder / "opt").mkdir()
    shutil.move(folder / "first" / "program", folder / "opt" / OLD)
    (folder / "opt" / "current").symlink_to(OLD)
    return folder, key


@pytest.fixture
def site(made: tuple[Path, bytes], tmp_path: Path) -> Site:
    folder, key = made
    shutil.copytree(folder, tmp_path / "site", symlinks=True)
    return Site(tmp_path / "site", key)


def killed(act: Callable[[], object]) -> None:
    """Do it in a process that ends in the middle, without any of its last words."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 9, "it came to its end"


class KilledAt(Journal):
    """The process is gone when the step has just been written down, or just before the next one is."""

    def __init__(self, data_dir: Path, step: Step, *, at_its_end: bool) -> None:
        super().__init__(data_dir)
        self._step, self._at_its_end, self._seen = step, at_its_end, False

    def write(self, entry: Entry) -> Entry:
        if self._at_its_end and self._seen and entry.step != self._step:
            os._exit(9)
        super().write(entry)
        self._seen = self._seen or entry.step == self._step
        if self._seen and not self._at_its_end:
            os._exit(9)
        return entry


def assert_as_before(site: Site, before: Tables) -> None:
    assert site.version == OLD
    assert site.contents() == before
    assert not (site.data_dir / "upgrade" / "next").exists()
    assert not (site.data_dir / "upgrade" / "rehearsal").exists()
    left = Journal(site.data_dir).read()
    assert left is not None and left.step == "undone"
    assert recover(site.means()) is None, "it is over"


@pytest.mark.parametrize("at_its_end", [False, True], ids=["as it begins", "at its end"])
@pytest.mark.parametrize("step", WALK)
def test_killed_in_a_step_it_is_put_right_at_the_next_start(site: Site, step: Step, at_its_end: bool) -> None:
    before = site.contents()
    killed(lambda: site.upgrade(KilledAt(site.data_dir, step, at_its_end=at_its_end)))
    if step == "settle":
        recovered = recover(site.means())
        assert recovered is not None and recovered.step == "done"
        assert site.version == NEW and site.contents()["maintenance"] == []
        assert site.contents()["record"] == before["record"]
        return
    recovered = recover(site.means())
    assert recovered is not None and recovered.step == "undone" and step in recovered.why
    assert_as_before(site, before)


# Two copies to try it on, three for the exchange, and its three renames.
@pytest.mark.parametrize("files", range(1, 9))
def test_killed_between_two_files(site: Site, monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    before = site.contents()
    kill_after(monkeypatch, files)
    killed(site.upgrade)
    monkeypatch.undo()
    recover(site.means())
    assert_as_before(site, before)


@pytest.mark.parametrize("step", ["undo", *range(1, 3)])
def test_killed_while_it_is_put_right_it_is_put_right_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, step: str | int
) -> None:
    before = site.contents()
    killed(lambda: site.upgrade(KilledAt(site.data_dir, "watch", at_its_end=False)))
    if isinstance(step, int):
        kill_after(monkeypatch, step)
        killed(lambda: recover(site.means()))
        monkeypatch.undo()
    else:
        killed(lambda: recover(site.means(KilledAt(site.data_dir, "undo", at_its_end=True))))
    recover(site.means())
    assert_as_before(site, before)


def kill_after(monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """The process is gone when so many files have been copied or renamed."""
    done: list[Path] = []

    def and_end(act: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def acted(source: Path, target: Path) -> None:
            act(source, target)
            done.append(target)
            if len(done) == files:
                os._exit(9)

        return acted

    for name in ("copy_file", "move_file"):
        monkeypatch.setattr(data_files, name, and_end(getattr(data_files, name)))


def test_after_that_the_same_upgrade_succeeds_and_can_be_taken_back(site: Site) -> None:
    before = site.contents()
    killed(lambda: site.upgrade(KilledAt(site.data_dir, "backup", at_its_end=True)))
    with pytest.raises(UpgradeRefused, match="--recover"):
        site.upgrade()
    recover(site.means())
    entry = site.upgrade()
    assert entry.step == "done" and site.version == NEW
    after = site.contents()
    assert after.pop("later") == [] and after == before
    assert (site.folder / "backup" / entry.backup).exists()

    assert last_done(site.means()) == entry
    roll_back(site.means())
    epoch = [row for row in site.contents()["counter"] if row["name"] == "epoch"]
    assert site.version == OLD and epoch == [{"name": "epoch", "value": 2}]
    assert site.contents()["record"] == before["record"]
    with pytest.raises(UpgradeRefused, match="no upgrade to take back"):
        roll_back(site.means())


@pytest.mark.parametrize("fails", ["rehearse", "self-test", "migrate"])
def test_a_program_that_fails_is_taken_back(site: Site, fails: str) -> None:
    before = site.contents()
    site.fails = fails
    with pytest.raises(UpgradeFailed, match=f"{fails} does not work {OLD} works again") as failure:
        site.upgrade()
    assert failure.value.details["undone"] is True
    assert_as_before(site, before)


def test_a_release_that_does_not_become_ready_is_taken_back(site: Site) -> None:
    before = site.contents()
    site.problem = "The engine does not run."
    with pytest.raises(UpgradeFailed, match=r"in the step start: .*The engine does not run\..*works again"):
        site.upgrade()
    assert_as_before(site, before)


def test_maintenance_of_the_operator_stays(site: Site) -> None:
    _change(site.data_dir, site.key, "INSERT INTO maintenance VALUES (1, 5, 'anna', 'a new disk')")
    kept = [{"id": 1, "since": 5, "who": "anna", "why": "a new disk"}]
    site.fails = "self-test"
    with pytest.raises(UpgradeFailed):
        site.upgrade()
    assert site.contents()["maintenance"] == kept
    site.fails = ""
    site.upgrade()
    assert site.contents()["maintenance"] == kept


def test_while_an_upgrade_lives_nothing_is_put_right_and_no_second_one_begins(site: Site) -> None:
    killed(lambda: site.upgrade(KilledAt(site.data_dir, "rehearse", at_its_end=False)))
    with Journal(site.data_dir):
        assert recover(site.means()) is None, "it is the upgrade itself that starts the service"
        with pytest.raises(UpgradeRefused, match="under way"):
            site.upgrade()
    assert recover(site.means()) is not None


@pytest.mark.parametrize("versions", [None, ("../../tmp/of-a-service", "1.4.0"), ("1.0.0", "1.4.0/..")])
def test_a_journal_that_is_none_leads_root_to_no_program(
    site: Site, versions: tuple[str, str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(site.data_dir)
    if versions is None:
        journal.folder.mkdir()
        (journal.folder / "journal.json").write_text("no journal")
    else:
        journal.write(Entry(*versions, "flip", 1, 1))
    with pytest.raises(UpgradeRefused, match="not as an upgrade writes it"):
        recover(site.means())
    assert main(["upgrade", "--recover", "--set", f"data_dir={site.data_dir}"]) == 1
    assert capsys.readouterr().err.startswith("UPGRADE_REFUSED: ")
    assert site.version == OLD


def test_links_among_the_data_are_not_followed(site: Site) -> None:
    """The service owns that folder: what root copies there must not be what only root may read or write."""
    secret, target = site.folder / "secret", site.folder / "target"
    secret.write_text("of root")
    data = DataFiles(site.data_dir, ManualClock())
    (site.data_dir / "tls").mkdir(exist_ok=True)
    (site.data_dir / "tls" / "link").symlink_to(secret)
    data.copy_to(data.next, site.key)
    assert (data.next / "tls" / "link").is_symlink()
    keyring = site.data_dir / KEYRING_NAME
    keyring.rename(site.folder / "keyring")
    keyring.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic link"):
        data.copy_to(data.next, site.key)
    keyring.unlink()
    keyring.symlink_to(target)
    copy_file(site.folder / "keyring", keyring)
    assert not target.exists() and not keyring.is_symlink()
    (site.data_dir / "backup.lock").symlink_to(target)
    with pytest.raises(OSError, match="symbolic link"):
        EngineLock(site.data_dir, "backup.lock").acquire()
    assert not target.exists()


def test_where_nothing_is_installed_nothing_is_upgraded(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--prefix", str(site.folder / "elsewhere"), "--set", f"data_dir={site.data_dir}"]
    for command in (["upgrade", str(site.folder / "bundle")], ["rollback", "--yes"]):
        assert main([*command, *flags]) == 1
        assert "is no link to a release" in capsys.readouterr().err
    assert main(["upgrade", "--recover", *flags]) == 0, "a first start has nothing to put right"
    assert main(["upgrade", str(site.folder / "bundle"), "--set", f"data_dir={site.folder / 'no'}"]) == 1
    assert "There are no data" in capsys.readouterr().err and not (site.folder / "no").exists()


def test_the_service_does_not_start_on_what_was_broken_off(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kill_after(monkeypatch, 6)
    killed(site.upgrade)
    monkeypatch.undo()
    assert not (site.data_dir / DATABASE_NAME).exists(), "else this is another moment"
    assert main(["serve", "--set", f"data_dir={site.data_dir}"]) == 1
    assert "UPGRADE_REFUSED" in capsys.readouterr().err
    assert not (site.data_dir / DATABASE_NAME).exists(), "it made no empty one"
    recover(site.means())
    Journal(site.data_dir).check_over()
