"""Releases as they come, made of this program: another version, one more migration, a fault where it is wanted.

The program of such a release is this source tree behind a script of the name that the packaged program has.
"""

import atexit
import functools
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance import __version__
from appliance.store.migrations import scripts

ROOT = Path(__file__).parents[2]
MIGRATION = (
    "CREATE TABLE later (note TEXT NOT NULL);\nINSERT INTO later (note) VALUES ('of the new release');\n"
)


@dataclass(frozen=True, slots=True)
class Signer:
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def seal(self, bundle: Path) -> Path:
        """Write the checksums and their signature of a folder that holds all else."""
        files = sorted(path for path in bundle.rglob("*") if path.is_file() and "SHA256SUMS" not in path.name)
        lines = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(bundle)}\n"
            for path in files
        ]
        listed = "".join(lines).encode()
        (bundle / "SHA256SUMS").write_bytes(listed)
        (bundle / "SHA256SUMS.sig").write_bytes(self.key.sign(listed, ec.ECDSA(hashes.SHA256())))
        return bundle


def small_bundle(folder: Path, version: str, signer: Signer) -> Path:
    """A release whose program only tells its version."""
    program = folder / "program"
    program.mkdir(parents=True)
    _write_script(program / "appliance", f"echo appliance {version}\n")
    (program / "library.so").write_bytes(b"\x7fELF" + bytes(5000))
    (program / "library.so.1").symlink_to("library.so")
    (folder / "VERSION").write_text(f"{version}\n")
    return signer.seal(folder)


def program_of(folder: Path, version: str, *, migration: str | None = None, fault: str = "") -> None:
    """A program of this source tree; `fault` is Python that is run at its start."""
    shutil.copytree(_compiled(), folder / "lib" / "appliance")
    package = folder / "lib" / "appliance"
    init = package / "__init__.py"
    text = init.read_text()
    assert f'__version__ = "{__version__}"' in text
    init.write_text(text.replace(f'__version__ = "{__version__}"', f'__version__ = "{version}"'))
    if migration is not None:
        (package / "store" / "migrations" / f"{max(scripts()) + 1:04}_later.sql").write_text(migration)
    if fault:
        main = package / "__main__.py"
        main.write_text(main.read_text().replace("def main(", f"{fault}\n\n\ndef main(", 1))
    _write_script(
        folder / "appliance",
        f'cd "$(dirname "$(readlink -f "$0")")/lib" && unset PYTHONPYCACHEPREFIX\n'
        f'exec {sys.executable} -m appliance "$@"\n',
    )


@functools.cache
def _compiled() -> Path:
    """The source with its bytecode beside, as a packaged program has it: each copy would compile all of it anew."""
    folder = Path(tempfile.mkdtemp(prefix="released-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(ROOT / "appliance", folder / "appliance", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    command = [sys.executable, "-m", "compileall", "-q", str(folder / "appliance")]
    subprocess.run(command, check=True, env=environment)
    return folder / "appliance"


def bundle_of(
    folder: Path, version: str, signer: Signer, *, migration: str | None = MIGRATION, fault: str = ""
) -> Path:
    """A whole release."""
    (folder / "program").mkdir(parents=True)
    program_of(folder / "program", version, migration=migration, fault=fault)
    (folder / "program" / "release.pem").write_bytes(signer.public_pem)
    (folder / "VERSION").write_text(f"{version}\n")
    return signer.seal(folder)


def _write_script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
