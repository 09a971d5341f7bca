"""SIGKILL in the middle of a backup and of a restore: no half file counts, and there is always a whole directory."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.operations.backups.targets import FolderTarget
from tests.operations.backups.made import names, opened
from tests.support.appliance import Appliances

pytestmark = pytest.mark.crash

ROWS = 3000
LONGEST = 30.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where backups go; beside it a data directory with some 25 MB."""
    place = tmp_path / "backups"
    with Appliances(tmp_path) as appliances:
        database = opened(appliances, place).database
        database.run("CREATE TABLE bulk (n INTEGER, x BLOB)")
        database.run_many(
            "INSERT INTO bulk VALUES (?, randomblob(8000))", [(number,) for number in range(ROWS)]
        )
    return place


def begun(tmp_path: Path, place: Path, *command: str) -> subprocess.Popen[bytes]:
    settings = ("--set", f"data_dir={tmp_path / 'data'}", "--set", f"backup.target={place}")
    return subprocess.Popen(
        [sys.executable, "-m", "appliance", *command, *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def killed_when(process: subprocess.Popen[bytes], reached: object, after: float) -> bool:
    """Kill it so many seconds after `reached()` is true; False when it was done before."""
    end = time.monotonic() + LONGEST
    while not reached():  # type: ignore[operator]
        if process.poll() is not None:
            return False
        assert time.monotonic() < end
        time.sleep(0.001)
    time.sleep(after)
    process.kill()
    process.communicate()
    return process.returncode != 0


def test_a_backup_killed_anywhere_leaves_no_half_file_that_counts(tmp_path: Path, place: Path) -> None:
    chance = random.Random(4)
    work, data = tmp_path / "data" / "backup-work", tmp_path / "data"

    def writing() -> bool:
        return place.exists() and any(path.name.startswith(".partial-") for path in place.iterdir())

    killed = 0
    for reached in (work.exists, work.exists, writing, writing):
        if killed_when(begun(tmp_path, place, "backup", "create"), reached, chance.uniform(0, 0.06)):
            killed += 1
        with Appliances(tmp_path) as appliances:
            appliance = opened(appliances, place)
            whole = appliance.backups.at_target()
            for one in whole:
                appliance.backups.rehearse(one.name)
            assert appliance.database.value("SELECT count(*) FROM bulk") == ROWS
    assert killed >= 2, "the kills came too late to say anything"
    with Appliances(tmp_path) as appliances:
        appliance = opened(appliances, place)
        last = appliance.backups.create("somebody")
        assert appliance.backups.rehearse(last.name or "").counts["bulk"] == ROWS
        states = [row.state for row in appliance.backups.table.recent(20)]
    assert "running" not in states and states.count("failed") >= 1
    assert not any(name.startswith(".partial-") for name in names(place))
    assert not (data / "backup-work").exists()


def test_a_restore_killed_anywhere_leaves_the_former_directory_or_the_restored_one(
    tmp_path: Path, place: Path
) -> None:
    chance = random.Random(5)
    data, made = tmp_path / "data", tmp_path / ".data.restoring"
    with Appliances(tmp_path) as appliances:
        appliance = opened(appliances, place)
        name = appliance.backups.create("somebody", FolderTarget(place)).name or ""
        appliance.database.run("DELETE FROM bulk WHERE n >= 10")
    killed = 0
    for round_ in range(4):
        if killed_when(begun(tmp_path, place, "restore", name), made.exists, chance.uniform(0, 0.1 * round_)):
            killed += 1
        assert data.is_dir()
        with Appliances(tmp_path) as appliances:
            counted = opened(appliances, place).database.value("SELECT count(*) FROM bulk")
            assert counted in (10, ROWS)
    assert killed >= 2
    done = begun(tmp_path, place, "restore", name)
    _, said = done.communicate(timeout=LONGEST)
    assert done.returncode == 0, said
    with Appliances(tmp_path) as appliances:
        assert opened(appliances, place).database.value("SELECT count(*) FROM bulk") == ROWS
    assert not made.exists()
    for kept in tmp_path.glob("data.before-restore-*"):
        shutil.rmtree(kept)
