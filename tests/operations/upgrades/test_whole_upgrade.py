"""Upgrades of an installed appliance by its own commands, with its service, its data and another release's program."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.store.migrations import scripts
from appliance.vault.keyring import DATABASE_NAME, Keyring
from appliance.vault.sources import DefaultKeyFile
from tests.support.clock import ManualClock
from tests.support.installed import Installed
from tests.support.released import Tables, looked_at, tables
from tests.support.releases import Signer, bundle_of

pytestmark = pytest.mark.crash

SIGNER = Signer()
OLD, NEW = "1.0.0", "1.1.0"
ORDERS = "/api/erp/purchase-orders"


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    with Installed(tmp_path, SIGNER, OLD) as appliance:
        appliance.call("connection", "add", "--system", "sandbox", "--name", "S")
        appliance.call("sync", "run", "S", "--wait")
        # What a release changes shows only where nothing else does.
        appliance.call("connection", "schedule", "S", "--pause")
        yield appliance


def contents(installed: Installed) -> Tables:
    """All rows of the database in use."""
    data_dir = installed.data_dir
    key = Keyring.open(data_dir, DefaultKeyFile(data_dir), ManualClock()).database_key
    return looked_at(data_dir / DATABASE_NAME, key, tables)


def lasting(found: Tables) -> Tables:
    """What nothing but an upgrade could change while no one works."""
    return {
        name: found[name] for name in ("record", "stream", "connection", "run", "run_entity", "credit_entry")
    }


def test_there_and_back(installed: Installed, tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path / "bundle", NEW, SIGNER)
    before = lasting(contents(installed))
    assert len(before["record"]) > 100
    installed.start()
    shown = json.loads(installed.upgrade(bundle, "--json").stdout)
    assert (shown["state"], shown["from"], shown["to"]) == ("done", OLD, NEW)
    assert installed.version == NEW and installed.answers()
    after = contents(installed)
    assert lasting(after) == before, "runs wait until it is over"
    assert after["later"] == [{"note": "of the new release"}]
    assert after["maintenance"] == [] and after["api_key"] == []
    (backup,) = (tmp_path / "backups").iterdir()
    assert shown["backup"] == f"{backup.name} at {backup.parent}"
    assert installed.upgrade(bundle, check=False).stderr.startswith(
        "RELEASE_REFUSED: 1.1.0 is installed already"
    )

    installed.call("connection", "add", "--system", "sandbox", "--name", "Made since")
    asked = installed.call("rollback", *installed.options, given="no\n", check=False)
    assert asked.returncode == 1 and "1 connections made" in asked.stderr and installed.version == NEW
    installed.call("rollback", *installed.options, given=f"{OLD}\n")
    assert installed.version == OLD and installed.answers()
    back = contents(installed)
    assert "later" not in back and lasting(back) == before and back["maintenance"] == []
    (epoch,) = (row["value"] for row in back["counter"] if row["name"] == "epoch")
    assert epoch > 1, "readers of the feed begin anew"
    assert (installed.data_dir / "upgrade" / "undone" / DATABASE_NAME).exists()
    again = installed.call("rollback", *installed.options, "--yes", check=False)
    assert again.stderr.startswith("UPGRADE_REFUSED: There is no upgrade to take back")
    assert max(scripts()) == installed_schema(installed)


def installed_schema(installed: Installed) -> int:
    data_dir = installed.data_dir
    key = Keyring.open(data_dir, DefaultKeyFile(data_dir), ManualClock()).database_key
    found: int = looked_at(
        data_dir / DATABASE_NAME, key, lambda file: file.execute("PRAGMA user_version").fetchone()[0]
    )
    return found


# Serves copies, and nothing else.
NOT_IN_EARNEST = """
if "serve" in sys.argv and not any("rehearsal" in word for word in sys.argv):
    sys.exit("a library is missing")
"""
NEVER = """
if "serve" in sys.argv:
    sys.exit("a library is missing")
"""


def test_a_release_that_serves_only_copies_is_taken_back_by_itself(
    installed: Installed, tmp_path: Path
) -> None:
    bundle = bundle_of(tmp_path / "bundle", NEW, SIGNER, fault=NOT_IN_EARNEST)
    before = lasting(contents(installed))
    installed.start()
    failed = installed.upgrade(bundle, "--ready-seconds", "12", check=False)
    assert failed.returncode == 1
    assert "in the step start: The appliance was not ready after 12 s." in failed.stderr
    assert f"{OLD} works again with its data" in failed.stderr
    assert "a library is missing" in installed.log
    assert installed.version == OLD and installed.answers()
    after = contents(installed)
    assert lasting(after) == before and after["maintenance"] == [] and "later" not in after
    status = json.loads(installed.call("upgrade", "--status", "--json").stdout)
    assert status["state"] == "undone" and "start: " in status["why"]


def test_a_release_that_fails_its_self_test_stops_nothing(installed: Installed, tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path / "bundle", NEW, SIGNER, fault=NEVER)
    installed.start()
    pid = (installed.folder / "pid").read_text()
    failed = installed.upgrade(bundle, check=False)
    assert "in the step rehearse" in failed.stderr and "a library is missing" in failed.stderr
    assert (installed.folder / "pid").read_text() == pid and installed.answers(), "the service was left alone"
    assert contents(installed)["maintenance"] == []


def test_after_a_power_cut_the_service_starts_with_the_release_before(
    installed: Installed, tmp_path: Path
) -> None:
    bundle = bundle_of(tmp_path / "bundle", NEW, SIGNER)
    before = lasting(contents(installed))
    installed.start()
    upgrade = installed.begin(*installed.upgrade_command(bundle, "--watch-seconds", "60"))
    assert upgrade.stderr is not None
    for line in upgrade.stderr:
        if line.startswith("Watching"):
            break
    assert installed.version == NEW
    status, answer = installed.get("/api/system/credits")
    assert (status, answer["error"]["code"]) == (503, "MAINTENANCE"), "nobody has seen anything of it"
    upgrade.kill()
    upgrade.wait()
    installed.kill_service()
    installed.start()
    assert installed.version == OLD and "It was broken off in the step watch" in installed.log
    after = contents(installed)
    assert lasting(after) == before and after["maintenance"] == [] and "later" not in after
