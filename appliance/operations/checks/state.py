"""Checks of what the appliance keeps and does: database, keys, engine, connections, deliveries, backups."""

from collections.abc import Iterator
from pathlib import Path

from appliance.clock import Clock, iso
from appliance.errors import ApplianceError
from appliance.operations.backups.service import Backups
from appliance.operations.checks import Finding, Level
from appliance.operations.checks.machine import DAY_MS, ending
from appliance.operations.clock_jumps import jumped
from appliance.operations.disk import megabytes
from appliance.operations.heartbeat import engine_state
from appliance.store.database import WAL_LIMIT_BYTES, Database
from appliance.store.migrations import scripts
from appliance.vault.secrets import SecretStore

SAMPLED_OWNERS = 50
BACKLOG_OLD_MS = 3_600_000
# What a database has to have before its growth says anything.
_SHORTEST_LIFE_DAYS = 2


def integrity(database: Database) -> Iterator[Finding]:
    """Every page and index of the file, up to ten faults; reads the whole file."""
    faults = [str(row[0]) for row in database.tuples("PRAGMA quick_check(10)")]
    if faults == ["ok"]:
        yield Finding("ok", f"The database is whole, {megabytes(database.sizes().file)}.")
    else:
        yield Finding(
            "fail",
            f"The database is damaged: {'; '.join(faults)[:300]}.",
            "Restore the last backup: appliance restore",
        )


def schema(database: Database) -> Iterator[Finding]:
    version, newest = int(database.value("PRAGMA user_version")), max(scripts())
    if version == newest:
        yield Finding("ok", f"The schema is {version}, that of this program.")
    elif version < newest:
        yield Finding("warn", f"The schema is {version}; the next start brings it to {newest}.")
    else:
        yield Finding(
            "fail",
            f"The schema is {version} of a newer release; this program knows {newest}.",
            "Start that release again, or restore the backup that was made before the upgrade.",
        )


def log_size(database: Database) -> Iterator[Finding]:
    size = database.sizes().log
    if size > 2 * WAL_LIMIT_BYTES:
        yield Finding(
            "warn",
            f"The log of the database has {megabytes(size)}: a reader holds it.",
            "appliance doctor --fix, or restart the service at a quiet time",
            mend=database.checkpoint,
        )
    else:
        yield Finding("ok", f"The log of the database has {megabytes(size)}.")


def secrets_open(database: Database, secrets: SecretStore) -> Iterator[Finding]:
    """The keys open what is sealed: every owner's secrets, SAMPLED_OWNERS at most, the newest first."""
    owners = [
        row[0]
        for row in database.tuples(
            "SELECT owner FROM data_key ORDER BY created_at DESC, id LIMIT ?", (SAMPLED_OWNERS,)
        )
    ]
    broken = 0
    for owner in owners:
        try:
            secrets.get(owner)
        except ApplianceError as failure:
            broken += 1
            yield Finding(
                "fail",
                f"The secrets of {owner} do not open: {failure.message}",
                "Put keyring.json back from the backup that belongs to this database, or reauthorize.",
            )
    if not broken:
        yield Finding("ok", f"The key opens the secrets of {len(owners)} owners.")


def engine(data_dir: Path, clock: Clock) -> Iterator[Finding]:
    state, now = engine_state(data_dir), clock.now_ms()
    if state.is_alive(now):
        yield Finding("ok", "The engine gives signs of life.")
    elif state.held:
        yield Finding(
            "fail",
            f"The engine hangs since {iso(state.seen_at)}.",
            "systemctl restart appliance",
        )
    else:
        yield Finding("warn", "The service does not run.", "systemctl start appliance")


def clock_jumps(database: Database, clock: Clock) -> Iterator[Finding]:
    for condition in jumped(database, clock):
        yield Finding("warn", condition.message, "Let this machine take its time from a time server.")


def connections(database: Database) -> Iterator[Finding]:
    """Those that do not work, and when each was proven last."""
    rows = database.rows(
        "SELECT c.id, c.name, c.status, c.status_reason, max(p.proven_at) AS proven_at,"
        " max(CASE WHEN p.state = 'failing' THEN p.message END) AS failing"
        " FROM connection c LEFT JOIN proof p ON p.connection_id = c.id"
        " WHERE c.status <> 'disconnected' GROUP BY c.id ORDER BY c.name"
    )
    well = 0
    for row in rows:
        proven = f"last proven {iso(row['proven_at']) or 'never'}"
        if row["status"] == "connected" and row["failing"] is None:
            well += 1
            continue
        level: Level = "warn" if row["status"] in ("connected", "offline") else "fail"
        why = row["status_reason"] or row["failing"] or ""
        yield Finding(
            level,
            f"{row['name']} is {row['status'].replace('_', ' ')}, {proven}. {why}".rstrip(),
            f"appliance connection test {row['id']}",
        )
    yield Finding("ok", f"{well} of {len(rows)} connections work.")


def webhooks(database: Database, clock: Clock) -> Iterator[Finding]:
    waiting, oldest = database.tuples(
        "SELECT count(*), min(id) FROM webhook_delivery INDEXED BY webhook_delivery_lane WHERE state = 'waiting'"
    )[0]
    began = database.value(
        "SELECT e.created_at FROM webhook_delivery d JOIN webhook_event e ON e.seq = d.event_seq WHERE d.id = ?",
        (oldest,),
    )
    if began is not None and clock.now_ms() - began > BACKLOG_OLD_MS:
        yield Finding(
            "warn", f"{waiting} webhooks wait, the oldest since {iso(began)}.", "appliance webhook list"
        )
    else:
        yield Finding("ok", f"{waiting} webhooks wait.")


def backups(kept: Backups) -> Iterator[Finding]:
    """Whether there is one, as young as its plan promises."""
    plan, newest = kept.describe(), kept.table.last_verified()
    wrong = [*kept.failing(), *kept.old()]
    for condition in wrong:
        yield Finding("fail", condition.message, "appliance backup create")
    if plan["next_at"] is None:
        yield Finding("warn", "No backup is made by itself.", "Set backup.target, see appliance.toml.")
    if newest is None and not wrong:
        yield Finding("warn", "There is no verified backup yet.", "appliance backup create")
    elif newest is not None:
        yield Finding("ok", f"The last verified backup is of {iso(newest.started_at)}.")


def endings(database: Database, own_certificate: int | None, clock: Clock) -> Iterator[Finding]:
    """The certificate that is served, and everything of which an issue says that it ends soon."""
    if own_certificate is not None:
        yield ending(
            "The certificate of the appliance",
            own_certificate,
            clock,
            "Renew it: see the setting tls.certificate.",
        )
    soon = database.rows(
        "SELECT message, fix, severity FROM issue WHERE resolved_at IS NULL"
        " AND code IN ('SOURCE_CERTIFICATE_EXPIRING', 'CLIENT_CERTIFICATE_EXPIRING', 'API_KEY_EXPIRING',"
        " 'ENTITLEMENT_EXPIRING') ORDER BY opened_at"
    )
    if not soon:
        yield Finding("ok", "No key, entitlement or certificate of a source is known to end soon.")
    for row in soon:
        yield Finding("fail" if row["severity"] == "critical" else "warn", row["message"], row["fix"])


def growth_a_day(database: Database, clock: Clock) -> int | None:
    """Bytes that the file has grown a day since the first connection; None while that is too short ago to say."""
    first = database.value("SELECT min(created_at) FROM connection")
    days = 0 if first is None else (clock.now_ms() - first) / DAY_MS
    return None if days < _SHORTEST_LIFE_DAYS else round(database.sizes().file / days)
