"""The composition root: builds settings → store → vault → transport → runtime → domain, and hands each what it needs.

Web process, engine process and commands all start here; they meet in the database and nowhere else.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

from appliance.audit.request_log import RequestLog
from appliance.clock import Clock, SystemClock
from appliance.connections.condition.endings import certificate_end
from appliance.connections.condition.health import Health
from appliance.connections.condition.issues import Issues
from appliance.connections.condition.standing import Standing
from appliance.connections.credentials import KeptCredentials
from appliance.connections.lifecycle import Connections
from appliance.connections.link import Links
from appliance.connections.tables import Connection
from appliance.credits.entitlement import Entitlements, bundled_public_key
from appliance.credits.installation import Installation
from appliance.credits.ledger import Ledger
from appliance.errors import ApplianceError, ConfigurationError
from appliance.mappings.custom_tables import CustomTables
from appliance.mappings.service import Mappings
from appliance.mappings.tables import MappingTable
from appliance.model.entity import Model, load_model
from appliance.model.relations import links
from appliance.operations.backups.making import Making
from appliance.operations.backups.service import Backups
from appliance.operations.backups.targets import open_target
from appliance.operations.disk import DiskGuard
from appliance.operations.metrics import Metrics
from appliance.operations.readiness import Readiness
from appliance.operations.retention import Retention
from appliance.operations.rules import rules_of
from appliance.operations.storage import Storage
from appliance.operations.totals import Totals
from appliance.operations.upgrades.maintenance import Maintenance
from appliance.passthrough.service import Passthrough
from appliance.passthrough.tables import PassthroughTable
from appliance.runtime.catalog import Catalog
from appliance.runtime.connector import Connector, Connectors
from appliance.runtime.definition.overlay import Overlay
from appliance.runtime.mapping.overlay import overlaid
from appliance.settings import Settings
from appliance.store.database import Database
from appliance.store.feed import Feed
from appliance.store.lists import Lists
from appliance.store.records import Records
from appliance.store.space import Reserve
from appliance.sync.history import History
from appliance.sync.passes.hold_table import HoldTable
from appliance.sync.planner import Planner
from appliance.sync.pushes.service import Pushes
from appliance.sync.rejections.drift import Drift
from appliance.sync.rejections.findings import Findings
from appliance.sync.rejections.quarantine import Quarantine
from appliance.sync.rejections.rejected_rows import RejectedRows
from appliance.sync.rejections.second_try import SecondTry
from appliance.sync.removals import Removals
from appliance.sync.runs.claims import Ceilings, Claims
from appliance.sync.schedules.due import DueTimes, Usual
from appliance.sync.schedules.rule import Bounds
from appliance.sync.schedules.service import Schedules
from appliance.tally import Tally
from appliance.transport.egress import Egress
from appliance.transport.http import HttpOptions
from appliance.transport.outbound import Outbound
from appliance.transport.proxy import ProxyRules, parse_proxy
from appliance.transport.trust import Trust
from appliance.users.accounts import Accounts
from appliance.users.api_keys import ApiKeys
from appliance.users.applications import Applications
from appliance.users.bootstrap import Bootstrap
from appliance.users.sessions import Sessions
from appliance.vault.keyring import DATABASE_NAME, Keyring
from appliance.vault.secrets import SecretStore
from appliance.vault.sources import find_source
from appliance.webhooks.endpoints import Endpoints
from appliance.webhooks.events import Events
from appliance.webhooks.outbox import Outbox
from appliance.webhooks.sender import ANSWER_BYTES, SECONDS, Sender
from appliance.writes.service import Writes
from appliance.writes.tables import WriteTable


@dataclass(frozen=True, slots=True)
class Appliance:
    """Everything, wired. One per process; close it at the end."""

    settings: Settings
    clock: Clock
    database: Database
    keyring: Keyring
    secrets: SecretStore
    model: Model
    catalog: Catalog
    connectors: Connectors
    records: Records
    quarantine: Quarantine
    drift: Drift
    lists: Lists
    feed: Feed
    ledger: Ledger
    entitlements: Entitlements
    planner: Planner
    issues: Issues
    health: Health
    connections: Connections
    accounts: Accounts
    sessions: Sessions
    bootstrap: Bootstrap
    api_keys: ApiKeys
    applications: Applications
    links: Links
    request_log: RequestLog
    outbox: Outbox
    webhooks: Endpoints
    send_webhook: Sender
    disk: DiskGuard
    retention: Retention
    backups: Backups
    tally: Tally
    totals: Totals
    readiness: Readiness

    @property
    def maintenance(self) -> Maintenance:
        """Whether the appliance works or is being maintained."""
        return Maintenance(self.database, self.clock)

    @property
    def storage(self) -> Storage:
        """What there is, and what it takes on the disk."""
        return Storage(self.database, self.disk, self.retention)

    pushes: Pushes

    def last_backup_at(self) -> int | None:
        """When the last verified backup was made, milliseconds since 1970; None when there is none."""
        last = self.backups.table.last_verified()
        return None if last is None else last.started_at

    @property
    def metrics(self) -> Metrics:
        """Numbers for monitoring."""
        return Metrics(
            self.database,
            self.totals,
            self.disk,
            self.ledger,
            self.entitlements,
            self.clock,
            labels=self.settings.metrics_labels,
            backup_at=self.last_backup_at,
            own_certificate_end=lambda: own_certificate_end(self.settings),
        )

    @property
    def writes(self) -> Writes:
        """Writes to the sources of connections."""
        return Writes(
            self.database,
            self.records,
            self.model,
            self.connections,
            self.health,
            self.open_connector,
            self.quarantine,
            self.clock,
        )

    @property
    def standing(self) -> Standing:
        """How connections stand."""
        return Standing(self.database, self.issues, self.planner.usual_gaps, self.clock)

    @property
    def mappings(self) -> Mappings:
        """Mappings as connections have changed them."""
        return Mappings(
            self.database,
            self.records,
            self.model,
            self.catalog,
            self.connections,
            self.quarantine,
            self.clock,
        )

    @property
    def rejected_rows(self) -> RejectedRows:
        """Rows that could not become records, as they are shown and put aside."""
        return RejectedRows(self.database, self.records.raw_rows)

    @property
    def findings(self) -> Findings:
        """Changes in the rows of sources."""
        return Findings(self.database)

    @property
    def second_try(self) -> SecondTry:
        """Rejected rows tried again."""
        return SecondTry(self.database, self.records, self.quarantine, self.open_connector, self.clock)

    @property
    def removals(self) -> Removals:
        """Deletions that were held back, and those of runs."""
        return Removals(self.database, self.records, self.planner, self.clock)

    @property
    def history(self) -> History:
        """How far back connections read."""
        return History(self.database, self.planner, self.model, self.catalog, self.clock)

    @property
    def schedules(self) -> Schedules:
        """When connections synchronize."""
        return Schedules(
            self.database, self.planner, self._bounds, lambda: self.disk.pause() is not None, self.clock
        )

    @property
    def passthrough(self) -> Passthrough:
        """Requests handed on to sources as they are."""
        return Passthrough(self.database, self.connections, self.health, self.open_connector, self.clock)

    @classmethod
    def open(cls, settings: Settings, clock: Clock | None = None) -> Self:
        """Open the data directory of the settings, made when it is new.

        Raises ConfigurationError (keys, schema, settings) and touches nothing then.
        """
        clock = clock or SystemClock()
        data_dir = settings.data_dir
        source = find_source(
            data_dir,
            environ=os.environ,
            key_file=settings.master_key_file,
            passphrase=settings.master_passphrase,
        )
        _make_private(data_dir)
        keyring = Keyring.open(data_dir, source, clock)
        database = Database(
            data_dir / DATABASE_NAME,
            keyring.database_key,
            reserve=Reserve(data_dir, settings.disk_reserve_bytes),
        )
        secrets = SecretStore(database, keyring)
        model = load_model()
        tally = Tally()
        totals = Totals(database, tally, clock)
        outbound = outbound_of(settings, clock, tally)
        catalog = Catalog(model, resources.files("appliance.connectors"), settings.connectors_dir)
        connectors = Connectors(
            model,
            catalog,
            outbound.client,
            clock,
            open_database=outbound.database,
            open_folder=outbound.folder,
        )
        events = Events(model)
        hours = settings.webhooks_give_up_hours
        outbox = Outbox(database, events, clock, give_up_hours=hours)
        send_webhook = Sender(lambda: outbound.poster(SECONDS, ANSWER_BYTES), clock)
        webhooks = Endpoints(
            database, secrets, events, send_webhook, outbound.is_here, clock, give_up_hours=hours
        )
        records = Records(database, links(model), outbox.changed)
        quarantine = Quarantine(database, records.raw_rows, rows=settings.quarantine_rows)
        drift = Drift(database)
        ledger = Ledger(database, clock)
        entitlements = Entitlements(
            database,
            ledger,
            Installation(database, clock),
            clock,
            public_key_pem=_entitlement_key(settings),
            evaluation_credits=settings.credits_evaluation,
            grace_days=settings.credits_grace_days,
        )
        entitlements.open_pool()
        mappings = MappingTable(database)
        planner = Planner(
            database,
            records,
            DueTimes(database, Usual(settings.sync_interval_seconds, settings.sync_reconcile_hours)),
            Claims(database, Ceilings(settings.sync_per_host, settings.sync_per_connection)),
            lambda connection, entities: _reconciled(catalog, mappings, connection, entities),
            clock,
        )
        accounts = Accounts(database, clock)
        request_log = RequestLog(
            database,
            clock,
            rows=settings.request_log_rows,
            max_bytes=settings.request_log_bytes,
            days=settings.request_log_days,
            sample_percent=settings.request_log_sample_percent,
            body_bytes=settings.request_log_body_bytes,
        )
        issues = Issues(database, clock, catalog.name_of)
        health = Health(
            database,
            issues,
            outbound.reach,
            clock,
            planner,
            probe_seconds=settings.health_probe_seconds,
            announce=outbox.announce,
        )
        disk = DiskGuard(
            database, data_dir, clock, pause_bytes=settings.disk_pause_bytes, announce=outbox.announce
        )
        pushes = Pushes(database, secrets, lambda system: catalog.folder(system).definition, clock)
        connections = Connections(
            database,
            secrets,
            ledger,
            connectors,
            records,
            planner,
            health,
            outbound.reach,
            clock,
            historical_days=settings.sync_historical_days,
            require_term=entitlements.require_term,
            erase_beside=(
                WriteTable(database).erase,
                mappings.erase,
                PassthroughTable(database).erase,
                quarantine.erase,
                drift.erase,
                HoldTable(database).erase,
                issues.erase,
                planner.due_times.rules.erase,
                request_log.erase,
                webhooks.erase,
                pushes.erase,
                totals.erase,
            ),
            end_beside=(pushes.close,),
            announce=outbox.announce,
        )
        disk = DiskGuard(
            database,
            data_dir,
            clock,
            pause_bytes=settings.disk_pause_bytes,
            announce=outbox.announce,
        )
        return cls(
            settings=settings,
            clock=clock,
            database=database,
            keyring=keyring,
            secrets=secrets,
            model=model,
            catalog=catalog,
            connectors=connectors,
            records=records,
            quarantine=quarantine,
            drift=drift,
            lists=Lists(database, records, clock),
            feed=Feed(database),
            ledger=ledger,
            entitlements=entitlements,
            planner=planner,
            issues=issues,
            health=health,
            connections=connections,
            accounts=accounts,
            sessions=Sessions(
                database, clock, idle_minutes=settings.session_idle_minutes, hours=settings.session_hours
            ),
            bootstrap=Bootstrap(database, accounts, data_dir, clock),
            api_keys=ApiKeys(database, clock),
            applications=Applications(database, clock),
            links=Links(database, connections.tokens, clock),
            request_log=request_log,
            outbox=outbox,
            webhooks=webhooks,
            send_webhook=send_webhook,
            disk=disk,
            retention=Retention(
                database,
                clock,
                rules_of(settings, database, model, request_log, webhooks.history, quarantine, drift),
                is_busy=planner.runs.any_running,
            ),
            pushes=pushes,
            backups=Backups(
                settings,
                database,
                Making(settings, database, keyring, disk, entitlements.installation.id),
                lambda: open_target(settings, outbound),
                source,
                disk,
                clock,
                announce=outbox.announce,
            ),
            tally=tally,
            totals=totals,
            readiness=Readiness(database, keyring, disk, clock),
        )

    @property
    def custom_tables(self) -> CustomTables:
        """Tables of sources beside their entities."""
        return CustomTables(
            self.database,
            self.records,
            self.connections,
            self.planner,
            self.quarantine,
            self.drift,
            self.open_connector,
            self.clock,
        )

    def open_connector(
        self, connection: Connection, beside: Mapping[str, Overlay] | None = None
    ) -> Connector:
        """The connector of a connection with its credentials, with changes `beside` those in force.

        Raises ApplianceError.
        """
        fields = {**connection.fields, **self.secrets.get(connection.id)}
        return self.connectors.open(
            connection.system,
            fields,
            part=connection.part,
            created_at=connection.created_at,
            credentials=KeptCredentials(self.database, self.secrets, connection.id),
            overlays={**self.mappings.table.in_force(connection.id), **(beside or {})},
        )

    def _bounds(self, connection: Connection) -> Bounds:
        """How often a connection may be synchronized, by the settings and its connector."""
        try:
            shortest = self.catalog.folder(connection.system).definition.shortest_seconds
        except ApplianceError:
            # The connector's folder was taken away.
            shortest = None
        usual = self.settings.sync_shortest_seconds
        return Bounds(usual if shortest is None else min(shortest, usual), self.settings.sync_longest_seconds)

    def signing_key(self, purpose: str) -> bytes:
        """A key for signatures that only have to hold on this appliance, such as those of page cursors."""
        return hmac.digest(self.keyring.database_key, purpose.encode(), hashlib.sha256)

    def close(self) -> None:
        self.database.close()


def _reconciled(
    catalog: Catalog, mappings: MappingTable, connection: Connection, entities: Sequence[str]
) -> list[str]:
    """Entities that are not compared as a whole by every pass anyway."""
    try:
        definition = overlaid(
            catalog.definition(connection.system, connection.fields),
            mappings.in_force(connection.id),
            catalog.folder(connection.system).defaults,
        )
    except ApplianceError:
        # The connector's folder was taken away; there is nothing to read with either.
        return []
    known = definition.entities
    return [one for one in entities if one in known and known[one].incremental != "compare"]


def _make_private(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as failure:
        raise ConfigurationError(
            f"The data directory {data_dir} cannot be made ({failure.strerror}). "
            "Make it for the user that runs the appliance, or set data_dir to another place."
        ) from None


def own_certificate_end(settings: Settings) -> int | None:
    """When the certificate that the appliance serves with ends, milliseconds; None behind a proxy or without one."""
    if settings.tls_mode == "proxy":
        return None
    path = settings.tls_certificate
    if settings.tls_mode == "self_signed":
        path = settings.data_dir / "tls" / "self-signed.crt"
    try:
        return None if path is None else certificate_end(path.read_text("utf-8", "replace"))
    except OSError:
        return None


def outbound_of(settings: Settings, clock: Clock, tally: Tally | None = None) -> Outbound:
    """The way out as the settings say: proxy, egress policy, trusted authorities. `tally` counts answers of sources."""
    proxy = None if settings.proxy_url is None else parse_proxy(settings.proxy_url)
    return Outbound(
        HttpOptions(
            read_timeout=settings.http_timeout_seconds,
            http_max_bytes=settings.http_max_bytes,
        ),
        egress=Egress(settings.egress_allow),
        proxies=ProxyRules(proxy, settings.no_proxy),
        trust=Trust(settings.ca_files),
        clock=clock,
        folders=settings.files_folders,
        tally=tally,
    )


def _entitlement_key(settings: Settings) -> bytes:
    path = settings.credits_entitlement_public_key_file
    if path is None:
        return bundled_public_key()
    try:
        return path.read_bytes()
    except OSError as failure:
        raise ConfigurationError(f"The entitlement key {path} cannot be read ({failure.strerror}).") from None
