"""What the releases do themselves during an upgrade: each is asked by its own program, which alone knows its schema."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from appliance.operations.upgrades.environment import outside_environment
from appliance.operations.upgrades.errors import UpgradeFailed
from appliance.operations.upgrades.installation import Installation

MIGRATION_SECONDS = 6 * 3600
SELF_TEST_SECONDS = 300
RESUME_SECONDS = 120


class Programs(Protocol):
    """Every one raises UpgradeFailed with what the program said."""

    def migrate(self, version: str, data_dir: Path) -> dict[str, Any]:
        """Bring a copy to the schema of that release; how that went."""
        ...

    def self_test(self, version: str, data_dir: Path) -> dict[str, Any]:
        """Let that release show on a copy, on a spare port, that it works; what was looked at."""
        ...

    def resume(self, version: str, *, end_maintenance: bool, went_back: bool) -> None:
        """Let that release work on the data in use; `went_back`: they are older than what callers have seen."""
        ...


@dataclass(frozen=True, slots=True)
class InstalledPrograms:
    """`flags` are the settings that this command was called with."""

    installation: Installation
    flags: Sequence[str]

    def migrate(self, version: str, data_dir: Path) -> dict[str, Any]:
        return self._run(version, ["_migrate"], data_dir, MIGRATION_SECONDS)

    def self_test(self, version: str, data_dir: Path) -> dict[str, Any]:
        return self._run(version, ["_self-test"], data_dir, SELF_TEST_SECONDS)

    def resume(self, version: str, *, end_maintenance: bool, went_back: bool) -> None:
        given = [
            *(["--end-maintenance"] if end_maintenance else []),
            *(["--went-back"] if went_back else []),
        ]
        self._run(version, ["_resume", *given], None, RESUME_SECONDS)

    def _run(
        self, version: str, command: Sequence[str], data_dir: Path | None, seconds: float
    ) -> dict[str, Any]:
        place = [] if data_dir is None else ["--set", f"data_dir={data_dir}"]
        try:
            done = subprocess.run(
                [self.installation.executable(version), *command, "--json", *self.flags, *place],
                env=outside_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise UpgradeFailed(f"The program of {version} could not be run: {failure}.") from failure
        if done.returncode != 0:
            raise UpgradeFailed(f"{version} said: {done.stderr.strip()[-1000:] or 'nothing, and ended'}")
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError as failure:
            raise UpgradeFailed(
                f"{version} answered with what is no JSON: {done.stdout[:200]!r}"
            ) from failure
        return answer
