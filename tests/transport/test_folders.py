"""The three kinds of folder do the same: on this machine, on a real SFTP server, on a real Windows share."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.errors import ConfigurationError, SourceCredentialsRejected, SourceError, SourceUnreachable
from appliance.transport.egress import Egress
from appliance.transport.errors import CertificateRefused, EgressRefused
from appliance.transport.files import Entry, Folder, Place, open_folder
from tests.real.samba import Samba
from tests.real.sftp import SftpServer

WHEN = 1_767_600_000


@dataclass
class Served:
    """A folder, and where its files lie on this machine."""

    place: Place
    path: Path

    def open(self, egress: Egress | None = None, **other: object) -> Folder:
        return open_folder(replace(self.place, **other), egress or Egress(), [self.path])  # type: ignore[arg-type]

    def put(self, name: str, content: bytes) -> None:
        (self.path / name).write_bytes(content)
        os.utime(self.path / name, (WHEN, WHEN))


@pytest.fixture(params=["local", "sftp", "smb"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    if request.param == "local":
        yield Served(Place("local", str(tmp_path)), tmp_path)
    elif request.param == "sftp":
        server: SftpServer = request.getfixturevalue("sftp_server")
        yield Served(sftp_place(server, tmp_path), tmp_path)
    else:
        samba: Samba = request.getfixturevalue("samba")
        path = samba.share / tmp_path.name
        path.mkdir(mode=0o777)
        path.chmod(0o777)
        place = Place("smb", f"drop/{tmp_path.name}", "127.0.0.1", samba.port, samba.user, samba.password)
        yield Served(place, path)


def sftp_place(server: SftpServer, path: Path) -> Place:
    return Place(
        "sftp", str(path), "127.0.0.1", server.port, server.user, "", server.client_key, server.fingerprint
    )


def test_files_are_listed_read_and_moved(served):
    content = bytes(range(256)) * 20_000
    served.put("größe.bin", content)
    served.put("b.csv", b"")
    (served.path / "sub").mkdir()
    (served.path / "link.csv").symlink_to(served.path / "b.csv")
    folder = served.open()
    try:
        listed = {entry.name: entry for entry in folder.list()}
        assert listed["größe.bin"] == Entry("größe.bin", len(content), WHEN)
        assert "sub" not in listed
        with folder.open("größe.bin") as file:
            assert file.read(10) == content[:10]
            assert file.read() == content[10:]
        assert folder.entry("b.csv") == Entry("b.csv", 0, WHEN)
        assert folder.entry("none.csv") is None
        served.path.chmod(0o777)
        folder.move("b.csv", "done", "b.csv")
        assert (served.path / "done" / "b.csv").exists()
        served.put("b.csv", b"again")
        with pytest.raises(FileExistsError):
            folder.move("b.csv", "done", "b.csv")
        assert (served.path / "done" / "b.csv").read_bytes() == b""
    finally:
        folder.close()


def test_the_steps_of_the_probe_tell_what_they_found(served):
    served.put("a.csv", b"1")
    folder = served.open()
    said = [(name, step()) for name, step in folder.stages()]
    folder.close()
    assert said[-1][0] == "authenticate"
    assert "holds 1 files" in said[-1][1]


def test_names_that_lead_out_of_the_folder_are_refused(served):
    folder = served.open()
    for name in ("../x", "a/b", "..", "a\\b", ""):
        with pytest.raises((ValueError, SourceError)):
            folder.open(name)
    folder.close()


def test_a_folder_that_is_not_there_is_told(served):
    folder = served.open(folder=f"{served.place.folder}/missing")
    with pytest.raises(SourceError, match="missing"):
        folder.list()
    folder.close()


@pytest.fixture(params=["sftp", "smb"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Served:
    if request.param == "sftp":
        return Served(sftp_place(request.getfixturevalue("sftp_server"), tmp_path), tmp_path)
    samba: Samba = request.getfixturevalue("samba")
    return Served(Place("smb", "drop", "127.0.0.1", samba.port, samba.user, samba.password), samba.share)


def test_a_destination_that_is_not_permitted_is_not_connected_to(remote):
    folder = remote.open(Egress(["10.0.0.0/8"]))
    with pytest.raises(EgressRefused):
        folder.list()


def test_a_user_who_is_not_known_is_told(remote):
    folder = remote.open(username="somebody", password="wrong")
    with pytest.raises(SourceCredentialsRejected):
        folder.list()


def test_a_port_nobody_listens_on_is_told(remote):
    folder = remote.open(port=1)
    with pytest.raises(SourceUnreachable, match="connection refused"):
        folder.list()


def test_a_share_that_is_not_there_is_told(samba):
    folder = open_folder(
        Place("smb", "other", "127.0.0.1", samba.port, samba.user, samba.password), Egress(), []
    )
    with pytest.raises(SourceError, match="There is no other on"):
        folder.list()


def test_a_host_key_that_is_not_the_one_entered_is_refused(sftp_server, tmp_path):
    place = sftp_place(sftp_server, tmp_path)
    for entered in ("", "SHA256:" + "A" * 43):
        folder = open_folder(replace(place, host_key=entered), Egress(), [])
        with pytest.raises(CertificateRefused) as refused:
            folder.list()
        assert sftp_server.fingerprint in refused.value.message


def test_a_private_key_that_is_none_is_told(sftp_server, tmp_path):
    folder = open_folder(replace(sftp_place(sftp_server, tmp_path), key="nonsense"), Egress(), [])
    with pytest.raises(ConfigurationError, match="private key cannot be read"):
        folder.list()


def test_a_connection_that_was_closed_is_opened_anew(remote):
    folder = remote.open()
    folder.list()
    folder.close()
    folder.list()
    folder.close()
