"""The composition root: builds settings → store → vault → transport → runtime → domain, and hands each what it needs.

Web process, engine process and commands all start here; they meet in the database and nowhere else.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

from appliance.audit.request_log import RequestLog
from appliance.clock import Clock, SystemClock
from appliance.connections.credentials import KeptCredentials
from appliance.connections.health import Health
from appliance.connections.lifecycle import Connections
from appliance.connections.link import Links
from appliance.connections.tables import Connection
from appliance.credits.entitlement import Entitlements, bundled_public_key
from appliance.credits.ledger import Ledger
from appliance.errors import ConfigurationError
from appliance.mappings.custom_tables import CustomTables
from appliance.mappings.service import Mappings
from appliance.mappings.tables import MappingTable
from appliance.model.entity import Model, load_model
from appliance.model.relations import links
from appliance.passthrough.service import Passthrough
from appliance.passthrough.tables import PassthroughTable
from appliance.runtime.catalog import Catalog
from appliance.runtime.connector import Connector, Connectors
from appliance.runtime.definition.overlay import Overlay
from appliance.settings import Settings
from appliance.store.database import Database
from appliance.store.feed import Feed
from appliance.store.lists import Lists
from appliance.store.records import Records
from appliance.sync.engine import Engine
from appliance.sync.history import History
from appliance.sync.passes.hold_table import HoldTable
from appliance.sync.planner import Planner
from appliance.sync.removals import Removals
from appliance.sync.runner import Runner, Terms
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
    lists: Lists
    feed: Feed
    ledger: Ledger
    entitlements: Entitlements
    planner: Planner
    health: Health
    connections: Connections
    accounts: Accounts
    sessions: Sessions
    bootstrap: Bootstrap
    api_keys: ApiKeys
    applications: Applications
    links: Links
    request_log: RequestLog

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
            self.clock,
        )

    @property
    def mappings(self) -> Mappings:
        """Mappings as connections have changed them."""
        return Mappings(self.database, self.records, self.model, self.catalog, self.connections, self.clock)

    @property
    def removals(self) -> Removals:
        """Deletions that were held back, and those of runs."""
        return Removals(self.database, self.records, self.planner, self.clock)

    @property
    def history(self) -> History:
        """How far back connections read."""
        return History(self.database, self.planner, self.model, self.catalog, self.clock)

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
        database = Database(data_dir / DATABASE_NAME, keyring.database_key)
        secrets = SecretStore(database, keyring)
        model = load_model()
        outbound = outbound_of(settings, clock)
        catalog = Catalog(model, resources.files("appliance.connectors"), settings.connectors_dir)
        connectors = Connectors(
            model,
            catalog,
            outbound.client,
            clock,
            open_database=outbound.database,
            open_folder=outbound.folder,
        )
        records = Records(database, links(model))
        ledger = Ledger(database, clock)
        entitlements = Entitlements(
            database,
            ledger,
            clock,
            public_key_pem=_entitlement_key(settings),
            evaluation_credits=settings.credits_evaluation,
        )
        entitlements.open_pool()
        planner = Planner(database, records, clock, interval_seconds=settings.sync_interval_seconds)
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
        connections = Connections(
            database,
            secrets,
            ledger,
            connectors,
            records,
            planner,
            outbound.reach,
            clock,
            historical_days=settings.sync_historical_days,
            erase_beside=(
                WriteTable(database).erase,
                MappingTable(database).erase,
                PassthroughTable(database).erase,
                HoldTable(database).erase,
                request_log.erase,
            ),
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
            lists=Lists(database, records, clock),
            feed=Feed(database),
            ledger=ledger,
            entitlements=entitlements,
            planner=planner,
            health=Health(database, outbound.reach, clock),
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
        )

    @property
    def custom_tables(self) -> CustomTables:
        """Tables of sources beside their entities."""
        return CustomTables(
            self.database, self.records, self.connections, self.planner, self.open_connector, self.clock
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

    def engine(self) -> Engine:
        """The engine of this data directory; the caller holds its EngineLock."""
        owner = f"engine-{os.getpid()}"
        return Engine(
            self.database,
            self.planner,
            lambda stopping: Runner(
                self.database,
                self.records,
                self.model,
                self.health,
                self.open_connector,
                self.clock,
                owner=owner,
                terms=Terms(
                    overlap_ms=self.settings.sync_overlap_seconds * 1000,
                    clock_skew_ms=self.settings.sync_clock_skew_seconds * 1000,
                    lease_ms=self.settings.sync_lease_seconds * 1000,
                    stall_seconds=self.settings.sync_stall_seconds,
                    deletion_guard_percent=self.settings.sync_deletion_guard_percent,
                ),
                stopping=stopping,
            ),
            self.clock,
            owner=owner,
            workers=self.settings.workers,
            lease_seconds=self.settings.sync_lease_seconds,
            beside=(self.writes.work_off, self.mappings.work_off),
        )

    def signing_key(self, purpose: str) -> bytes:
        """A key for signatures that only have to hold on this appliance, such as those of page cursors."""
        return hmac.digest(self.keyring.database_key, purpose.encode(), hashlib.sha256)

    def close(self) -> None:
        self.database.close()


def _make_private(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as failure:
        raise ConfigurationError(
            f"The data directory {data_dir} cannot be made ({failure.strerror}). "
            "Make it for the user that runs the appliance, or set data_dir to another place."
        ) from None


def outbound_of(settings: Settings, clock: Clock) -> Outbound:
    """The way out as the settings say: proxy, egress policy, trusted authorities."""
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
    )


def _entitlement_key(settings: Settings) -> bytes:
    path = settings.credits_entitlement_public_key_file
    if path is None:
        return bundled_public_key()
    try:
        return path.read_bytes()
    except OSError as failure:
        raise ConfigurationError(f"The entitlement key {path} cannot be read ({failure.strerror}).") from None
