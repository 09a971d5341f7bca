"""Builds the packaged program: one directory that runs without Python, from the pinned wheels.

    python installer/build.py [--root ROOT] [--out DIR]

With `--root` it is built in that root (`make_root.sh` makes one), so that the program starts on machines with an older
C library; without it, on this machine. Wheels are fetched here, in both cases only such as run on glibc 2.28, and
checked against the locks; the build itself needs no network. DIR (default `dist`) then holds

    appliance/      the program
    sbom.cdx.json   the list of its parts, CycloneDX 1.6
    licenses/       the license of each part
    build.json      version, time, the newest symbol version of the C library that it needs
"""

import argparse
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE))

from installer.parts import native_parts, write_licenses, write_sbom  # noqa: E402 - found by the line above

PLATFORMS = (
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_24",
    "manylinux_2_17",
    "manylinux2014",
    "manylinux1",
)
ROOT_PYTHON = "/opt/python/bin/python3.11"
PYTHON_VERSION = "3.11"


class Place:
    """Where the build runs: this machine, or a root in which the folder `work` is seen as /build."""

    def __init__(self, work: Path, root: Path | None) -> None:
        self.work = work
        self.root = root
        self.inside = work if root is None else Path("/build")

    @property
    def python(self) -> str:
        return sys.executable if self.root is None else ROOT_PYTHON

    def run(self, *command: str | Path, **variables: str) -> str:
        """Standard output. Paths are those inside. Raises CalledProcessError."""
        words = [str(word) for word in command]
        if self.root is not None:
            words = [str(SOURCE / "installer/inside.sh"), str(self.root), str(self.work), *words]
        done = subprocess.run(
            words,
            env={**os.environ, **variables},
            check=True,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout.decode()


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the packaged program.")
    parser.add_argument("--root", type=Path, help="build in this root (see make_root.sh)")
    parser.add_argument("--out", type=Path, default=SOURCE / "dist")
    parser.add_argument("--work", type=Path, help="folder for what is made on the way; else a temporary one")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    with tempfile.TemporaryDirectory(prefix="appliance-build-") as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        place = Place(work, arguments.root and arguments.root.resolve())
        copy_source(work / "source")
        fetch_wheels(work)
        make_environments(place)
        package(place)
        program = work / "dist" / "appliance"
        glibc = highest_glibc(program)
        build = note_build(program, glibc)
        out.mkdir(parents=True, exist_ok=True)
        replace_folder(program, out / "appliance")
        (out / "build.json").write_text(json.dumps(build, indent=2) + "\n", "utf-8")
        parts = json.loads(place.run(place.inside / "program/bin/python", "-c", _PARTS))
        parts["pyinstaller"] = place.run(place.inside / "tools/bin/pyinstaller", "--version").strip()
        native = native_parts(out / "appliance", parts)
        write_sbom(place.run(*_sbom_command(place)), build, native, out / "sbom.cdx.json")
        write_licenses(
            *(next((work / name / "lib").glob("python3*/site-packages")) for name in ("program", "tools")),
            place.run(place.python, "-c", _PYTHON_LICENSE),
            out / "licenses",
        )
        load_every_library(place, program)
    report(out, build)
    return 0


def copy_source(target: Path) -> None:
    """The files of the repository, without what lies around in the folder beside them."""
    listed = subprocess.run(
        ["git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(target, ignore_errors=True)
    for name in listed.stdout.decode().split("\0"):
        if name.startswith(("appliance/", "installer/", "requirements")) and (SOURCE / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SOURCE / name, target / name)


def fetch_wheels(work: Path) -> None:
    for lock in (SOURCE / "requirements-runtime.lock", SOURCE / "installer/requirements-build.lock"):
        subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-deps",
                ),
                *("--require-hashes", "--only-binary=:all:", "--implementation=cp"),
                *(f"--python-version={PYTHON_VERSION}", f"--dest={work / 'wheels'}", f"--requirement={lock}"),
                *(f"--platform={name}_x86_64" for name in PLATFORMS),
            ],
            check=True,
        )


def make_environments(place: Place) -> None:
    """`program` holds what the program consists of and nothing else; `tools` what builds it."""
    locks = {
        "program": "source/requirements-runtime.lock",
        "tools": "source/installer/requirements-build.lock",
    }
    for name, lock in locks.items():
        shutil.rmtree(place.work / name, ignore_errors=True)
        folder = place.inside / name
        place.run(place.python, "-m", "venv", folder)
        place.run(
            *(
                folder / "bin/pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-index",
                "--no-deps",
            ),
            *("--require-hashes", "--find-links", place.inside / "wheels", "-r", place.inside / lock),
        )


def package(place: Place) -> None:
    (packages,) = (place.work / "program/lib").glob("python3*/site-packages")
    place.run(
        *(place.inside / "tools/bin/pyinstaller", "--noconfirm", "--clean", "--log-level=WARN"),
        *("--distpath", place.inside / "dist", "--workpath", place.inside / "pyinstaller"),
        place.inside / "source/installer/appliance.spec",
        SOURCE=str(place.inside / "source"),
        PYTHONPATH=str(place.inside / packages.relative_to(place.work)),
        PYINSTALLER_CONFIG_DIR=str(place.inside / "cache"),
        PYTHONHASHSEED="0",
    )


def highest_glibc(folder: Path) -> str:
    """The newest version of a symbol of the C library that any file asks for, such as `2.30`."""
    found: set[tuple[int, ...]] = set()
    for file in libraries(folder):
        listed = subprocess.run(["objdump", "-T", file], check=False, capture_output=True).stdout.decode()
        found |= {tuple(map(int, each.split("."))) for each in re.findall(r"\(?GLIBC_([0-9.]+)\)?", listed)}
    return ".".join(map(str, max(found)))


def libraries(folder: Path) -> list[Path]:
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as content:
                if content.read(4) == b"\x7fELF":
                    found.append(file)
    return found


def note_build(program: Path, glibc: str) -> dict[str, str]:
    """Write the note that the program checks itself by at start; what it says of the build as a whole."""
    version = re.findall(r'__version__ = "(.+)"', (SOURCE / "appliance/__init__.py").read_text("utf-8"))[0]
    committed = subprocess.run(
        ["git", "-C", SOURCE, "log", "-1", "--format=%ct"], check=True, capture_output=True, text=True
    ).stdout
    built_at = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", committed)), UTC)
    build = {"version": version, "built_at": built_at.isoformat(), "glibc": glibc, "machine": "x86_64"}
    package_folder = program / "_internal" / "appliance"
    files = {
        str(file.relative_to(package_folder)): file.stat().st_size
        for file in sorted(package_folder.rglob("*"))
        if file.is_file() and file.name != "build.json"
    }
    (package_folder / "build.json").write_text(json.dumps({**build, "files": files}), "utf-8")
    return build


def load_every_library(place: Place, program: Path) -> None:
    """Stripping can break what a wheel's own tool has patched: each library has to load."""
    folder = place.inside / program.relative_to(place.work) / "_internal"
    names = [str(file.relative_to(program / "_internal")) for file in libraries(program / "_internal")]
    (place.work / "libraries.json").write_text(json.dumps(names))
    place.run(
        *(place.inside / "program/bin/python", "-c", _LOAD, folder, place.inside / "libraries.json"),
        LD_LIBRARY_PATH=str(folder),
    )


def report(out: Path, build: dict[str, str]) -> None:
    program = out / "appliance"
    size = sum(file.stat().st_size for file in program.rglob("*") if file.is_file() and not file.is_symlink())
    lines = [
        f"program     {program} {build['version']}, {size / 1e6:.0f} MB in {sum(1 for _ in program.rglob('*'))} files",
        f"C library   glibc {build['glibc']} or newer",
    ]
    with tempfile.TemporaryDirectory() as data:
        lines.append(f"--version   {min(_version_seconds(program) for _ in range(3)):.2f} s")
        lines.append(f"first start {_start_seconds(program, Path(data)):.2f} s until it answers")
        lines.append(f"next start  {_start_seconds(program, Path(data)):.2f} s")
    sys.stdout.write("\n".join(lines) + "\n")


def _version_seconds(program: Path) -> float:
    began = time.monotonic()
    subprocess.run([program / "appliance", "--version"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _start_seconds(program: Path, data: Path) -> float:
    settings: Sequence[str] = ("--set", f"data_dir={data}", "--set", "listen=127.0.0.1:18443")
    began = time.monotonic()
    with subprocess.Popen([program / "appliance", "serve", *settings], stdout=subprocess.DEVNULL) as service:
        try:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            while True:
                try:
                    with urlopen("https://127.0.0.1:18443/healthz", context=context):
                        return time.monotonic() - began
                except OSError:
                    if service.poll() is not None or time.monotonic() - began > 60:
                        raise
                    time.sleep(0.01)
        finally:
            service.terminate()


def replace_folder(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


def _sbom_command(place: Place) -> list[str | Path]:
    # Sorted and without a time: the same parts make the same list.
    return [
        *(
            place.inside / "tools/bin/cyclonedx-py",
            "environment",
            "--output-format=JSON",
            "--spec-version=1.6",
        ),
        *("--output-reproducible", place.inside / "program/bin/python"),
    ]


_PARTS = """
import json, pathlib, platform, sqlite3, ssl, sys
from cryptography.hazmat.backends.openssl.backend import backend
from lxml import etree
import psycopg, sqlcipher3
corrections = pathlib.Path(sys.base_prefix, "corrections")
opened = sqlcipher3.connect(":memory:")
# It tells of its provider only once there is a key.
opened.execute("pragma key = 'x'")
print(json.dumps({
    # Written by make_root.sh.
    "python_corrections": corrections.read_text() if corrections.exists() else "",
    "python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION.split()[1],
    "cryptography_openssl": backend.openssl_version_text().split()[1],
    "sqlcipher": opened.execute("pragma cipher_version").fetchone()[0].split()[0],
    "sqlcipher_sqlite": sqlcipher3.sqlite_version,
    "sqlcipher_openssl": opened.execute("pragma cipher_provider_version").fetchone()[0].split()[1],
    "sqlite": sqlite3.sqlite_version, "libpq": str(psycopg.pq.version()),
    "libxml2": ".".join(map(str, etree.LIBXML_VERSION)), "libxslt": ".".join(map(str, etree.LIBXSLT_VERSION)),
}))
"""
_PYTHON_LICENSE = """
import pathlib, sysconfig
print(pathlib.Path(sysconfig.get_path("stdlib"), "LICENSE.txt").read_text("utf-8"), end="")
"""
_LOAD = """
import ctypes, json, os, sys
folder = sys.argv[1]
for name in json.load(open(sys.argv[2])):
    ctypes.CDLL(os.path.join(folder, name), mode=os.RTLD_LAZY)
"""


if __name__ == "__main__":
    sys.exit(main())
