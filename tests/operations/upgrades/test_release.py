"""What is taken for a release: only what is whole, signed by the maker, and one to go to from here."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from appliance.operations.upgrades.errors import ReleaseRefused
from appliance.operations.upgrades.installation import Installation
from appliance.operations.upgrades.release import opened_release
from appliance.operations.upgrades.versions import Version, check_step
from tests.support.releases import Signer, small_bundle

SIGNER = Signer()


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    (tmp_path / "opt").mkdir()
    return tmp_path / "opt"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return small_bundle(tmp_path / "bundle", "1.4.0", SIGNER)


def add(bundle: Path, prefix: Path, key: bytes = SIGNER.public_pem) -> None:
    with opened_release(bundle, key, prefix) as release:
        Installation(prefix).add(release)


def run_file(bundle: Path, *, top: str = ".") -> Path:
    """As a self-extracting script: a stub in front of a gzip archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", dereference=True) as archive:
        archive.add(bundle, top)
    file = bundle.parent / "appliance-1.4.0.run"
    file.write_bytes(b"#!/bin/sh\ntouch /tmp/was-run; exit 1\n" + packed.getvalue())
    return file


def test_a_folder_is_installed_beside_the_others(bundle: Path, prefix: Path) -> None:
    add(bundle, prefix)
    assert [one.name for one in prefix.iterdir()] == ["1.4.0"]
    assert (prefix / "1.4.0" / "library.so.1").is_symlink()
    assert (prefix / "1.4.0" / "appliance").stat().st_mode & 0o100


@pytest.mark.parametrize("top", [".", "appliance-1.4.0"])
def test_a_run_file_is_unpacked_without_being_run(bundle: Path, prefix: Path, top: str) -> None:
    add(run_file(bundle, top=top), prefix)
    assert [one.name for one in prefix.iterdir()] == ["1.4.0"], "nothing unpacked is left"
    assert not Path("/tmp/was-run").exists()


def test_a_second_attempt_replaces_what_the_first_left(bundle: Path, prefix: Path) -> None:
    (prefix / "1.4.0").mkdir()
    (prefix / "1.4.0" / "half").touch()
    (prefix / ".1.4.0.new").mkdir()
    add(bundle, prefix)
    assert not (prefix / "1.4.0" / "half").exists()
    assert [one.name for one in prefix.iterdir()] == ["1.4.0"]


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name", ["program/appliance", "program/library.so", "VERSION", "SHA256SUMS", "SHA256SUMS.sig"]
)
def test_one_flipped_bit_is_refused(bundle: Path, prefix: Path, name: str) -> None:
    flip_byte(bundle / name)
    with pytest.raises(ReleaseRefused):
        add(bundle, prefix)
    assert list(prefix.iterdir()) == []


def test_what_is_added_taken_away_or_leads_out_is_refused(bundle: Path, prefix: Path) -> None:
    (bundle / "program" / "added.py").touch()
    with pytest.raises(ReleaseRefused, match=r"added\.py is not as it was signed"):
        add(bundle, prefix)
    (bundle / "program" / "added.py").unlink()
    (bundle / "program" / "out").symlink_to("/etc/passwd")
    with pytest.raises(ReleaseRefused, match="leads out of it"):
        add(bundle, prefix)
    (bundle / "program" / "out").unlink()
    (bundle / "program" / "library.so").unlink()
    (bundle / "program" / "library.so.1").unlink()
    with pytest.raises(ReleaseRefused, match="is missing"):
        add(bundle, prefix)
    assert list(prefix.iterdir()) == []


def test_another_maker_is_refused(bundle: Path, prefix: Path) -> None:
    with pytest.raises(ReleaseRefused, match="not signed by the maker"):
        add(bundle, prefix, Signer().public_pem)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../../outside", tarfile.REGTYPE),
        ("/tmp/outside-of-a-release", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("link", tarfile.LNKTYPE),
        ("device", tarfile.CHRTYPE),
        ("pipe", tarfile.FIFOTYPE),
    ],
)
def test_an_archive_with_anything_but_files_below_it_is_refused(
    tmp_path: Path, prefix: Path, name: str, kind: bytes
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    file = tmp_path / "bad.run"
    file.write_bytes(b"#!/bin/sh\n" + packed.getvalue())
    with pytest.raises(ReleaseRefused, match="cannot be unpacked"):
        add(file, prefix)
    assert not (tmp_path / "outside").exists() and not Path("/tmp/outside-of-a-release").exists()


def test_a_program_that_does_not_start_here_is_refused(tmp_path: Path, prefix: Path) -> None:
    bundle = small_bundle(tmp_path / "bundle", "1.4.0", SIGNER)
    (bundle / "program" / "appliance").write_text("#!/bin/sh\necho 'GLIBC_2.99 not found' >&2; exit 1\n")
    SIGNER.seal(bundle)
    with pytest.raises(ReleaseRefused, match=r"1\.4\.0 does not start on this machine.*GLIBC_2\.99"):
        add(bundle, prefix)
    assert list(prefix.iterdir()) == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_signature_of_openssl_is_taken(bundle: Path, prefix: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(SIGNER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    sums = bundle / "SHA256SUMS"
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, "-out", f"{sums}.sig", sums], check=True)
    add(bundle, prefix)
    assert (prefix / "1.4.0").is_dir()


@pytest.mark.parametrize("wanted", ["1.4.1", "1.5.0", "1.40.0", "2.0.0", "2.7.3"])
def test_newer_ones_of_this_and_the_next_major_may_be_gone_to(wanted: str) -> None:
    check_step(Version.read("1.4.0"), Version.read(wanted))


@pytest.mark.parametrize(
    ("wanted", "way"),
    [
        ("1.4.0", "installed already"),
        ("1.3.9", "appliance rollback"),
        ("0.9.0", "appliance rollback"),
        ("3.0.0", r"first to the last 2\.x, then to 3\.0\.0"),
        ("4.1.0", r"first to the last 2\.x, then to the last 3\.x, then to 4\.1\.0"),
    ],
)
def test_others_are_refused_with_the_way_to_go(wanted: str, way: str) -> None:
    with pytest.raises(ReleaseRefused, match=way):
        check_step(Version.read("1.4.0"), Version.read(wanted))


@pytest.mark.parametrize("text", ["", "1.4", "1.4.0-rc1", "next", "1.4.0.0", "v1.4.0"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ReleaseRefused, match="is no version"):
        Version.read(text)
