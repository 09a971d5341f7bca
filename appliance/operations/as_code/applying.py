"""Makes the appliance what a document says, object by object: a connection or webhook is changed whole or not at all.

connection   rehearse the change and take it back ──► new credentials are tested ──► the change
webhook      the change
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from appliance.clock import Clock
from appliance.connections.tables import Connection
from appliance.errors import ApplianceError, Conflict
from appliance.operations.as_code.document import (
    SecretMissing,
    Setup,
    WantedConnection,
    WantedWebhook,
    WebhookKey,
)
from appliance.operations.as_code.exporting import Exporting
from appliance.passthrough.rules import Rules
from appliance.store.database import Database
from appliance.sync.schedules.rule import read_rule
from appliance.webhooks.endpoints import MEMBERS, Owner

AUTHOR = "configuration file"
_SECTIONS = ("email", "historical_days", "metadata", "schedule", "mappings", "tables", "passthrough")


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that would change; `path` such as `schedule.rule`. Secrets are told by their names only."""

    path: str
    before: Any
    after: Any


@dataclass(slots=True)
class Outcome:
    """Of one object: `same`, `created`, `changed`, `failed`, or `extra` for what no document names, which stays.

    `token` is that of a new connection or of new credentials, and `secret` that of a new webhook: told once.
    """

    kind: str
    name: str
    state: str
    differences: list[Difference] = field(default_factory=list)
    error: ApplianceError | None = None
    token: str | None = None
    secret: str | None = None


class _Rehearsed(Exception):
    """Takes a rehearsed change back."""


class Applying:
    """`environ` is where secrets of the kind `env` come from."""

    def __init__(
        self, database: Database, exporting: Exporting, clock: Clock, environ: Mapping[str, str]
    ) -> None:
        self._database = database
        self._has = exporting
        self._clock = clock
        self._environ = environ

    def differences(self, setup: Setup) -> list[Outcome]:
        """What `apply` would do, asking nobody and changing nothing."""
        named = self._has.named()
        owners = self._has.owners(named)
        endpoints = self._has.endpoints(owners)
        found = []
        for one in setup.connections:
            held = named.get(one.name)
            found.append(
                _outcome(
                    "connection", one.name, None if held is None else partial(self._differing, held, one)
                )
            )
        for hook in setup.webhooks:
            endpoint = endpoints.get(hook.key)
            before = None if endpoint is None else self._has.webhook(endpoint, owners)
            found.append(
                _outcome(
                    "webhook",
                    hook.name,
                    None if before is None else partial(self._hook_differing, before, hook),
                )
            )
        wanted = {one.name for one in setup.connections}
        found += [Outcome("connection", name, "extra") for name in sorted(named) if name not in wanted]
        hooks = {one.key for one in setup.webhooks}
        return found + [Outcome("webhook", key.name, "extra") for key in endpoints if key not in hooks]

    def apply(self, setup: Setup, *, dry_run: bool = False) -> Iterator[Outcome]:
        """Do it, one object after the other, the failure of one is no failure of others. What is the same is not
        touched. With `dry_run` changes are rehearsed and taken back; new connections and credentials are not tested.
        """
        connections = {one.name: one for one in setup.connections}
        webhooks = {one.key: one for one in setup.webhooks}
        for outcome, hook_key in self._planned(setup):
            if outcome.state in ("created", "changed"):
                try:
                    if hook_key is None:
                        self._connection(connections[outcome.name], outcome, dry_run)
                    else:
                        with self._taken_back(dry_run):
                            self._put_webhook(webhooks[hook_key], outcome)
                except ApplianceError as failure:
                    outcome.state, outcome.error = "failed", failure
            yield outcome

    def _planned(self, setup: Setup) -> Iterator[tuple[Outcome, WebhookKey | None]]:
        keys = iter([one.key for one in setup.webhooks])
        for outcome in self.differences(setup):
            of_a_webhook = outcome.kind == "webhook" and outcome.state != "extra"
            yield outcome, next(keys) if of_a_webhook else None

    def _connection(self, wanted: WantedConnection, outcome: Outcome, dry_run: bool) -> None:
        held = self._has.named().get(wanted.name)
        if held is None:
            self._create(wanted, outcome, dry_run)
            return
        if wanted.system != held.system or wanted.hosting not in (None, held.hosting):
            raise Conflict(
                f"{wanted.name} is {held.system}, {held.hosting}; that cannot be changed. Disconnect it first."
            )
        paths = {difference.path.partition(".")[0] for difference in outcome.differences}
        if "tables" in paths:
            known = self._has.tables_of(held.id)
            for name, table in (wanted.tables or {}).items():
                if known.get(name) != table and not dry_run:
                    self._has.tables.sample(held.id, name, table)
        # Whatever is wrong with it shows before the credentials are changed.
        with self._taken_back(True):
            self._set(held, wanted, paths)
        if dry_run:
            return
        if paths & {"fields", "secrets"}:
            made = self._has.connections.reauthorize(held.id, {**wanted.fields, **self._secrets(wanted)})
            outcome.token = made.token
        with self._database.write():
            self._set(held, wanted, paths)

    def _create(self, wanted: WantedConnection, outcome: Outcome, dry_run: bool) -> None:
        """Connect, then set the rest; what cannot be set ends the connection again."""
        secrets = self._secrets(wanted)
        missing = sorted(set(wanted.secrets) - set(secrets))
        if missing:
            places = ", ".join(f"{name} from {wanted.secrets[name].place}" for name in missing)
            raise SecretMissing(f"{wanted.name} cannot be connected without {places}.")
        if dry_run:
            self._has.connections.quote(wanted.system, wanted.hosting)
            return
        made = self._has.connections.connect(
            system=wanted.system,
            name=wanted.name,
            fields={**wanted.fields, **secrets},
            hosting=wanted.hosting,
            email=wanted.email,
            historical_days=wanted.historical_days,
        )
        connection = made.connection
        try:
            for name, table in (wanted.tables or {}).items():
                self._has.tables.sample(connection.id, name, table)
            with self._database.write():
                self._set(connection, wanted, set(_SECTIONS))
        except ApplianceError:
            self._has.connections.disconnect(connection.id)
            self._has.connections.purge(connection.id)
            raise
        outcome.token = made.token

    def _set(self, connection: Connection, wanted: WantedConnection, paths: set[str]) -> None:
        """Everything but credentials, inside of a transaction of the caller."""
        has, now = self._has, self._clock.now_ms()
        if "email" in paths and wanted.email is not None:
            has.connections.table.set_email(connection.id, wanted.email, now)
        if "historical_days" in paths and wanted.historical_days is not None:
            has.connections.table.set_historical_days(connection.id, wanted.historical_days, now)
        if "metadata" in paths and wanted.metadata is not None:
            has.connections.set_metadata(connection.id, wanted.metadata)
        if "tables" in paths and wanted.tables is not None:
            known = has.tables_of(connection.id)
            for name, table in wanted.tables.items():
                if known.get(name) != table:
                    has.tables.keep(connection.id, name, table, author=AUTHOR)
            for name in set(known) - set(wanted.tables):
                has.tables.remove(connection.id, name, author=AUTHOR)
        if "schedule" in paths and wanted.schedule is not None:
            has.schedules.change(connection.id, wanted.schedule.rule, wanted.schedule.entities, by=AUTHOR)
        if "mappings" in paths and wanted.mappings is not None:
            known, changes = has.mappings_of(connection.id), _told_mappings(wanted.mappings)
            for entity in sorted({*known, *changes}):
                change = changes.get(entity, {})
                if known.get(entity, {}) != change:
                    has.mappings.change(connection.id, entity, change, note=AUTHOR, author=AUTHOR)
        if "passthrough" in paths and wanted.passthrough is not None:
            has.passthrough.open_for(connection.id, wanted.passthrough, by=AUTHOR)

    def _put_webhook(self, wanted: WantedWebhook, outcome: Outcome) -> None:
        named = self._has.named()
        endpoint = self._has.endpoints(self._has.owners(named)).get(wanted.key)
        given = {name: value for name, value in self._webhook(wanted).items() if name in MEMBERS}
        if wanted.name == wanted.url:
            given["name"] = ""
        if endpoint is not None:
            self._has.webhooks.change(endpoint.id, given, may_be_here=True)
            return
        made = self._has.webhooks.create(given, self._owner(wanted, named), may_be_here=True)
        outcome.secret = made.secret

    def _owner(self, wanted: WantedWebhook, named: Mapping[str, Connection]) -> Owner:
        """Raises Conflict where the connection or application is not there, or there are two."""
        if wanted.connection is not None:
            if wanted.connection not in named:
                raise Conflict(
                    f"The webhook {wanted.name} is for {wanted.connection!r}, and there is no such connection."
                )
            return Owner(named[wanted.connection].id)
        if wanted.application is None:
            return Owner()
        called = [one for one, name in self._has.owners({}).items() if name == wanted.application]
        if not called:
            raise Conflict(
                f"The webhook {wanted.name} is for {wanted.application!r}, and there is no such application. "
                "Make it on the page Applications, then apply the file again."
            )
        if len(called) > 1:
            raise Conflict(
                f"Two applications are called {wanted.application!r}, so that it is not clear which of them the "
                f"webhook {wanted.name} is for. Revoke one of them."
            )
        return Owner(application_id=called[0])

    def _differing(self, connection: Connection, wanted: WantedConnection) -> list[Difference]:
        before = self._has.connection(connection)
        after = {
            "system": wanted.system,
            "hosting": wanted.hosting,
            "email": wanted.email,
            "historical_days": wanted.historical_days,
            "metadata": wanted.metadata,
            "mappings": None if wanted.mappings is None else _told_mappings(wanted.mappings),
            "tables": wanted.tables,
            "passthrough": wanted.passthrough
            if wanted.passthrough is None
            else list(Rules.of(wanted.passthrough).texts),
        }
        found = _changed(before, {name: value for name, value in after.items() if value is not None})
        found += _changed(before["fields"], wanted.fields, "fields.")
        if wanted.schedule is not None:
            schedule = {
                "rule": read_rule(wanted.schedule.rule).as_dict(),
                # An empty rule is that of the connection, and is not kept.
                "entities": {
                    entity: read.as_dict()
                    for entity, rule in sorted(wanted.schedule.entities.items())
                    if (read := read_rule(rule)).as_dict()
                },
            }
            found += _changed(before["schedule"], schedule, "schedule.")
        held = self._has.secrets.get(connection.id)
        return found + [
            Difference(f"secrets.{name}", "kept", "another")
            for name, value in self._secrets(wanted).items()
            if held.get(name) != value
        ]

    def _hook_differing(self, before: Mapping[str, Any], wanted: WantedWebhook) -> list[Difference]:
        return _changed(before, self._webhook(wanted))

    def _secrets(self, wanted: WantedConnection) -> dict[str, str]:
        """Those that can be read; one that is not there leaves the kept one as it is."""
        read = {name: place.read(self._environ) for name, place in wanted.secrets.items()}
        return {name: value for name, value in read.items() if value is not None}

    def _webhook(self, wanted: WantedWebhook) -> dict[str, Any]:
        return {
            "name": wanted.name,
            "connection": wanted.connection,
            "application": wanted.application,
            "url": wanted.url,
            "events": self._has.webhooks.events.check_choice(wanted.events),
            "enabled": wanted.enabled,
            "disable_on_gone": wanted.disable_on_gone,
        }

    @contextmanager
    def _taken_back(self, always: bool) -> Iterator[None]:
        """A transaction that changes nothing after all, or one that does."""
        try:
            with self._database.write():
                yield
                if always:
                    raise _Rehearsed
        except _Rehearsed:
            return


def _told_mappings(mappings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without what changes nothing, as an export has them."""
    parts = {entity: {name: part for name, part in one.items() if part} for entity, one in mappings.items()}
    return {entity: one for entity, one in sorted(parts.items()) if one}


def _outcome(kind: str, name: str, differing: Callable[[], list[Difference]] | None) -> Outcome:
    """`differing` is None for what is not there yet; what it raises is of this object alone."""
    if differing is None:
        return Outcome(kind, name, "created")
    try:
        differences = differing()
    except ApplianceError as failure:
        return Outcome(kind, name, "failed", error=failure)
    return Outcome(kind, name, "changed" if differences else "same", differences)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], where: str = "") -> list[Difference]:
    """Members that are given and differ."""
    return [
        Difference(f"{where}{name}", before.get(name), value)
        for name, value in after.items()
        if before.get(name) != value
    ]
