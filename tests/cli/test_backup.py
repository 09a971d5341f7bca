"""`appliance backup …` and `appliance restore`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def test_make_list_verify_prune_and_restore(call: Call, place: Path, tmp_path: Path) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "S")
    call("sync", "run", "S", "--wait")
    there = ("--set", f"backup.target={place}")
    made = call("backup", "create", "--json", *there)
    assert made.status == 0 and made.json["state"] == "verified"
    name = made.json["name"]
    text = call("backup", "list", *there)
    assert name in text.out and str(place) in text.out
    assert "records" in call("backup", "verify", name, *there).out
    by_path = call("backup", "verify", str(place / name), "--json")
    assert by_path.json["counts"]["record"] > 0
    assert "Nothing is to be removed" in call("backup", "prune", *there).out
    tried = call("restore", name, "--dry-run", *there)
    assert "can be restored" in tried.out and "Nothing was changed" in tried.out
    call("connection", "add", "--system", "sandbox", "--name", "Later")
    done = call("restore", str(place / name), "--json")
    assert done.status == 0 and Path(done.json["kept"]).is_dir()
    status = call("status").out
    assert "S (sandbox)" in status and "Later" not in status


def test_a_folder_may_be_named_in_place_of_a_setting(call: Call, place: Path) -> None:
    done = call("backup", "create", "--to", str(place))
    assert done.status == 0 and "keep that key elsewhere" in done.out
    assert len(list(place.iterdir())) == 1


def test_restoring_to_a_new_place_needs_the_key_there(call: Call, place: Path, tmp_path: Path) -> None:
    call("backup", "create", "--to", str(place))
    (file,) = place.iterdir()
    new = tmp_path / "new"
    refused = call("restore", str(file), "--data-dir", str(new))
    assert refused.status == 1 and refused.err.startswith("MASTER_KEY_REJECTED: ") and not new.exists()
    new.mkdir(mode=0o700)
    (new / "master.key").write_bytes((tmp_path / "data" / "master.key").read_bytes())
    (new / "master.key").chmod(0o400)
    assert call("restore", str(file), "--data-dir", str(new)).status == 0
    assert (new / "appliance.db").is_file() and (tmp_path / "data" / "appliance.db").is_file()


def test_what_is_wrong_is_said_with_what_to_do(call: Call, tmp_path: Path) -> None:
    none = call("backup", "create")
    assert none.err.startswith("BACKUP_TARGET_MISSING: ") and "backup.target" in none.err
    assert call("restore", "no-such-file").err.startswith("BACKUP_NOT_FOUND: ")
    (tmp_path / "text").write_text("text")
    assert "no backup of the appliance" in call("restore", str(tmp_path / "text")).err
    assert call("backup", "list", "--set", "backup.target=relative").err.startswith("SETTINGS_INVALID: ")
