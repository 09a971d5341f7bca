"""Backups as people see them: made by plan or on demand, listed, rehearsed, thinned out; and what of them is wrong."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from appliance.clock import Clock, iso
from appliance.connections.announce import Announce, unheard
from appliance.connections.condition.issues import Condition
from appliance.errors import ApplianceError
from appliance.operations.backups.archive import Manifest, unpack
from appliance.operations.backups.errors import BackupUnderWay
from appliance.operations.backups.keep import Keep, kept
from appliance.operations.backups.making import Making, fresh_work_folder
from appliance.operations.backups.rehearsal import as_file, examine
from appliance.operations.backups.table import SCHEDULE, Backup, BackupTable
from appliance.operations.backups.targets import Target, Targets
from appliance.operations.disk import DiskGuard
from appliance.settings import Settings
from appliance.store.database import Database
from appliance.sync.engine import EngineLock
from appliance.sync.schedules.rule import Cron, Every, Never, Timetable
from appliance.sync.schedules.timing import next_due, retry_at, usual_gap
from appliance.vault.sources import MasterKeySource

log = logging.getLogger(__name__)

LOOK_MS = 5_000
# A backup is old when two in a row were missed.
GAPS_TO_OLD = 2
LOCK_NAME = "backup.lock"


class Listed(NamedTuple):
    """A backup at its place. `at` is None for one of another installation; `verified` is when it was read back."""

    name: str
    bytes: int
    at: int | None
    verified: int | None

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "bytes": self.bytes, "at": iso(self.at), "verified_at": iso(self.verified)}


class Backups:
    """`keys` is where the master key is, for rehearsals. One backup or rehearsal is under way at a time."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        making: Making,
        targets: Targets,
        keys: MasterKeySource,
        disk: DiskGuard,
        clock: Clock,
        *,
        announce: Announce = unheard,
    ) -> None:
        self.table = BackupTable(database)
        self._settings = settings
        self._database = database
        self._making = making
        self._targets = targets
        self._keys = keys
        self._disk = disk
        self._clock = clock
        self._announce = announce
        self._look_at = 0

    def create(self, asked_by: str, target: Target | None = None) -> Backup:
        """Make a backup now, here or at another `target`, and read it back; then remove what need not be kept.

        Raises ApplianceError; the failure is noted, and told as an event.
        """
        with self._alone():
            return self._create(asked_by, None, target)

    def ask(self, asked_by: str) -> Backup:
        """Have the engine make one soon. Raises BackupTargetMissing, BackupTargetRefused."""
        with self._opened() as target:
            return self.table.ask(asked_by, target.place, self._clock.now_ms())

    def work_off(self) -> int:
        """Make the backup that is due or asked for. The engine calls it."""
        now = self._clock.now_ms()
        if now < self._look_at:
            return 0
        self._look_at = now + LOOK_MS
        waiting = self.table.waiting()
        if waiting is None:
            due = self.due_at()
            if due is None or due > now or self._disk.is_low():
                return 0
        try:
            with self._alone():
                self._create(SCHEDULE if waiting is None else waiting.asked_by, waiting, None)
        except BackupUnderWay:
            pass
        except ApplianceError as failure:
            log.error("no backup was made: %s", failure.message)
        return 0

    def due_at(self) -> int | None:
        """When the next backup is due, milliseconds; None when none is made by itself. A first one is due at once."""
        table = self._timetable()
        if table is None:
            return None
        last = self.table.last()
        if last is None or last.started_at is None or last.ended_at is None:
            return 0
        failures = self.table.failures()
        if failures:
            return retry_at(table, self._making.installation, failures - 1, last.ended_at)
        return next_due(table, self._making.installation, last.started_at)

    def at_target(self, target: Target | None = None) -> list[Listed]:
        """What lies at the place, the newest first. Raises SourceError, BackupTargetMissing, BackupTargetRefused."""
        with self._opened(target) as place:
            found = place.list()
            verified = {
                row.name: row.ended_at for row in self.table.recent(10_000) if row.state == "verified"
            }
        listed = [
            Listed(one.name, one.size, self._making.time_of(one.name), verified.get(one.name))
            for one in found
        ]
        return sorted(listed, key=lambda one: (one.at or 0, one.name), reverse=True)

    def rehearse(self, name: str, target: Target | None = None) -> Manifest:
        """Restore a backup into a folder that is thrown away, and look through it. Raises ApplianceError."""
        with self._alone(), self._opened(target) as place:
            work = fresh_work_folder(self._settings.data_dir)
            try:
                manifest, master = unpack(as_file(place.read(name)), self._keys, work, name)
                examine(work, manifest, master, self._clock)
                return manifest
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def prune(self, *, dry_run: bool = False) -> list[str]:
        """Remove the backups of this installation that need not be kept; their names, the oldest first.

        Nothing is removed unless the newest one was read back after it was written. Raises ApplianceError.
        """
        with self._alone(), self._opened() as target:
            return self._prune(target, dry_run=dry_run)

    def failing(self) -> list[Condition]:
        """The last backup, where it failed, as an issue is told of it."""
        last = self.table.last()
        if last is None or last.state != "failed":
            return []
        return [Condition(f"The last backup failed: {last.message}", detail={"code": last.code})]

    def old(self) -> list[Condition]:
        """The newest backup, where it is too old, as an issue is told of it."""
        table = self._timetable()
        if table is None:
            return []
        now = self._clock.now_ms()
        newest = self.table.last_verified()
        since = self.table.first_tried_at() if newest is None else newest.started_at
        if since is None or now - since < GAPS_TO_OLD * usual_gap(table, now):
            return []
        what = "There is no backup yet" if newest is None else f"The newest backup is of {iso(since)}"
        return [Condition(f"{what}.", detail={"since": iso(since)})]

    def describe(self) -> dict[str, Any]:
        """Place, plan and what came of it, as plain data. A few small queries; the place is not asked."""
        settings, newest, due = self._settings, self.table.last_verified(), self.due_at()
        last = self.table.last()
        return {
            "target": None if settings.backup_target is None else str(settings.backup_target),
            "every_hours": None if settings.backup_cron else settings.backup_every_hours or None,
            "cron": settings.backup_cron,
            "time_zone": settings.backup_time_zone,
            "keep": {
                "daily": settings.backup_keep_daily,
                "weekly": settings.backup_keep_weekly,
                "monthly": settings.backup_keep_monthly,
            },
            "next_at": None if due is None else iso(max(due, self._clock.now_ms())),
            "newest": None if newest is None else newest.as_dict(),
            "last": None if last is None else last.as_dict(),
        }

    def _create(self, asked_by: str, waiting: Backup | None, elsewhere: Target | None) -> Backup:
        now = self._clock.now_ms()
        name = self._making.name_at(now)
        configured = self._settings.backup_target
        place = str(configured or "") if elsewhere is None else elsewhere.place
        row = self.table.begin(waiting, name, place, asked_by, now)
        try:
            with self._opened(elsewhere) as target:
                made = self._making.make(target, name, now)
                done = self.table.verified(row.id, made.bytes, made.sha256, self._clock.now_ms())
                log.info("backup %s was made: %d bytes", name, made.bytes)
                if elsewhere is None:
                    self._thin_out(target)
                return done
        except ApplianceError as failure:
            self._note(row, failure)
            raise

    def _note(self, row: Backup, failure: ApplianceError) -> None:
        with self._database.write():
            self.table.failed(row.id, failure.code, failure.message, self._clock.now_ms())
            self._announce(
                "system.error",
                None,
                lambda: {"code": "BACKUP_FAILED", "message": failure.message, "cause": failure.code},
            )

    def _thin_out(self, target: Target) -> None:
        try:
            self._prune(target, dry_run=False)
        except ApplianceError as failure:
            # The backup is there; what is too much goes with the next one.
            log.warning("older backups were not removed: %s", failure.message)

    def _prune(self, target: Target, *, dry_run: bool) -> list[str]:
        found = {one.name: at for one in target.list() if (at := self._making.time_of(one.name)) is not None}
        newest = max(found, key=lambda name: found[name], default=None)
        verified = {row.name for row in self.table.recent(10_000) if row.state == "verified"}
        if newest is None or newest not in verified:
            return []
        settings = self._settings
        stay = kept(
            found,
            Keep(
                settings.backup_keep_daily,
                settings.backup_keep_weekly,
                settings.backup_keep_monthly,
                ZoneInfo(settings.backup_time_zone),
            ),
        )
        gone = sorted(name for name in found if name not in stay)
        if not dry_run:
            for name in gone:
                target.remove(name)
            self.table.removed(gone, target.place)
        return gone

    def _timetable(self) -> Timetable | None:
        settings = self._settings
        if settings.backup_target is None or not (settings.backup_cron or settings.backup_every_hours):
            return None
        pattern = (
            Cron(settings.backup_cron) if settings.backup_cron else Every(settings.backup_every_hours * 3600)
        )
        return Timetable(
            pattern,
            ZoneInfo(settings.backup_time_zone),
            (),
            None if settings.backup_cron is None else 0,
            None,
            Never(),
        )

    @contextmanager
    def _opened(self, target: Target | None = None) -> Iterator[Target]:
        """The given place, or that of the settings, which is closed at the end."""
        if target is not None:
            yield target
            return
        opened = self._targets()
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = EngineLock(self._settings.data_dir, LOCK_NAME)
        if not lock.acquire():
            raise BackupUnderWay("A backup is being made or looked through. Try again when it is done.")
        with lock:
            self.table.end_orphans(self._clock.now_ms())
            yield
