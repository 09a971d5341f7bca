"""The engine's part of the composition: its runner, and everything that works beside the synchronization."""

import os
from collections.abc import Iterator

from appliance.app import Appliance
from appliance.clock import to_ms
from appliance.connections.condition.endings import Ending, Endings, certificate_end
from appliance.connections.condition.issues import Conditions
from appliance.connections.condition.watch import Watch
from appliance.operations.clock_jumps import ClockWatch, jumped
from appliance.operations.heartbeat import Heartbeat, engine_state
from appliance.operations.upkeep import Upkeep
from appliance.sync.engine import Engine
from appliance.sync.pushes.reading import PushReading
from appliance.sync.runs.runner import Runner, Terms
from appliance.webhooks.delivery import Deliveries


def engine_of(appliance: Appliance) -> Engine:
    """The engine of a data directory; the caller holds its EngineLock."""
    owner = f"engine-{os.getpid()}"
    settings, disk, maintenance = appliance.settings, appliance.disk, appliance.maintenance
    mappings, second_try = appliance.mappings, appliance.second_try
    upkeep = Upkeep(appliance.database, disk, appliance.clock, hurry_retention=appliance.retention.hurry)
    deliveries = deliveries_of(appliance)
    clock_watch = ClockWatch(
        appliance.database,
        appliance.planner,
        appliance.clock,
        last_seen=engine_state(settings.data_dir).seen_at,
    )
    heartbeat = Heartbeat(settings.data_dir, appliance.clock)
    resting = (
        appliance.writes.work_off,
        lambda: mappings.work_off() or second_try.work_off(),
        watch_of(appliance).work_off,
        push_reading_of(appliance).work_off,
        clock_watch.unless_ahead(appliance.retention.work_off),
        appliance.backups.work_off,
        *[deliveries.work_off] * settings.webhooks_workers,
    )
    beside = (
        upkeep.work_off,
        appliance.totals.work_off,
        *(maintenance.unless_on(work) for work in resting),
    )

    def at_tick() -> None:
        clock_watch.look()
        heartbeat.beat()

    return Engine(
        appliance.database,
        appliance.planner,
        lambda stopping: Runner(
            appliance.database,
            appliance.records,
            appliance.model,
            appliance.health,
            appliance.open_connector,
            appliance.planner.due_times,
            appliance.quarantine,
            appliance.drift,
            appliance.clock,
            owner=owner,
            terms=Terms(
                overlap_ms=settings.sync_overlap_seconds * 1000,
                clock_skew_ms=settings.sync_clock_skew_seconds * 1000,
                lease_ms=settings.sync_lease_seconds * 1000,
                stall_seconds=settings.sync_stall_seconds,
                deletion_guard_percent=settings.sync_deletion_guard_percent,
            ),
            stopping=lambda: stopping() or disk.is_low() or maintenance.is_on(),
            announce=appliance.outbox.announce,
        ),
        appliance.clock,
        owner=owner,
        workers=settings.workers,
        lease_seconds=settings.sync_lease_seconds,
        beside=[clock_watch.before(work) for work in beside],
        must_wait=lambda: disk.is_low() or maintenance.is_on(),
        at_tick=at_tick,
    )


def watch_of(appliance: Appliance) -> Watch:
    """The scheduled probe, and the look at what ends soon and at what waits for a person."""
    return Watch(
        appliance.database,
        appliance.health,
        Endings(appliance.issues, appliance.clock, lambda: _endings(appliance), appliance.outbox.announce),
        appliance.standing,
        Conditions(
            appliance.issues,
            appliance.clock,
            {
                "DELETIONS_HELD": appliance.removals.waiting,
                "ROWS_REJECTED": appliance.rejected_rows.waiting,
                "SOURCE_CHANGED": appliance.findings.waiting,
                "DISK_LOW": appliance.disk.waiting,
                "CLOCK_JUMPED": lambda: jumped(appliance.database, appliance.clock),
                "WEBHOOK_SWITCHED_OFF": appliance.webhooks.switched_off,
                "BACKUP_FAILED": appliance.backups.failing,
                "BACKUP_OLD": appliance.backups.old,
                "ENTITLEMENT_ENDED": appliance.entitlements.expired,
            },
        ),
        appliance.open_connector,
        appliance.clock,
    )


def push_reading_of(appliance: Appliance) -> PushReading:
    """Reads what deliveries of sources have named."""
    return PushReading(
        appliance.database,
        appliance.records,
        appliance.model,
        appliance.health,
        appliance.planner,
        appliance.pushes.reader,
        appliance.open_connector,
        appliance.clock,
    )


def deliveries_of(appliance: Appliance) -> Deliveries:
    """What sends the events that wait."""
    return Deliveries(
        appliance.database,
        appliance.secrets,
        appliance.send_webhook,
        appliance.clock,
        workers=appliance.settings.webhooks_workers,
        longest_wait_seconds=appliance.settings.webhooks_retry_longest_seconds,
    )


def _endings(appliance: Appliance) -> Iterator[Ending]:
    """What the appliance itself has that ends."""
    certificate = appliance.settings.tls_certificate
    if appliance.settings.tls_mode == "files" and certificate is not None and certificate.is_file():
        ends_at = certificate_end(certificate.read_text("utf-8", "replace"))
        if ends_at is not None:
            yield Ending("CERTIFICATE_EXPIRING", "The certificate of the appliance", ends_at)
    term = appliance.entitlements.term()
    entitlement = term.entitlement
    # What has ended is an issue of its own.
    if term.phase == "valid" and entitlement is not None and entitlement.expires_at is not None:
        yield Ending("ENTITLEMENT_EXPIRING", "The entitlement", to_ms(entitlement.expires_at))
    for key in appliance.api_keys.ending():
        what = f"The account key {key['name']} ({key['hint']})"
        yield Ending("API_KEY_EXPIRING", what, key["expires_at"], key["id"], key["created_at"])
