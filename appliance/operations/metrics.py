"""What monitoring reads: numbers from the database and the disk, without a name or a value of any record.

Web and engine are two processes, so nothing is kept in memory but what `Totals` adds up. Labels are bounded: results,
states and status classes. Connections and entities become labels only where the setting metrics.labels says so.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from appliance import __version__
from appliance.clock import Clock
from appliance.connections.condition.endings import DAY_MS
from appliance.credits.entitlement import Entitlements
from appliance.credits.ledger import Ledger
from appliance.operations.clock_jumps import last_jump
from appliance.operations.disk import DiskGuard
from appliance.operations.exposition import Family, Histogram, Labels, written
from appliance.operations.heartbeat import engine_state
from appliance.operations.totals import Totals
from appliance.store.database import Database

_COUNTED = (
    ("passes", "appliance_sync_passes_total", "Passes over an entity that ended, by result.", 1),
    ("milliseconds", "appliance_sync_seconds_total", "Time that passes took.", 1000),
    ("fetched", "appliance_sync_rows_fetched_total", "Rows read from sources.", 1),
    ("changed", "appliance_sync_rows_changed_total", "Records that were new or different.", 1),
    ("deleted", "appliance_sync_rows_deleted_total", "Records that were gone in the source.", 1),
    ("rejected", "appliance_sync_rows_rejected_total", "Rows that could not become records.", 1),
    ("requests", "appliance_sync_requests_total", "Requests that passes sent to sources.", 1),
    ("bytes", "appliance_sync_bytes_total", "Bytes that passes received.", 1),
)
_ENDING_ISSUES = {
    "SOURCE_CERTIFICATE_EXPIRING": "source_certificate",
    "CLIENT_CERTIFICATE_EXPIRING": "client_certificate",
    "API_KEY_EXPIRING": "account_key",
}


class Metrics:
    """`labels` is none, connection or entity. `backup_at` gives when the last verified backup was made, milliseconds;
    `own_certificate_end` when the certificate that the appliance serves with ends. Both give None where there is none.
    """

    def __init__(
        self,
        database: Database,
        totals: Totals,
        disk: DiskGuard,
        ledger: Ledger,
        entitlements: Entitlements,
        clock: Clock,
        *,
        labels: str,
        backup_at: Callable[[], int | None],
        own_certificate_end: Callable[[], int | None],
    ) -> None:
        self._database = database
        self._totals = totals
        self._disk = disk
        self._ledger = ledger
        self._entitlements = entitlements
        self._clock = clock
        self._labels = labels
        self._backup_at = backup_at
        self._own_certificate_end = own_certificate_end

    def text(self) -> str:
        """The answer to a scrape. Some twenty queries, of which none reads records."""
        self._totals.flush()
        with self._database.snapshot():
            return written(self._families())

    def _families(self) -> Iterator[Family | Histogram]:
        now = self._clock.now_ms()
        yield Family("appliance_build_info", "gauge", "The program.", [((("version", __version__),), 1)])
        yield from self._engine(now)
        yield from self._synchronization(now)
        yield from self._queues(now)
        yield from self._traffic()
        yield from self._machine(now)
        yield from self._endings(now)

    def _engine(self, now: int) -> Iterator[Family]:
        state = engine_state(self._disk.data_dir)
        yield Family(
            "appliance_engine_up",
            "gauge",
            "1 while the engine gives signs of life.",
            [((), state.is_alive(now))],
        )
        seen = None if state.seen_at is None else max(0, now - state.seen_at) / 1000
        yield Family("appliance_engine_heartbeat_seconds", "gauge", "Time since its last one.", [((), seen)])
        jump = last_jump(self._database)
        yield Family(
            "appliance_clock_jump_seconds",
            "gauge",
            "The last jump of the clock within a day, 0 without one.",
            [((), jump[1] / 1000 if jump and now - jump[0] < DAY_MS else 0)],
        )

    def _synchronization(self, now: int) -> Iterator[Family]:
        yield self._counted(
            "appliance_connections",
            "Connections by status.",
            "status",
            "SELECT status, count(*) FROM connection GROUP BY status",
        )
        group = {"none": [], "connection": ["connection_id"], "entity": ["connection_id", "entity"]}[
            self._labels
        ]
        columns = ", ".join((*group, "result"))
        sums = ", ".join(f"sum({column})" for column, *_ in _COUNTED)
        rows = self._database.tuples(f"SELECT {columns}, {sums} FROM sync_total GROUP BY {columns}")
        width = len(group) + 1
        names = (*(name.removesuffix("_id") for name in group), "result")
        labels: list[Labels] = [tuple(zip(names, row[:width], strict=True)) for row in rows]
        for place, (_, name, meaning, divisor) in enumerate(_COUNTED):
            yield Family(
                name,
                "counter",
                meaning,
                [(one, row[width + place] / divisor) for one, row in zip(labels, rows, strict=True)],
            )
        yield from self._freshness(now, group)

    def _freshness(self, now: int, group: list[str]) -> Iterator[Family]:
        by = ", ".join(f"s.{column}" for column in group)
        rows = self._database.tuples(
            f"SELECT {by}{',' if by else ''} min(coalesce(s.last_success_at, c.connected_at)),"
            " sum(s.failures > 0) FROM schedule s JOIN connection c ON c.id = s.connection_id"
            f" WHERE c.status <> 'disconnected'{' GROUP BY ' if by else ''}{by}"
        )
        names = [name.removesuffix("_id") for name in group]
        labels: list[Labels] = [tuple(zip(names, row[:-2], strict=True)) for row in rows]
        yield Family(
            "appliance_sync_last_success_seconds",
            "gauge",
            "Time since the last success, of the entity that is furthest behind.",
            [
                (one, None if row[-2] is None else max(0, now - row[-2]) / 1000)
                for one, row in zip(labels, rows, strict=True)
            ],
        )
        yield Family(
            "appliance_sync_failing_entities",
            "gauge",
            "Entities whose last pass failed.",
            [(one, row[-1] or 0) for one, row in zip(labels, rows, strict=True)],
        )
        if group:
            yield Family(
                "appliance_connection_info",
                "gauge",
                "The name and system of a connection.",
                [
                    ((("connection", row[0]), ("name", row[1]), ("system", row[2])), 1)
                    for row in self._database.tuples(
                        "SELECT id, name, system FROM connection WHERE status <> 'disconnected'"
                    )
                ],
            )

    def _queues(self, now: int) -> Iterator[Family]:
        yield self._counted(
            "appliance_runs_active",
            "Runs that wait or work, by state.",
            "state",
            "SELECT state, count(*) FROM run WHERE state IN ('queued', 'running', 'interrupted') GROUP BY state",
            ("queued", "running", "interrupted"),
        )
        yield self._counted(
            "appliance_writes_active",
            "Writes that wait for the source.",
            "state",
            "SELECT state, count(*) FROM write_order INDEXED BY write_order_due"
            " WHERE due_at IS NOT NULL GROUP BY state",
            ("queued",),
        )
        pushed = self._value("SELECT count(*) FROM push_event WHERE state IN ('waiting', 'again')")
        yield Family(
            "appliance_push_events_waiting", "gauge", "Events of sources to be read.", [((), pushed)]
        )
        waiting, oldest = self._database.tuples(
            "SELECT count(*), min(id) FROM webhook_delivery INDEXED BY webhook_delivery_lane WHERE state = 'waiting'"
        )[0]
        began = self._value(
            "SELECT e.created_at FROM webhook_delivery d JOIN webhook_event e ON e.seq = d.event_seq WHERE d.id = ?",
            oldest,
        )
        yield Family("appliance_webhooks_waiting", "gauge", "Webhooks to be delivered.", [((), waiting)])
        yield Family(
            "appliance_webhooks_oldest_seconds",
            "gauge",
            "Age of the one that waits longest.",
            [((), 0 if began is None else max(0, now - began) / 1000)],
        )
        undelivered = self._value(
            "SELECT count(*) FROM webhook_delivery INDEXED BY webhook_delivery_undelivered"
            " WHERE state = 'undelivered'"
        )
        yield Family(
            "appliance_webhooks_undelivered", "gauge", "Webhooks given up, and kept.", [((), undelivered)]
        )
        yield self._counted(
            "appliance_issues_open",
            "Open issues by severity.",
            "severity",
            "SELECT severity, count(*) FROM issue WHERE resolved_at IS NULL AND dismissed_at IS NULL"
            " GROUP BY severity",
            ("info", "warning", "critical"),
        )

    def _traffic(self) -> Iterator[Family | Histogram]:
        totals = self._totals.read()

        def by(series: str, label: str) -> list[tuple[Labels, float | int | None]]:
            return [(((label, name),), value) for name, value in sorted(totals.get(series, {}).items())]

        def total(series: str) -> float:
            return totals.get(series, {}).get("", 0.0)

        yield Family(
            "appliance_source_responses_total",
            "counter",
            "Answers of sources.",
            by("source_responses", "status"),
        )
        yield Histogram(
            "appliance_source_request_seconds",
            "How long sources took to answer.",
            totals.get("source_seconds_bucket", {}),
            total("source_seconds_sum"),
        )
        yield Family(
            "appliance_source_wait_seconds_total",
            "counter",
            "Time that requests waited for the call limits of sources.",
            [((), total("source_wait_seconds"))],
        )
        yield Family(
            "appliance_api_requests_total", "counter", "API requests.", by("api_responses", "status")
        )
        yield Histogram(
            "appliance_api_request_seconds",
            "How long they took.",
            totals.get("api_seconds_bucket", {}),
            total("api_seconds_sum"),
        )

    def _machine(self, now: int) -> Iterator[Family]:
        sizes, space = self._database.sizes(), self._disk.space()
        yield Family("appliance_database_bytes", "gauge", "The database file.", [((), sizes.file)])
        yield Family("appliance_database_log_bytes", "gauge", "Its write-ahead log.", [((), sizes.log)])
        yield Family("appliance_disk_free_bytes", "gauge", "Free for the data directory.", [((), space.free)])
        yield Family("appliance_disk_bytes", "gauge", "Size of that disk.", [((), space.total)])
        paused = self._disk.pause() is not None
        yield Family(
            "appliance_disk_paused", "gauge", "1 while synchronization waits for room.", [((), paused)]
        )
        made = self._backup_at()
        age = None if made is None else max(0, now - made) / 1000
        yield Family("appliance_backup_age_seconds", "gauge", "Age of the last verified backup.", [((), age)])
        balance = self._ledger.balance()
        yield Family("appliance_credits_granted", "gauge", "Connection credits.", [((), balance.granted)])
        yield Family("appliance_credits_used", "gauge", "Those in use.", [((), balance.used)])

    def _endings(self, now: int) -> Iterator[Family]:
        ends: dict[str, int | None] = {"certificate": self._own_certificate_end()}
        entitlement = self._entitlements.current()
        if entitlement is not None and entitlement.expires_at is not None:
            ends["entitlement"] = round(entitlement.expires_at.timestamp() * 1000)
        days: list[tuple[Labels, float | int | None]] = [
            ((("what", what),), None if at is None else round((at - now) / DAY_MS, 2))
            for what, at in ends.items()
        ]
        rows = self._database.tuples(
            "SELECT code, (julianday(min(detail ->> 'ends_at')) - 2440587.5) * 86400000 FROM issue"
            f" WHERE resolved_at IS NULL AND code IN ({', '.join('?' * len(_ENDING_ISSUES))}) GROUP BY code",
            tuple(_ENDING_ISSUES),
        )
        days += [
            ((("what", _ENDING_ISSUES[code]),), round((at - now) / DAY_MS, 2))
            for code, at in rows
            if at is not None
        ]
        yield Family(
            "appliance_days_left",
            "gauge",
            "Days until something ends; certificates and credentials of sources within 60 days only.",
            days,
        )

    def _counted(self, name: str, meaning: str, label: str, sql: str, always: Iterable[str] = ()) -> Family:
        """A gauge of a query that gives a label's value and a count; `always` are there with 0, too."""
        counts: dict[str, int] = {**dict.fromkeys(always, 0), **dict(self._database.tuples(sql))}
        return Family(name, "gauge", meaning, [(((label, value),), count) for value, count in counts.items()])

    def _value(self, sql: str, *parameters: Any) -> Any:
        return self._database.value(sql, parameters)
