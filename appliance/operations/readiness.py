"""Whether this appliance can do its work now: asked by load balancers and monitoring every few seconds."""

import threading
from collections.abc import Callable
from typing import NamedTuple

import peewee

from appliance.clock import Clock
from appliance.errors import ApplianceError
from appliance.operations.disk import DiskGuard, megabytes
from appliance.operations.heartbeat import engine_state
from appliance.store.database import Database
from appliance.store.migrations import scripts, version_of
from appliance.vault.keyring import Keyring

KEPT_SECONDS = 2.0
"""The same answer for so long, since anybody may ask."""


class Check(NamedTuple):
    """`message` says what is wrong, or what was found; it holds no secret."""

    name: str
    passed: bool
    message: str


class Readiness:
    def __init__(self, database: Database, keyring: Keyring, disk: DiskGuard, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._disk = disk
        self._clock = clock
        self._newest = max(scripts())
        self._lock = threading.Lock()
        self._last: tuple[float, list[Check]] | None = None

    def checks(self) -> list[Check]:
        """Every check, whatever the others say; answers of the last KEPT_SECONDS are given again."""
        with self._lock:
            now = self._clock.monotonic()
            if self._last is None or now - self._last[0] >= KEPT_SECONDS:
                self._last = (
                    now,
                    [
                        _checked("database", self._writable),
                        _checked("key", self._key),
                        _checked("schema", self._schema),
                        _checked("engine", self._engine),
                        _checked("disk", self._room),
                    ],
                )
            return self._last[1]

    def _writable(self) -> tuple[bool, str]:
        self._database.run("UPDATE counter SET value = value WHERE name = 'seq'")
        return True, "can be written"

    def _key(self) -> tuple[bool, str]:
        self._keyring.kek(self._keyring.active)
        return True, "opens the keyring"

    def _schema(self) -> tuple[bool, str]:
        version = version_of(self._database, self._newest)
        return version == self._newest, f"version {version} of {self._newest}"

    def _engine(self) -> tuple[bool, str]:
        now = self._clock.now_ms()
        state = engine_state(self._disk.data_dir)
        if state.is_alive(now):
            return True, "gives signs of life"
        if not state.held or state.seen_at is None:
            return False, "does not run; see the log of the service"
        return False, f"has given no sign of life for {(now - state.seen_at) / 1000:.0f} s"

    def _room(self) -> tuple[bool, str]:
        space = self._disk.space()
        return not self._disk.is_low(), f"{megabytes(space.free)} free"


def _checked(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    try:
        return Check(name, *check())
    except ApplianceError as failure:
        return Check(name, False, failure.message)
    except peewee.DatabaseError as failure:
        return Check(name, False, f"{type(failure).__name__}: {failure}")
