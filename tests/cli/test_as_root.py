"""Commands that root runs on the data of the service: what they make belongs to the service."""

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Call

SERVICE = 4711


def test_whatever_a_command_of_root_makes_belongs_to_the_service(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root it really changes the owner; as anyone else it is written down who would."""
    given: dict[Path, int] = {}
    real_chown, is_root = os.chown, os.geteuid() == 0

    def chown(path: Path, owner: int, group: int, *, follow_symlinks: bool = True) -> None:
        given[Path(path)] = owner
        if is_root:
            real_chown(path, owner, group, follow_symlinks=follow_symlinks)

    data_dir, place = tmp_path / "data", tmp_path / "backups"
    for folder in (data_dir, place):
        folder.mkdir(exist_ok=True)
        if is_root:
            real_chown(folder, SERVICE, SERVICE)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.chown", chown)
    target = ("--set", f"backup.target={place}")
    call("connection", "add", "--system", "sandbox", "--name", "S")
    call("sync", "run", "S", "--wait")
    call("key", "rotate")
    call("backup", "create", *target)
    call("doctor")
    call("maintenance", "on")
    made = [path for folder in (data_dir, place) for path in folder.rglob("*") if path.is_file()]
    assert {"appliance.db", "keyring.json", "engine.lock"} <= {path.name for path in made}
    if is_root:
        assert {path.name for path in made if path.stat().st_uid != SERVICE} == set()
    else:
        assert {path.name for path in given} >= {"appliance.db", "engine.lock", "backup.lock"}
