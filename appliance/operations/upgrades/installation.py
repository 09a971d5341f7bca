"""The releases on this machine: `<prefix>/<version>/` each, and `<prefix>/current`, a link to the one in use."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from appliance.operations.upgrades.environment import outside_environment
from appliance.operations.upgrades.errors import ReleaseRefused, UpgradeRefused
from appliance.operations.upgrades.release import EXECUTABLE, Release
from appliance.vault.files import sync_directory

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Installation:
    prefix: Path

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

    def flip(self, version: str) -> None:
        """Let `current` lead to that release; at every moment it leads to the one or to the other."""
        fresh = self.prefix / ".current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(version)
        fresh.replace(self._link)
        sync_directory(self.prefix)


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


def own_like(path: Path, like: Path) -> None:
    """Give a file or a folder with all in it to the owner of `like`; only root has to."""
    if os.geteuid() != 0:
        return
    owner = like.stat()
    for one in (path, *path.rglob("*")) if path.is_dir() else (path,):
        os.chown(one, owner.st_uid, owner.st_gid, follow_symlinks=False)
