"""Makes the files of a release from what `build.py` has made: .run, .deb, .rpm, checksums and their signature.

    python installer/bundle.py --key RELEASE-PRIVATE.pem [--build DIR] [--out DIR]

The key is ECDSA P-256 (`openssl ecparam -name prime256v1 -genkey -noout -out RELEASE-PRIVATE.pem`); keep it away from
the machine that builds, and give customers its public half by another way than the release. Needs openssl; makes a
.deb where dpkg-deb is there and a .rpm where rpmbuild is. The same build makes the same files.

What is inside of a bundle:

    VERSION  SHA256SUMS  SHA256SUMS.sig  install.sh  verify.sh  build.env
    program/   what lies in /opt/appliance/VERSION later: the program, units, configuration, documentation, list of
               parts, licenses, public release key
"""

import argparse
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
INSTALLERS = ("install.sh", "verify.sh")
# Where a package puts the .run file that it brings.
PACKAGED = "usr/share/appliance/appliance.run"
# What a package manager runs; in a .deb `$1` tells what is done, in a .rpm it is a number.
SCRIPTS = {
    "configure": f"""\
case "$1" in abort-*) exit 0 ;; esac
set --
if [ -r /etc/appliance/answers ]; then set -- --answers=/etc/appliance/answers; fi
exec sh /{PACKAGED} "$@\"""",
    # The service goes on through an upgrade, which stops it for a moment when everything is ready.
    "remove": """\
case "$1" in
    upgrade | failed-upgrade | deconfigure) ;;
    *) sh /opt/appliance/current/install.sh --uninstall ;;
esac""",
    "purge": """\
if [ "$1" = purge ]; then
    rm -rf /etc/appliance /var/lib/appliance /var/lib/appliance.before-restore-*
    echo "Deleted /etc/appliance and /var/lib/appliance. Kept the backups: /var/backups/appliance"
fi""",
}


class Release:
    """A build to be packed; `key` is the private release key."""

    def __init__(self, build: Path, key: Path) -> None:
        self.build = build
        self.key = key
        note = json.loads((build / "build.json").read_text("utf-8"))
        self.version: str = note["version"]
        self.glibc: str = note["glibc"]
        self.machine: str = note["machine"]
        self.built = int(datetime.fromisoformat(note["built_at"]).timestamp())
        self.name = f"appliance-{self.version}-linux-{self.machine}"

    def stage(self, folder: Path) -> Path:
        """The unpacked bundle, signed."""
        bundle = folder / self.name
        program = bundle / "program"
        shutil.copytree(self.build / "appliance", program, symlinks=False)
        for name in ("sbom.cdx.json", "build.json"):
            shutil.copyfile(self.build / name, program / name)
        shutil.copytree(self.build / "licenses", program / "licenses")
        for name in ("config", "docs", "systemd"):
            shutil.copytree(SOURCE / name, program / name, ignore=shutil.ignore_patterns("screenshots"))
        # To be read before a system is connected; the program shows them on its connect pages.
        systems = program / "docs" / "systems"
        systems.mkdir()
        for guide in sorted((SOURCE / "appliance/connectors").glob("*/guide.md")):
            shutil.copyfile(guide, systems / f"{guide.parent.name}.md")
        for name in ("CHANGELOG.md", "LICENSE", "README.md"):
            shutil.copyfile(SOURCE / name, program / name)
        run_openssl("pkey", "-in", self.key, "-pubout", "-out", program / "release.pem")
        size = sum(file.stat().st_size for file in program.rglob("*") if file.is_file())
        environment = {
            "VERSION": self.version,
            "MACHINE": self.machine,
            "GLIBC": self.glibc,
            "BUILT": self.built,
            "PROGRAM_MB": size // 1_000_000 + 1,
            "PROGRAM_SHA256": digest_of_tree(program),
        }
        text = "".join(f"{name}={value}\n" for name, value in environment.items())
        # Both beside the program, for a look at what is to come, and in it, for what is installed.
        for place in (bundle, program):
            (place / "build.env").write_text(text, "ascii")
            for name in INSTALLERS:
                shutil.copyfile(SOURCE / "installer" / name, place / name)
        (bundle / "VERSION").write_text(f"{self.version}\n", "ascii")
        for file in bundle.rglob("*"):
            runs = file.is_dir() or file == program / "appliance" or file.suffix == ".sh"
            file.chmod(0o755 if runs else 0o644)
            os.utime(file, (self.built, self.built))
        self.sign(bundle, [str(file.relative_to(bundle)) for file in files_in(bundle)])
        return bundle

    def sign(self, folder: Path, names: list[str]) -> None:
        lines = [f"{digest(folder / name)}  {name}\n" for name in sorted(names)]
        (folder / SUMS).write_text("".join(lines), "utf-8")
        run_openssl("dgst", "-sha256", "-sign", self.key, "-out", folder / SIGNATURE, folder / SUMS)

    def make_run(self, bundle: Path, target: Path) -> Path:
        """A shell script with a gzip archive behind it."""
        archive = target.with_suffix(".tar.gz")
        with (
            archive.open("wb") as raw,
            gzip.GzipFile("", "wb", 6, raw, self.built) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in [bundle, *sorted(bundle.rglob("*"))]:
                tar.add(path, str(path.relative_to(bundle.parent)), recursive=False, filter=self._owned)
        values = {
            "VERSION": self.version,
            "MACHINE": self.machine,
            "NAME": self.name,
            "DIGEST": digest(archive),
        }
        stub = (SOURCE / "installer/stub.sh").read_text("ascii")
        for name, value in values.items():
            stub = stub.replace(f"@{name}@", value)
        # The offset stands in the stub, whose length its digits are part of: seven of them.
        offset = len(stub.replace("@OFFSET@", "0000000").encode()) + 1
        stub = stub.replace("@OFFSET@", f"{offset:<7}")
        with target.open("wb") as run, archive.open("rb") as payload:
            run.write(stub.encode())
            shutil.copyfileobj(payload, run)
        target.chmod(0o755)
        archive.unlink()
        return target

    def make_deb(self, run: Path, target: Path, scratch: Path) -> Path:
        """A package that brings the .run file and runs it, so that a new version comes as a whole upgrade."""
        root = scratch / "deb"
        place = root / PACKAGED
        place.parent.mkdir(parents=True)
        shutil.copyfile(run, place)
        control = root / "DEBIAN"
        control.mkdir()
        size = place.stat().st_size // 1024
        (control / "control").write_text(
            f"Package: appliance\nVersion: {self.version}\nArchitecture: amd64\nMaintainer: The appliance\n"
            f"Installed-Size: {size}\nDepends: libc6 (>= {self.glibc}), systemd (>= 239), passwd, util-linux\n"
            "Section: net\nPriority: optional\nDescription: Self-hosted integration appliance\n"
            " One API before the ERP, EAM and CMMS systems of a plant. Answers for the installation are read from\n"
            " /etc/appliance/answers. Removing the package keeps data and configuration.\n"
        )
        for name, task in {"postinst": "configure", "prerm": "remove", "postrm": "purge"}.items():
            script = control / name
            script.write_text(f"#!/bin/sh\nset -e\n{SCRIPTS[task]}\n", "ascii")
            script.chmod(0o755)
        for path in (place, *place.parents):
            if path != root and path.is_relative_to(root):
                path.chmod(0o755)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(self.built)}
        command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        return target

    def make_rpm(self, run: Path, target: Path, scratch: Path) -> Path:
        """As `make_deb`."""
        spec = scratch / "appliance.spec"
        spec.write_text(
            f"Name: appliance\nVersion: {self.version}\nRelease: 1\nSummary: Self-hosted integration appliance\n"
            "License: Apache-2.0\nAutoReqProv: no\n"
            f"Requires: glibc >= {self.glibc}, systemd >= 239, shadow-utils, util-linux\n"
            "%define __os_install_post %{nil}\n%define _build_id_links none\n%global debug_package %{nil}\n"
            "%define _binary_payload w0.gzdio\n"
            "%description\nOne API before the ERP, EAM and CMMS systems of a plant.\n"
            f"%install\ninstall -D -m 0755 {run} %{{buildroot}}/{PACKAGED}\n"
            f"%files\n%defattr(-,root,root)\n%dir /{Path(PACKAGED).parent}\n/{PACKAGED}\n"
            f"%post\n{SCRIPTS['configure']}\n"
            f'%preun\n[ "$1" -eq 0 ] || exit 0\n{SCRIPTS["remove"]}\n',
            "utf-8",
        )
        top = scratch / "rpmbuild"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(self.built)}
        subprocess.run(
            [
                *("rpmbuild", "-bb", "--quiet", f"--define=_topdir {top}", "--define=_buildhost appliance"),
                *(
                    "--define=use_source_date_epoch_as_buildtime 1",
                    "--define=clamp_mtime_to_source_date_epoch 1",
                ),
                str(spec),
            ],
            check=True,
            env=environment,
            capture_output=True,
        )
        (made,) = (top / "RPMS").rglob("*.rpm")
        shutil.move(made, target)
        return target

    def _owned(self, entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = self.built
        return entry


def files_in(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            if not file.name.isprintable() or "\\" in file.name:
                raise ValueError(f"{file} has a name that SHA256SUMS cannot hold plainly")
            yield file


def digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def digest_of_tree(folder: Path) -> str:
    whole = hashlib.sha256()
    for file in files_in(folder):
        whole.update(f"{digest(file)}  {file.relative_to(folder)}\n".encode())
    return whole.hexdigest()


def run_openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Pack a release.")
    parser.add_argument("--key", type=Path, required=True, help="private release key (PEM, ECDSA P-256)")
    parser.add_argument("--build", type=Path, default=SOURCE / "dist", help="what build.py has made")
    parser.add_argument("--out", type=Path, default=SOURCE / "dist" / "release")
    arguments = parser.parse_args()
    release = Release(arguments.build, arguments.key)
    out: Path = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="appliance-bundle-") as temporary:
        scratch = Path(temporary)
        bundle = release.stage(scratch)
        run = release.make_run(bundle, out / f"{release.name}.run")
        made = [run]
        if shutil.which("dpkg-deb"):
            made.append(release.make_deb(run, out / f"appliance_{release.version}_amd64.deb", scratch))
        if shutil.which("rpmbuild"):
            made.append(release.make_rpm(run, out / f"appliance-{release.version}-1.x86_64.rpm", scratch))
        for name in ("verify.sh", "program/release.pem", "program/sbom.cdx.json"):
            made.append(Path(shutil.copyfile(bundle / name, out / Path(name).name)))
    release.sign(out, [file.name for file in made])
    for file in made:
        sys.stdout.write(f"{file.stat().st_size / 1e6:8.1f} MB  {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
