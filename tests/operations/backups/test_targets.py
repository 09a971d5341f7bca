"""The three kinds of place do the same: a folder, a real SFTP server, an object store."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.app import outbound_of
from appliance.clock import SystemClock
from appliance.errors import SourceError
from appliance.operations.backups.errors import BackupNotFound, BackupTargetRefused
from appliance.operations.backups.targets import FolderTarget, Target, open_target
from appliance.setting_kinds import BackupPlace
from appliance.settings import Settings
from appliance.transport.errors import CertificateRefused
from tests.conftest import started
from tests.operations.backups.made import filled
from tests.real.sftp import SftpServer
from tests.simulators.object_store import ObjectStore
from tests.support.appliance import Appliances
from tests.support.clock import ManualClock

NAME = "appliance-0a1b2c3d-20260105T080000.000Z.backup"
CONTENT = bytes(range(256)) * 9000


@dataclass
class Served:
    """The settings of a place, and the files that are there."""

    settings: dict[str, Any]
    folder: Path | None
    store: ObjectStore | None = None

    def open(self, **other: Any) -> Target:
        settings = Settings(**{**self.settings, **other})
        return open_target(settings, outbound_of(settings, SystemClock()))

    def names(self) -> list[str]:
        if self.store is not None:
            return sorted(key.rpartition("/")[2] for key in self.store.objects)
        assert self.folder is not None
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture(params=["folder", "sftp", "s3"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "there"
    if request.param == "folder":
        yield Served({"backup_target": BackupPlace("folder", str(folder))}, folder)
    elif request.param == "sftp":
        server: SftpServer = request.getfixturevalue("sftp_server")
        folder.mkdir()
        yield Served(
            {
                "backup_target": BackupPlace("sftp", str(folder), "127.0.0.1", server.port, server.user),
                "backup_private_key": server.client_key,
                "backup_host_key": server.fingerprint,
            },
            folder,
        )
    else:
        with started(ObjectStore) as store:
            yield Served(
                {
                    "backup_target": BackupPlace("s3+http", "/plant/backups", "127.0.0.1", store.port),
                    "backup_access_key": store.access_key,
                    "backup_secret_key": store.secret_key,
                    "backup_region": store.region,
                },
                None,
                store,
            )


def test_a_backup_is_written_listed_read_and_removed(served: Served) -> None:
    target = served.open()
    try:
        for content in (CONTENT, CONTENT[:-1]):
            with target.writing(NAME) as out:
                for start in range(0, len(content), 100_000):
                    out.write(content[start : start + 100_000])
            assert b"".join(target.read(NAME)) == content, "the second takes the place of the first"
        assert served.names() == [NAME]
        assert [tuple(one) for one in target.list()] == [(NAME, len(CONTENT) - 1)]
        target.remove(NAME)
        target.remove(NAME)
        assert target.list() == []
        with pytest.raises(BackupNotFound, match="backup list"):
            list(target.read(NAME))
    finally:
        target.close()


def test_one_that_is_broken_off_is_not_there(served: Served) -> None:
    target = served.open()
    try:
        with pytest.raises(ZeroDivisionError), target.writing(NAME) as out:
            out.write(CONTENT)
            raise ZeroDivisionError
        assert target.list() == []
        target.clear_away()
        assert served.names() == []
    finally:
        target.close()


def test_a_whole_backup_goes_there_and_is_rehearsed_from_there(served: Served, tmp_path: Path) -> None:
    with Appliances(tmp_path) as appliances:
        settings = {name: value for name, value in served.settings.items() if name != "backup_target"}
        appliance = filled(appliances, tmp_path, ManualClock(), **settings)
        target = served.open()
        made = appliance.backups.create("somebody", target)
        assert made.name is not None and served.names() == [made.name]
        assert appliance.backups.rehearse(made.name, target).counts["record"] > 0
        target.close()


def test_a_server_with_another_key_is_not_given_anything(sftp_server: SftpServer, tmp_path: Path) -> None:
    served = Served(
        {
            "backup_target": BackupPlace(
                "sftp", str(tmp_path), "127.0.0.1", sftp_server.port, sftp_server.user
            ),
            "backup_private_key": sftp_server.client_key,
        },
        tmp_path,
    )
    with pytest.raises(CertificateRefused, match="none was entered"), served.open().writing(NAME):
        pass
    with pytest.raises(SourceError, match="no folder"):
        served.open(
            backup_host_key=sftp_server.fingerprint,
            backup_target=BackupPlace(
                "sftp", str(tmp_path / "none"), "127.0.0.1", sftp_server.port, sftp_server.user
            ),
        ).list()


def test_a_folder_that_cannot_be_written_says_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    target = FolderTarget(tmp_path / "file" / "folder")
    with pytest.raises(BackupTargetRefused, match="mounted"), target.writing(NAME):
        pass
