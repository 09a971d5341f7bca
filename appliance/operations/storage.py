"""How much of what there is, and what it takes: for the API, the page and the command line.

Nothing is added up over wide rows. Numbers come from kept sums, from indexes, and from the sizes of files; bytes of
records are the mean of some hundred of them times their number.
"""

from typing import Any, NamedTuple

from appliance.clock import iso
from appliance.operations.disk import DiskGuard
from appliance.operations.retention import Retention
from appliance.store.database import WAL_LIMIT_BYTES, Database

SAMPLED = 500


class Kind(NamedTuple):
    """`bytes` is None where it is not known without reading everything."""

    name: str
    rows: int
    bytes: int | None


class Storage:
    def __init__(self, database: Database, disk: DiskGuard, retention: Retention) -> None:
        self._database = database
        self._disk = disk
        self._retention = retention

    def describe(self) -> dict[str, Any]:
        """Disk, files, contents by kind, and rules with their last run, as plain data."""
        space, pause, sizes = self._disk.space(), self._disk.pause(), self._database.sizes()
        below, above = self._disk.limits(space)
        return {
            "disk": {
                "total": space.total,
                "free": space.free,
                "pauses_below": below,
                "resumes_above": above,
                "paused": pause is not None,
                "paused_at": None if pause is None else iso(pause.paused_at),
                "reserve": self._database.reserve.held,
                "reserve_wanted": self._database.reserve.size,
            },
            "database": {
                "file": sizes.file,
                "free_inside": sizes.free,
                "gives_back": self._database.gives_back,
                "log": sizes.log,
                "log_limit": WAL_LIMIT_BYTES,
            },
            "contents": [kind._asdict() for kind in self._contents()],
            "retention": self._retention.describe(),
        }

    def _contents(self) -> list[Kind]:
        live = self._count("SELECT coalesce(sum(live), 0) FROM stream")
        gone = self._count(
            "SELECT count(*) FROM record INDEXED BY record_deleted_order WHERE deleted_at IS NOT NULL"
        )
        payload, raw = self._database.tuples(
            "SELECT avg(length(payload)), avg(length(raw)) FROM"
            " (SELECT payload, raw FROM record ORDER BY id DESC LIMIT ?)",
            (SAMPLED,),
        )[0]
        return [
            Kind("records", live, round((payload or 0) * live)),
            Kind("raw_rows", live, round((raw or 0) * live)),
            Kind("tombstones", gone, round(((payload or 0) + (raw or 0)) * gone)),
            Kind("runs", self._count("SELECT count(*) FROM run"), None),
            Kind("writes", self._count("SELECT count(*) FROM write_order"), None),
            Kind("passthrough", self._count("SELECT count(*) FROM passthrough_call"), None),
            Kind("requests", self._kept("request_log_rows"), self._kept("request_log_bytes")),
            Kind("mapping_versions", self._count("SELECT count(*) FROM mapping_version"), None),
            Kind("tokens", self._count("SELECT count(*) FROM token"), None),
        ]

    def _count(self, sql: str) -> int:
        counted: int = self._database.value(sql)
        return counted

    def _kept(self, name: str) -> int:
        kept: int | None = self._database.value("SELECT value FROM counter WHERE name = ?", (name,))
        return kept or 0
