"""How far an upgrade has got, in a file: what a power cut left is found there, and put right by `recovery`.

A step is written down before it begins. `migrate` and everything before it leave program and data in use as they are;
from `swap` on they are changed; `settle` only clears up behind an upgrade that has succeeded.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, get_args

import msgspec

from appliance.operations.upgrades.errors import ReleaseRefused, UpgradeRefused
from appliance.operations.upgrades.versions import Version
from appliance.store.ownership import own_like
from appliance.vault.files import replace_file

Step = Literal[
    "unpack",
    "maintenance",
    "backup",
    "rehearse",
    "stop",
    "migrate",
    "swap",
    "flip",
    "start",
    "watch",
    "settle",
    "done",
    "undo",
    "undone",
]
STEPS: tuple[Step, ...] = get_args(Step)
OVER: tuple[Step, ...] = ("done", "undone")


class Entry(msgspec.Struct, frozen=True):
    """An upgrade. Times in milliseconds since 1970. `reached` is the last step before `undo`.

    `own_maintenance`: it was the upgrade that began it.
    """

    from_version: str
    to_version: str
    step: Step
    began_at: int
    changed_at: int
    reached: Step = "unpack"
    own_maintenance: bool = False
    backup: str = ""
    why: str = ""

    def had_begun(self, step: Step) -> bool:
        """Whether a step was begun, also of an upgrade that is being undone."""
        return STEPS.index(self.reached) >= STEPS.index(step)


class Journal:
    """Below the data directory. It is held by the one who upgrades, and readable by all who may read the data."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "upgrade"
        self._data_dir = data_dir
        self._path = self.folder / "journal.json"
        self._lock: int | None = None

    def read(self) -> Entry | None:
        """The last upgrade, None when there was none. Raises UpgradeRefused.

        The service may write here and root goes by it, so that nothing but versions may lead to a program.
        """
        try:
            entry = msgspec.json.decode(self._path.read_bytes(), type=Entry)
            for version in (entry.from_version, entry.to_version):
                Version.read(version)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, ReleaseRefused) as failure:
            raise UpgradeRefused(
                f"{self._path} is not as an upgrade writes it, so it is not gone by. Look which release is in use and "
                "whether its data are in place, then remove that file."
            ) from failure
        return entry

    def write(self, entry: Entry) -> Entry:
        """Durable when this returns."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        replace_file(self._path, msgspec.json.format(msgspec.json.encode(entry)))
        own_like(self.folder, self._data_dir)
        return entry

    def check_over(self) -> None:
        """Before the service works on the data: raises UpgradeRefused when an upgrade was broken off and not put right.

        One that lives is no obstacle, since it starts the service itself.
        """
        entry = self.read()
        if entry is None or entry.step in OVER or not self.hold():
            return
        self.release()
        raise UpgradeRefused(
            f"The upgrade from {entry.from_version} to {entry.to_version} was broken off in the step {entry.step}, "
            "so program and data may not belong together. Run as root: appliance upgrade --recover"
        )

    def hold(self) -> bool:
        """Be the one who upgrades; False when another is. Given back by the system when the process ends."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        own_like(self.folder, self._data_dir)
        self._lock = handle
        return True

    def __enter__(self) -> Self:
        """Raises UpgradeRefused when another upgrade is under way."""
        if not self.hold():
            raise UpgradeRefused(
                "Another upgrade or rollback of this appliance is under way. Wait for its end."
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
