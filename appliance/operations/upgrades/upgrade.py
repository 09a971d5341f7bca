"""An upgrade, step by step. Whatever goes wrong, what was before works again when it ends.

unpack       the program beside the present one, each file as it was signed; it starts on this machine
maintenance  runs end at their page, the API answers 503
backup       made and verified
rehearse     a copy of the data is migrated by the new program, which then serves it on a spare port
stop         the service
migrate      a copy made after that
swap         it takes the place of the database, which is kept
flip         `current` leads to the new program
start        the service, until it is ready
watch        whether it stays so
settle       maintenance ends
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from appliance.errors import ApplianceError
from appliance.operations.upgrades.errors import UpgradeFailed, UpgradeRefused
from appliance.operations.upgrades.journal import OVER, Entry, Step
from appliance.operations.upgrades.maintenance import Maintenance
from appliance.operations.upgrades.patience import RUNS_SECONDS, WATCH_SECONDS
from appliance.operations.upgrades.release import Release
from appliance.operations.upgrades.service import wait_ready, watch
from appliance.operations.upgrades.undo import Means, settle, undo
from appliance.operations.upgrades.versions import Version, check_step
from appliance.store.database import Database


@dataclass(frozen=True, slots=True)
class Present:
    """The appliance as it is. `key` is that of its database.

    `is_working` tells whether a run is being done, `back_up` returns where the backup is.
    """

    version: str
    database: Database
    key: bytes
    maintenance: Maintenance
    is_working: Callable[[], bool]
    back_up: Callable[[], str]


@dataclass(slots=True)
class Upgrade:
    """One upgrade; `run` does it once."""

    means: Means
    present: Present
    watch_seconds: float = WATCH_SECONDS
    _entry: Entry = field(init=False)

    def check(self, release: Release) -> None:
        """Raises ReleaseRefused or UpgradeRefused where this release cannot be gone to from here."""
        present = self.present.version
        check_step(Version.read(present), release.version)
        current = self.means.installation.current()
        if current != present:
            raise UpgradeRefused(
                f"This program is {present}, and the one in use is {current}. Run the one in use: "
                f"{self.means.installation.executable('current')} upgrade …"
            )
        left = self.means.journal.read()
        if left is not None and left.step not in OVER:
            raise UpgradeRefused(
                f"An upgrade to {left.to_version} was broken off. First run: appliance upgrade --recover"
            )

    def run(self, release: Release) -> Entry:
        """Go to a checked release. Raises UpgradeFailed when what was before had to be brought back."""
        means = self.means
        with means.journal:
            self.check(release)
            now = means.clock.now_ms()
            self._entry = Entry(
                self.present.version, str(release.version), "unpack", began_at=now, changed_at=now
            )
            try:
                self._go(release)
            except BaseException as failure:  # noqa: BLE001 - raised again by what is called
                # Whatever it was, an interrupt by the operator included: first what was before comes back.
                self._bring_back(failure)
            return settle(means, self._entry)

    def _go(self, release: Release) -> None:
        means, present = self.means, self.present
        version = str(release.version)
        self._enter("unpack", f"Unpacking {version}")
        means.installation.add(release)
        self._begin_maintenance(version)
        self._enter("backup", "Making a backup")
        self._entry = means.journal.write(msgspec.structs.replace(self._entry, backup=present.back_up()))
        self._enter("rehearse", f"Trying {version} on a copy of the data")
        means.data.copy_to(means.data.rehearsal, present.key)
        migrated = means.programs.migrate(version, means.data.rehearsal)
        means.say(
            f"  schema {migrated['from_schema']} to {migrated['to_schema']}, {migrated['seconds']:.1f} s"
        )
        means.programs.self_test(version, means.data.rehearsal)
        means.data.clear()
        self._enter("stop", "Stopping the service")
        means.stop_service()
        self._enter("migrate", "Migrating the data")
        means.data.make_next(present.database, present.key)
        means.programs.migrate(version, means.data.next)
        self._enter("swap", "Exchanging the data")
        present.database.close()
        means.data.swap()
        self._enter("flip", f"Changing to {version}")
        means.flip(version)
        self._enter("start", "Starting the service")
        means.service.start()
        wait_ready(means.ready, means.clock, means.ready_seconds)
        self._enter("watch", f"Watching it for {self.watch_seconds:g} s")
        watch(means.ready, means.clock, self.watch_seconds)
        self._enter("settle", "Ending maintenance")

    def _begin_maintenance(self, version: str) -> None:
        maintenance = self.present.maintenance
        self._entry = msgspec.structs.replace(self._entry, own_maintenance=not maintenance.is_on())
        self._enter("maintenance", "Beginning maintenance")
        maintenance.begin("upgrade", f"upgrade to {version}")
        never, end = threading.Event(), self.means.clock.monotonic() + RUNS_SECONDS
        while self.present.is_working():
            if self.means.clock.monotonic() > end:
                raise UpgradeFailed("A run did not end at its page. Cancel it, see `appliance status`.")
            self.means.clock.wait(never, 0.2)

    def _enter(self, step: Step, text: str) -> None:
        # First: what was told is found again after a power cut.
        self._entry = self.means.enter(self._entry, step)
        self.means.say(text)

    def _bring_back(self, failure: BaseException) -> None:
        """Raises UpgradeFailed, or the failure itself where no one expected it."""
        step = self._entry.step
        reason = failure.message if isinstance(failure, ApplianceError) else repr(failure)
        self.means.say(f"{reason}\nBringing back {self._entry.from_version}")
        self.present.database.close()
        try:
            undo(self.means, self._entry, f"{step}: {reason}")
        except (ApplianceError, OSError) as second:
            left = self.means.journal.read()
            if left is not None and left.step == "undone":
                raise UpgradeFailed(
                    f"The upgrade failed in the step {step}: {reason} {self._entry.from_version} is in place again "
                    f"with its data, but: {second} Look at the log of the service.",
                    details={"step": step, "undone": True},
                ) from failure
            raise UpgradeFailed(
                f"The upgrade failed in the step {step}: {reason} Then {self._entry.from_version} could not be "
                f"brought back: {second}. Mend that and run: appliance upgrade --recover",
                details={"step": step, "undone": False},
            ) from failure
        if not isinstance(failure, ApplianceError | OSError):
            raise failure
        raise UpgradeFailed(
            f"The upgrade failed in the step {step}: {reason} {self._entry.from_version} works again with its data.",
            details={"step": step, "undone": True},
        ) from failure
