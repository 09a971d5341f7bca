"""The way back, from wherever an upgrade has got: by itself, at the next start after a power cut, or when asked for.

Everything here may be broken off anywhere and done again.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from appliance.clock import Clock
from appliance.operations.upgrades.data_files import DataFiles
from appliance.operations.upgrades.errors import UpgradeFailed, UpgradeRefused
from appliance.operations.upgrades.installation import Installation
from appliance.operations.upgrades.journal import OVER, Entry, Journal, Step
from appliance.operations.upgrades.patience import READY_SECONDS, STOP_SECONDS
from appliance.operations.upgrades.programs import Programs
from appliance.operations.upgrades.service import Service, wait_ready


@dataclass(frozen=True, slots=True)
class Means:
    """What an upgrade works with. `ready` tells None, or why the appliance in use is not ready.

    `is_served` tells whether a service works on the data directory; `manages_service`: it is ours to stop and start.
    """

    journal: Journal
    installation: Installation
    data: DataFiles
    programs: Programs
    service: Service
    ready: Callable[[], str | None]
    is_served: Callable[[], bool]
    manages_service: bool
    clock: Clock
    say: Callable[[str], None]
    ready_seconds: float = READY_SECONDS

    def enter(self, entry: Entry, step: Step, *, why: str = "") -> Entry:
        """Write down that a step begins."""
        reached = entry.reached if step in ("undo", "undone") else step
        return self.journal.write(
            msgspec.structs.replace(
                entry, step=step, reached=reached, changed_at=self.clock.now_ms(), why=why or entry.why
            )
        )

    def flip(self, version: str) -> None:
        """Let that release be the one in use."""
        told = self.installation.flip(version)
        if told is not None:
            self.say(told)

    def stop_service(self) -> None:
        """Raises UpgradeFailed when it does not end."""
        self.service.stop()
        never, end = threading.Event(), self.clock.monotonic() + STOP_SECONDS
        while self.is_served():
            if self.clock.monotonic() > end:
                raise UpgradeFailed("The service was stopped and still works on the data. End it by hand.")
            self.clock.wait(never, 0.2)


def undo(means: Means, entry: Entry, why: str, *, went_back: bool = False) -> Entry:
    """Bring back program and data of before, and the service where it is ours to start.

    `went_back`: callers have seen what came after. Raises ApplianceError, and may then be done again.
    """
    entry = means.enter(entry, "undo", why=why)
    restarts = means.manages_service and entry.had_begun("stop")
    if restarts:
        means.stop_service()
    if entry.had_begun("swap"):
        means.data.put_back(keep=went_back)
    means.flip(entry.from_version)
    means.data.clear()
    means.installation.clear()
    if entry.own_maintenance or went_back:
        means.programs.resume(entry.from_version, end_maintenance=entry.own_maintenance, went_back=went_back)
    entry = means.enter(entry, "undone")
    if restarts:
        means.service.start()
        wait_ready(means.ready, means.clock, means.ready_seconds)
    return entry


def settle(means: Means, entry: Entry) -> Entry:
    """End maintenance and clear up behind an upgrade that has succeeded. May be done again."""
    if entry.own_maintenance:
        means.programs.resume(entry.to_version, end_maintenance=True, went_back=False)
    means.data.clear()
    # The one before stays for a rollback.
    means.installation.clear(entry.from_version, entry.to_version)
    return means.enter(entry, "done")


def recover(means: Means) -> Entry | None:
    """Put right what an upgrade left that was broken off; None where there is nothing to do.

    Called before the service starts. While the upgrade itself lives, which starts the service, it does nothing.
    """
    if not _is_open(means.journal.read()) or not means.journal.hold():
        return None
    try:
        # Read again: it may have ended just before it was let go.
        entry = means.journal.read()
        if entry is None or not _is_open(entry):
            return None
        if entry.step == "settle":
            return settle(means, entry)
        return undo(means, entry, entry.why or f"It was broken off in the step {entry.step}.")
    finally:
        means.journal.release()


def last_done(means: Means) -> Entry:
    """The upgrade that a rollback would take back. Raises UpgradeRefused where there is none."""
    entry = means.journal.read()
    if entry is None or entry.step != "done" or not means.data.has_before:
        raise UpgradeRefused(
            "There is no upgrade to take back: the data of the release before are kept from an upgrade until the next "
            "one or a rollback. An older state comes back by `appliance restore`."
        )
    if means.installation.current() != entry.to_version:
        raise UpgradeRefused(
            f"{means.installation.current()} is in use, the last upgrade was to {entry.to_version}. "
            "Another way than an upgrade led there, so its data do not belong to what is kept."
        )
    if not means.installation.executable(entry.from_version).exists():
        raise UpgradeRefused(
            f"The program of {entry.from_version} is no longer installed. Install it again first."
        )
    return entry


def roll_back(means: Means) -> Entry:
    """Go back to the release before with its data; what was in use since is kept aside. Raises ApplianceError."""
    with means.journal:
        return undo(means, last_done(means), "It was asked for.", went_back=True)


def _is_open(entry: Entry | None) -> bool:
    return entry is not None and entry.step not in OVER
