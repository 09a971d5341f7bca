"""Connect, reauthorize, disconnect: each whole or not at all.

A connect validates the form and probes the source first, without any lock; then, in one transaction, takes the
credits, seals the credentials, issues the token and schedules the first synchronization.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from appliance.clock import Clock, new_id
from appliance.connections.announce import Announce, unheard
from appliance.connections.condition.health import Health
from appliance.connections.credentials import FormCredentials, KeptCredentials
from appliance.connections.errors import ConnectionClosed, ConnectionNotFound, ProbeFailed
from appliance.connections.tables import (
    CONNECTED,
    Connection,
    ConnectionTable,
)
from appliance.connections.tokens import Tokens
from appliance.credits.ledger import Ledger
from appliance.credits.tariff import Hosting, price
from appliance.errors import Conflict, InvalidInput
from appliance.runtime.connector import Connectors
from appliance.runtime.definition import Definition
from appliance.runtime.form import FormValues, check_form
from appliance.runtime.probe import OpenReach, Report, probe
from appliance.store.database import Database
from appliance.store.records import Records
from appliance.vault.secrets import SecretStore

MAX_NAME = 120
MAX_EMAIL = 254
# As much as the setting sync.historical_days, which is the default, may say.
MAX_DAYS = 36_500
MAX_PAIRS = 100
MAX_PAIR_TEXT = 1000


class Scheduling(Protocol):
    """What connecting asks of the scheduler (see sync.planner)."""

    def begin(self, connection_id: str, entities: Sequence[str]) -> None:
        """Schedule the entities and queue the first full run."""
        ...

    def resume(self, connection_id: str) -> None:
        """Make everything due now."""
        ...

    def end(self, connection_id: str) -> None:
        """Unschedule, and stop what is queued or running."""
        ...


@dataclass(frozen=True, slots=True)
class Connected:
    """`token` is in here once and nowhere else."""

    connection: Connection
    token: str
    report: Report


class Connections:
    def __init__(
        self,
        database: Database,
        secrets_store: SecretStore,
        ledger: Ledger,
        connectors: Connectors,
        records: Records,
        scheduling: Scheduling,
        health: Health,
        open_reach: OpenReach,
        clock: Clock,
        *,
        historical_days: int,
        require_term: Callable[[], None],
        erase_beside: Sequence[Callable[[str], int]] = (),
        announce: Announce = unheard,
        end_beside: Sequence[Callable[[str], object]] = (),
    ) -> None:
        self._require_term = require_term
        self._erase_beside = erase_beside
        self._end_beside = end_beside
        self.table = ConnectionTable(database, announce)
        self.tokens = Tokens(database, clock)
        self._database = database
        self._secrets = secrets_store
        self._ledger = ledger
        self._connectors = connectors
        self._records = records
        self._scheduling = scheduling
        self._health = health
        self._open_reach = open_reach
        self._clock = clock
        self._historical_days = historical_days

    def get(self, connection_id: str) -> Connection:
        """Raises ConnectionNotFound."""
        found = self.table.find(connection_id)
        if found is None:
            raise ConnectionNotFound(f"There is no connection {connection_id[:60]!r}.")
        return found

    def get_open(self, connection_id: str) -> Connection:
        """One that is not disconnected. Raises ConnectionNotFound, ConnectionClosed."""
        connection = self.get(connection_id)
        if not connection.is_open:
            raise ConnectionClosed(
                f"The connection {connection.name!r} is disconnected. Connect the system again as a new connection."
            )
        return connection

    def named(self, name_or_id: str) -> Connection:
        """By id, or by name where it is the only open one. Raises ConnectionNotFound, InvalidInput."""
        found = self.table.find(name_or_id)
        if found is not None:
            return found
        named = self.table.named(name_or_id)
        if not named:
            raise ConnectionNotFound(
                f"There is no connection {name_or_id[:60]!r}. See `appliance connection list`."
            )
        if len(named) > 1:
            raise InvalidInput(
                f"{len(named)} connections are called {name_or_id!r}. Use the id: {', '.join(c.id for c in named)}."
            )
        return named[0]

    def quote(self, system: str, hosting: str | None) -> tuple[Hosting, int]:
        """Where the system counts as installed, and the credits it costs. Raises UnknownSystem, InvalidInput."""
        definition = self._connectors.catalog.folder(system).definition
        where = _hosting(definition, hosting)
        return where, price(definition.tier, where, free=definition.free)

    def connect(
        self,
        *,
        system: str,
        name: str,
        fields: Mapping[str, Any],
        hosting: str | None = None,
        email: str | None = None,
        historical_days: int | None = None,
        application_id: str | None = None,
    ) -> Connected:
        """Make a connection. `application_id` is the application that asks for it, None for others.

        Raises InvalidInput for the form, EntitlementEnded and InsufficientCredits before anything is asked of the
        source, ProbeFailed with the stages when the source cannot be used. Nothing is left behind then and no credit
        is taken.
        """
        definition = self._connectors.catalog.folder(system).definition
        where, amount = self.quote(system, hosting)
        checked_name = _name(name)
        checked_email = _email(email)
        days = _days(self._historical_days if historical_days is None else historical_days)
        values = check_form(definition, fields)
        self._require_term()
        self._ledger.require(amount)
        part = self._new_part()
        now = self._clock.now_ms()
        report, host = self._probe(system, values, FormCredentials(values.secret), part, now)
        connection = Connection(
            id=new_id("con"),
            part=part,
            name=checked_name,
            email=checked_email,
            system=system,
            hosting=where,
            tier=definition.tier,
            credits=amount,
            status=CONNECTED,
            status_reason=None,
            status_at=now,
            fields=values.public,
            historical_days=days,
            metadata=[],
            tags=[],
            created_at=now,
            updated_at=now,
            connected_at=now,
            disconnected_at=None,
            application_id=application_id,
            host=host,
        )
        with self._database.write():
            self.table.insert(connection)
            self._ledger.take(connection.id, amount, f"{definition.name}, {where.replace('_', ' ')}")
            self._secrets.put(connection.id, values.secret)
            token = self.tokens.issue(connection.id)
            self._scheduling.begin(connection.id, report.readable)
            self._health.connected(connection, report)
        return Connected(connection, token, report)

    def test(self, connection_id: str) -> Report:
        """Probe a connection with its kept credentials; its health takes note. Raises ConnectionClosed."""
        connection = self.get_open(connection_id)
        values = {**connection.fields, **self._secrets.get(connection.id)}
        connector = self._connectors.open(
            connection.system,
            values,
            part=connection.part,
            created_at=connection.created_at,
            credentials=KeptCredentials(self._database, self._secrets, connection.id),
        )
        try:
            report = probe(connector, self._open_reach, self._clock)
        finally:
            connector.close()
        self._health.probed(connection, report)
        return report

    def reauthorize(self, connection_id: str, fields: Mapping[str, Any]) -> Connected:
        """New credentials for the same connection: history and watermarks stay, a new token replaces the old.

        Fields that are not given keep their values. Raises as `connect` does, and changes nothing then.
        """
        connection = self.get_open(connection_id)
        definition = self._connectors.catalog.folder(connection.system).definition
        kept = {**connection.fields, **self._secrets.get(connection.id)}
        values = check_form(definition, {**{k: v for k, v in kept.items() if v is not None}, **fields})
        credentials = FormCredentials(
            values.secret, fields, KeptCredentials(self._database, self._secrets, connection.id)
        )
        report, host = self._probe(
            connection.system, values, credentials, connection.part, connection.created_at
        )
        with self._database.write():
            now = self._clock.now_ms()
            self.get_open(connection_id)
            self._secrets.replace(connection.id, values.secret)
            self.table.set_fields(connection.id, values.public, host, now)
            self._health.connected(connection, report)
            self.tokens.revoke_all(connection.id, "replaced by reauthorization")
            token = self.tokens.issue(connection.id)
            self._scheduling.resume(connection.id)
        return Connected(self.get(connection.id), token, report)

    def disconnect(self, connection_id: str) -> int:
        """End a connection: token dead, syncs stopped, credits back, credentials erased, history kept.

        Safe to repeat; the credits returned by this call.
        """
        self._database.make_room()
        with self._database.write():
            connection = self.get(connection_id)
            if not self.table.close(connection.id, self._clock.now_ms()):
                return 0
            self.tokens.revoke_all(connection.id, "disconnected")
            self._scheduling.end(connection.id)
            self._health.ended(connection.id)
            self._secrets.destroy(connection.id)
            for end in self._end_beside:
                end(connection.id)
            return self._ledger.give_back(connection.id)

    def set_metadata(self, connection_id: str, pairs: Any) -> Connection:
        """Keep these pairs of key and value in place of the former ones. Raises InvalidInput."""
        connection = self.get(connection_id)
        self.table.set_metadata(connection.id, _pairs(pairs), self._clock.now_ms())
        return self.get(connection.id)

    def purge(self, connection_id: str) -> int:
        """Delete all that was synchronized, written and asked over a disconnected connection; how many records.

        Its place in the ledger stays. Raises Conflict while it is connected.
        """
        connection = self.get(connection_id)
        if connection.is_open:
            raise Conflict(
                f"The connection {connection.name!r} is in use. Disconnect it before purging its history."
            )
        self._database.make_room()
        for erase in self._erase_beside:
            erase(connection.id)
        return self._records.erase(connection.id)

    def _probe(
        self, system: str, values: FormValues, credentials: FormCredentials, part: str, created_at: int
    ) -> tuple[Report, str | None]:
        """The report of a passed probe and the host that was asked. Raises ProbeFailed."""
        connector = self._connectors.open(
            system,
            values.all,
            part=part,
            created_at=created_at,
            credentials=credentials,
        )
        try:
            report, host = probe(connector, self._open_reach, self._clock), connector.source.host
        finally:
            connector.close()
        if report.failure is not None:
            # Where nothing but warnings came, the last one is why.
            stopped = [s for s in report.stages if s.state == "failed"] or [
                s for s in reversed(report.stages) if s.code == report.failure.code
            ]
            failed = stopped[0]
            raise ProbeFailed(
                f"The connection test stopped at “{failed.name}”: {report.failure.message}",
                details={"stage": failed.name, "cause": report.failure.code, "stages": report.as_dicts()},
            ) from report.failure
        return report, host

    def _new_part(self) -> str:
        while True:
            part = secrets.token_hex(3)
            if not self.table.part_is_taken(part):
                return part


def _hosting(definition: Definition, given: str | None) -> Literal["cloud", "on_premises"]:
    allowed: tuple[Literal["cloud", "on_premises"], ...] = (
        ("cloud", "on_premises") if definition.hosting == "either" else (definition.hosting,)
    )
    if given in (None, ""):
        if len(allowed) > 1:
            raise InvalidInput(
                f"Say where {definition.name} is installed: hosting is cloud or on_premises.",
                details={"fields": {"hosting": "cloud or on_premises"}},
            )
        return allowed[0]
    for known in allowed:
        if given == known:
            return known
    raise InvalidInput(
        f"{definition.name} is installed {' or '.join(allowed)}, not {str(given)[:40]!r}.",
        details={"fields": {"hosting": " or ".join(allowed)}},
    )


def _name(name: str) -> str:
    stripped = name.strip() if isinstance(name, str) else ""
    if not stripped or len(stripped) > MAX_NAME or not stripped.isprintable():
        raise InvalidInput(
            f"A connection's name has 1 to {MAX_NAME} printable characters.",
            details={"fields": {"name": "required"}},
        )
    return stripped


def _email(email: str | None) -> str | None:
    if email is None or not email.strip():
        return None
    stripped = email.strip()
    if (
        len(stripped) > MAX_EMAIL
        or not stripped.isprintable()
        or not re.fullmatch(r"[^@\s]+@[^@\s]+", stripped)
    ):
        raise InvalidInput(
            "The email is an address such as name@plant.example, or left out.",
            details={"fields": {"email": "an address such as name@plant.example"}},
        )
    return stripped


def _pairs(pairs: Any) -> list[dict[str, str]]:
    rule = (
        f"a list of up to {MAX_PAIRS} objects with key and value, texts of up to {MAX_PAIR_TEXT} characters"
    )
    if not isinstance(pairs, list) or len(pairs) > MAX_PAIRS:
        raise InvalidInput(f"The metadata is {rule}.", details={"fields": {"": rule}})
    for number, pair in enumerate(pairs):
        if (
            not isinstance(pair, dict)
            or set(pair) != {"key", "value"}
            or not all(isinstance(text, str) and len(text) <= MAX_PAIR_TEXT for text in pair.values())
            or not pair["key"]
        ):
            raise InvalidInput(f"The metadata is {rule}.", details={"fields": {str(number): rule}})
    if len({pair["key"] for pair in pairs}) != len(pairs):
        raise InvalidInput("The metadata names a key twice.", details={"fields": {"key": "once each"}})
    return pairs


def _days(days: int) -> int:
    # bool is an int to Python, not to JSON.
    if type(days) is not int or not 1 <= days <= MAX_DAYS:
        raise InvalidInput(
            f"The historical period is 1 to {MAX_DAYS} days.",
            details={"fields": {"historical_days": f"1 to {MAX_DAYS}"}},
        )
    return days
