"""A release from a small program: what is in it, what proves it, and what refuses it.

The program is a shell script; everything around it is the real thing.
"""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.setting_kinds import Address
from appliance.settings import load_settings
from installer.bundle import Release

ROOT = Path(__file__).parents[2]
BUILT = "2026-11-01T00:00:00+00:00"


def new_key(path: Path) -> Path:
    command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def public_key(private: Path) -> Path:
    public = private.with_suffix(".pub.pem")
    command = ["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)]
    subprocess.run(command, check=True, capture_output=True)
    return public


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_key(tmp_path_factory.mktemp("key") / "release.key")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Release:
    build = tmp_path_factory.mktemp("build")
    (build / "appliance/_internal").mkdir(parents=True)
    (build / "appliance/appliance").write_text("#!/bin/sh\necho appliance 9.8.7\n")
    (build / "appliance/_internal/a part.txt").write_text("a part")
    (build / "licenses/some-1.0").mkdir(parents=True)
    (build / "licenses/some-1.0/LICENSE").write_text("free")
    (build / "sbom.cdx.json").write_text("{}")
    note = {"version": "9.8.7", "built_at": BUILT, "glibc": "2.17", "machine": os.uname().machine}
    (build / "build.json").write_text(json.dumps(note))
    return Release(build, key)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory, release: Release) -> Path:
    return release.stage(tmp_path_factory.mktemp("staged"))


@pytest.fixture
def bundle(staged: Path, tmp_path: Path) -> Path:
    """One's own, to be spoiled."""
    return Path(shutil.copytree(staged, tmp_path / "bundle"))


def verify(given: Path, key: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "installer/verify.sh"), "--key", str(key), str(given)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_a_genuine_bundle_is_said_to_be_one(bundle: Path, key: Path) -> None:
    done = verify(bundle, public_key(key))
    assert (done.returncode, done.stderr) == (0, "")
    assert "genuine" in done.stdout


def flip_a_byte(bundle: Path) -> None:
    file = bundle / "program/_internal/a part.txt"
    content = bytearray(file.read_bytes())
    content[2] ^= 1
    file.write_bytes(content)


def change_the_list_with_the_file(bundle: Path) -> None:
    flip_a_byte(bundle)
    # As somebody would who has no key: file and list fit each other, the signature does not.
    names = "find . -type f ! -name 'SHA256SUMS*' -printf '%P\\0'"
    command = f"{names} | xargs -0 sha256sum >SHA256SUMS"
    subprocess.run(["sh", "-c", command], cwd=bundle, check=True)


def take_the_signature_away(bundle: Path) -> None:
    (bundle / "SHA256SUMS.sig").unlink()


def take_a_file_away(bundle: Path) -> None:
    (bundle / "program/LICENSE").unlink()


def put_a_file_beside(bundle: Path) -> None:
    (bundle / "program/_internal/.evil.so").write_text("x")


def put_a_link_in_place(bundle: Path) -> None:
    (bundle / "program/LICENSE").unlink()
    (bundle / "program/LICENSE").symlink_to("README.md")


@pytest.mark.parametrize(
    "spoil",
    [
        flip_a_byte,
        change_the_list_with_the_file,
        take_the_signature_away,
        take_a_file_away,
        put_a_file_beside,
        put_a_link_in_place,
    ],
)
def test_a_bundle_that_was_changed_is_refused(bundle: Path, key: Path, spoil: Callable[[Path], None]) -> None:
    spoil(bundle)
    done = verify(bundle, public_key(key))
    assert done.returncode == 1
    assert "REFUSED" in done.stderr


def test_a_bundle_of_another_key_is_refused(bundle: Path, tmp_path: Path) -> None:
    done = verify(bundle, public_key(new_key(tmp_path / "other.key")))
    assert done.returncode == 1
    assert "the signature is not of this key" in done.stderr


def test_without_a_key_nothing_is_called_genuine(bundle: Path, tmp_path: Path) -> None:
    assert verify(bundle, tmp_path / "nowhere.pem").returncode == 2


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, release: Release, staged: Path) -> Path:
    out = tmp_path_factory.mktemp("files")
    run = release.make_run(staged, out / "appliance.run")
    release.make_deb(run, out / "appliance.deb", tmp_path_factory.mktemp("deb"))
    release.sign(out, ["appliance.run", "appliance.deb"])
    return out


def test_a_file_is_proven_by_the_list_beside_it(files: Path, key: Path, tmp_path: Path) -> None:
    assert verify(files / "appliance.run", public_key(key)).returncode == 0
    for name in ("SHA256SUMS", "SHA256SUMS.sig", "appliance.run"):
        shutil.copy(files / name, tmp_path / name)
    with (tmp_path / "appliance.run").open("ab") as run:
        run.write(b"\0")
    assert verify(tmp_path / "appliance.run", public_key(key)).returncode == 1


def test_the_run_file_unpacks_to_the_signed_bundle(files: Path, key: Path, tmp_path: Path) -> None:
    subprocess.run(["sh", files / "appliance.run", "--extract", tmp_path / "here"], check=True)
    (unpacked,) = (tmp_path / "here").iterdir()
    assert verify(unpacked, public_key(key)).returncode == 0
    assert os.access(unpacked / "program/appliance", os.X_OK)


def test_a_run_file_that_was_cut_short_unpacks_nothing(files: Path, tmp_path: Path) -> None:
    content = (files / "appliance.run").read_bytes()
    (tmp_path / "cut.run").write_bytes(content[:-100])
    done = subprocess.run(
        ["sh", tmp_path / "cut.run", "--extract", tmp_path / "here"], check=False, capture_output=True
    )
    assert done.returncode == 20
    assert not (tmp_path / "here").exists()


def test_the_same_build_makes_the_same_run_file(files: Path, release: Release, tmp_path: Path) -> None:
    again = release.make_run(release.stage(tmp_path), tmp_path / "again.run")
    # Another signature is as good: ECDSA takes a random number each time. It is signed apart, so compare what it signs.
    assert abs(again.stat().st_size - (files / "appliance.run").stat().st_size) < 100
    first, second = tmp_path / "first", tmp_path / "second"
    for run, folder in ((files / "appliance.run", first), (again, second)):
        subprocess.run(["sh", run, "--extract", folder], check=True)
    sums = [next(folder.iterdir()) / "SHA256SUMS" for folder in (first, second)]
    assert sums[0].read_bytes() == sums[1].read_bytes()


def test_the_deb_brings_the_run_file_and_runs_it(files: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--raw-extract", files / "appliance.deb", tmp_path / "deb"], check=True)
    brought = tmp_path / "deb/usr/share/appliance/appliance.run"
    assert brought.read_bytes() == (files / "appliance.run").read_bytes()
    for name in ("postinst", "prerm", "postrm"):
        script = tmp_path / "deb/DEBIAN" / name
        subprocess.run(["sh", "-n", script], check=True)
        assert script.stat().st_mode & 0o111
    assert "sh /usr/share/appliance/appliance.run" in (tmp_path / "deb/DEBIAN/postinst").read_text()
    control = (tmp_path / "deb/DEBIAN/control").read_text()
    assert "Version: 9.8.7" in control
    assert "libc6 (>= 2.17)" in control
    listed = subprocess.run(
        ["dpkg-deb", "--contents", files / "appliance.deb"], check=True, capture_output=True, text=True
    ).stdout
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}


def test_what_is_installed_holds_what_the_unit_and_the_admin_look_for(staged: Path) -> None:
    for name in (
        *("appliance", "install.sh", "verify.sh", "build.env", "release.pem", "sbom.cdx.json", "LICENSE"),
        *("systemd/appliance.service", "config/appliance.toml", "docs/errors.md"),
        *("licenses/some-1.0/LICENSE", "docs/systems/sap_s4hana.md"),
    ):
        assert (staged / "program" / name).is_file(), name


def test_answers_become_settings_in_their_own_tables(bundle: Path, tmp_path: Path) -> None:
    script = (bundle / "install.sh").read_text()
    write = script[script.index("write_configuration() {") : script.index("write_unit() {")]
    given = (
        f"set -eu\nplace='{bundle}/program' settings='{tmp_path}/appliance.toml' listen=10.1.2.3:443\n"
        "data_dir=/srv/appliance backup_dir=/mnt/nas master_key_file=/etc/plant/key\nput() { cat >$1; }\n"
    )
    subprocess.run(["sh", "-c", f"{given}{write}\nwrite_configuration"], check=True)
    settings = load_settings({}, {}, tmp_path / "appliance.toml")
    assert settings.data_dir == Path("/srv/appliance") and settings.listen == Address("10.1.2.3", 443)
    assert settings.master_key_file == Path("/etc/plant/key")
    assert str(settings.backup_target) == "/mnt/nas"
    uninstall = script[script.index('    if [ -f "$settings" ]; then\n        other=') :]
    uninstall = uninstall[: uninstall.index("\n    fi\n") + 8]
    read = f"{given}data_dir=x backup_dir=y\n{uninstall}\necho $data_dir $backup_dir"
    done = subprocess.run(["sh", "-c", read], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["/srv/appliance", "/mnt/nas"], "an uninstallation finds them again"


def preflight(bundle: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(bundle / "install.sh"), "--preflight", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def set_value(bundle: Path, name: str, value: str) -> None:
    file = bundle / "build.env"
    lines = [
        f"{name}={value}" if line.startswith(f"{name}=") else line for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(lines) + "\n")


def test_the_preflight_looks_at_everything_and_changes_nothing(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text(f"listen=127.0.0.1:8443\ndata_dir={tmp_path}/data\n")
    done = preflight(bundle, "--answers", str(tmp_path / "answers"))
    for what in ("machine", "C library", "disk", "memory", "port", "clock", "systemd", "SELinux", "FIPS"):
        assert f"  {what}" in done.stdout
    assert not (tmp_path / "data").exists()
    assert not Path("/opt/appliance").exists()


@pytest.mark.parametrize(
    ("name", "value", "status", "said"),
    [
        ("MACHINE", "s390x", 11, "this release is for s390x"),
        ("GLIBC", "9.9", 12, "9.9 is needed"),
        ("PROGRAM_MB", "900000000", 13, "needed 1800000000 MB"),
        ("BUILT", "99999999999", 16, "set the time"),
    ],
)
def test_a_machine_that_is_not_fit_is_told_why(
    bundle: Path, name: str, value: str, status: int, said: str
) -> None:
    set_value(bundle, name, value)
    done = preflight(bundle)
    assert done.returncode in (status, 10), "10 where this test does not run as root"
    assert any(line.startswith("  FAIL") and said in line for line in done.stdout.splitlines()), done.stdout


def test_a_port_in_use_is_found(bundle: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (tmp_path / "answers").write_text(f"listen=0.0.0.0:{taken.getsockname()[1]}\n")
        assert "something listens on" in preflight(bundle, "--answers", str(tmp_path / "answers")).stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lisen=127.0.0.1:8443", "no answer is called lisen"),
        ("listen", "expected NAME=VALUE"),
        ("listen=8443", "listen is ADDRESS:PORT"),
        ("listen=1.2.3.4:80; reboot", "listen is ADDRESS:PORT"),
        ("data_dir=data", "has to begin with /"),
        ("data_dir=/a b", "characters that a unit does not take"),
        ("admin=anna", "admin_password_file"),
        ("master_key_file=/nowhere/key", "openssl rand -hex 32"),
    ],
)
def test_a_wrong_answer_is_named_with_its_line(bundle: Path, tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "answers").write_text(f"# a comment\n\n{line}\n")
    done = preflight(bundle, "--answers", str(tmp_path / "answers"))
    assert done.returncode == 19
    assert said in done.stderr


def test_the_example_of_answers_names_every_answer_with_its_default(bundle: Path, tmp_path: Path) -> None:
    example = (ROOT / "config/answers.example").read_text()
    lines = re.findall(r"^# (\w+=.*)$", example, re.M)
    script = (ROOT / "installer/install.sh").read_text()
    taken = re.findall(r"^            (\w+)\) \1=\$value ;;$", script, re.M)
    assert [line.partition("=")[0] for line in lines] == taken
    assert len(taken) == 6
    (tmp_path / "answers").write_text("\n".join(lines))
    assert preflight(bundle, "--answers", str(tmp_path / "answers")).returncode != 19


def test_a_damaged_release_is_not_installed(bundle: Path) -> None:
    script = (bundle / "install.sh").read_text()
    # Only the check: what comes before it needs a machine with systemd.
    check = script[script.index("check_release() {") : script.index("install_program() {")]
    flip_a_byte(bundle)
    before = f"set -eu\nhere='{bundle}' key='' prefix=/nowhere\nfail() {{ exit $1; }}\nsay() {{ :; }}\n"
    done = subprocess.run(["sh", "-c", f"{before}{check}\ncheck_release"], check=False, capture_output=True)
    assert done.returncode == 20
