"""The releases on this machine: `<prefix>/<version>/` each, and `<prefix>/current`, a link to the one in use.

Each brings the unit of the service along, a copy of which is where systemd reads it.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from appliance.operations.upgrades.environment import outside_environment
from appliance.operations.upgrades.errors import ReleaseRefused, UpgradeRefused
from appliance.operations.upgrades.release import EXECUTABLE, Release
from appliance.operations.upgrades.versions import Version
from appliance.vault.files import replace_file, sync_directory

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Installation:
    """`unit` is the file that systemd reads, None where something else runs the service."""

    prefix: Path
    unit: Path | None = None

    @property
    def _link(self) -> Path:
        return self.prefix / "current"

    def current(self) -> str:
        """The version that `current` leads to. Raises UpgradeRefused."""
        if not self._link.is_symlink():
            raise UpgradeRefused(
                f"{self._link} is no link to a release, so this is not an installation that can be upgraded. "
                "Run the installer once, or give its place with --prefix."
            )
        return self._link.readlink().name

    def check_may_change(self) -> None:
        """Raises UpgradeRefused where this account may not install here, or nothing is installed here."""
        self.current()
        if not os.access(self.prefix, os.W_OK):
            raise UpgradeRefused(f"This account may not write to {self.prefix}. Run the command as root.")

    def executable(self, version: str) -> Path:
        return self.prefix / version / EXECUTABLE

    def add(self, release: Release) -> None:
        """Put a proven release beside the others; what an earlier attempt left of it is replaced.

        Raises ReleaseRefused when it is damaged, or does not start on this machine.
        """
        version = str(release.version)
        arriving, place = self.prefix / f".{version}.new", self.prefix / version
        shutil.rmtree(arriving, ignore_errors=True)
        try:
            release.copy_program(arriving)
            _check_starts(arriving / EXECUTABLE, version)
            if place.exists():
                shutil.rmtree(place)
            arriving.rename(place)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
        sync_directory(self.prefix)

    def flip(self, version: str) -> str | None:
        """Let `current` lead to that release; at every moment it leads to the one or to the other.

        The unit becomes that of the release too, unless it was changed by hand, which is told.
        """
        fresh = self.prefix / ".current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(version)
        fresh.replace(self._link)
        sync_directory(self.prefix)
        return self._renew_unit(version)

    def clear(self, *keep: str) -> None:
        """Remove what attempts have left, and with `keep` the releases that are none of these."""
        for left in (*self.prefix.glob(".bundle-*"), *self.prefix.glob(".*.new")):
            if not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
        for version in self._versions() if keep else ():
            if version not in keep:
                shutil.rmtree(self.prefix / version, ignore_errors=True)

    def _versions(self) -> list[str]:
        """Those that are unpacked."""
        found = []
        for folder in self.prefix.iterdir():
            try:
                Version.read(folder.name)
            except ReleaseRefused:
                continue
            if not folder.is_symlink():
                found.append(folder.name)
        return found

    def _renew_unit(self, version: str) -> str | None:
        if self.unit is None or not self.unit.is_file():
            return None
        brought = {
            each: file.read_bytes()
            for each in self._versions()
            if (file := self.prefix / each / "systemd" / self.unit.name).is_file()
        }
        wanted, present = brought.get(version), self.unit.read_bytes()
        if wanted is None or wanted == present:
            return None
        if present not in brought.values():
            return (
                f"{self.unit} was changed by hand and stays as it is. The one of {version} is "
                f"{self.prefix / version / 'systemd' / self.unit.name}; changes belong in a drop-in."
            )
        replace_file(self.unit, wanted, 0o644)
        return None


def _check_starts(executable: Path, version: str) -> None:
    """Raises ReleaseRefused. A C library that is too old shows here."""
    try:
        done = subprocess.run(
            [executable, "--version"],
            env=outside_environment(),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise ReleaseRefused(f"{version} does not start on this machine: {failure}.") from failure
    if done.returncode != 0 or done.stdout.split() != [EXECUTABLE, version]:
        said = (done.stderr.strip() or done.stdout.strip())[-400:]
        raise ReleaseRefused(f"{version} does not start on this machine as it should: {said}")
