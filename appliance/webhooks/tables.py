"""What is stored of endpoints. Plain SQL: every statement stands where it can be read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from appliance.clock import iso
from appliance.store.database import Database, Row

FAILURES_TO_REST = 5
"""After so many failures in a row, over all connections, an endpoint is tried by one delivery at a time."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Times are milliseconds since 1970. `choices` are names and patterns of events.

    `disabled_reason` is why the appliance turned it off, None where somebody did.
    """

    id: str
    name: str
    url: str
    connection_id: str | None
    application_id: str | None
    choices: list[str]
    enabled: bool
    disabled_reason: str | None
    disable_on_gone: bool
    secret_hint: str
    former_secret_until: int
    failures: int
    rests_until: int
    created_at: int
    updated_at: int

    def state(self, now: int) -> str:
        """`disabled`, `resting` while it fails too often to be tried at once, or `active`."""
        if not self.enabled:
            return "disabled"
        return "resting" if self.failures >= FAILURES_TO_REST and self.rests_until > now else "active"

    def as_dict(self, now: int) -> dict[str, Any]:
        """For API, page and command line; the secret is not in here."""
        rotating = self.former_secret_until > now
        return {
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "connection_id": self.connection_id,
            "application_id": self.application_id,
            "events": self.choices,
            "state": self.state(now),
            "enabled": self.enabled,
            "disabled_reason": self.disabled_reason,
            "disable_on_gone": self.disable_on_gone,
            "secret_hint": self.secret_hint,
            "former_secret_until": iso(self.former_secret_until) if rotating else None,
            "failures_in_a_row": self.failures,
            "rests_until": iso(self.rests_until) if self.state(now) == "resting" else None,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        }


class Listener(NamedTuple):
    """An endpoint that hears of a connection; `of_application` is the one that made the connection, if any."""

    endpoint_id: str
    choices: list[str]
    of_application: str | None


class EndpointTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, endpoint: Endpoint) -> None:
        self._database.insert(
            "webhook_endpoint",
            id=endpoint.id,
            name=endpoint.name,
            url=endpoint.url,
            connection_id=endpoint.connection_id,
            application_id=endpoint.application_id,
            events=json.dumps(endpoint.choices),
            enabled=endpoint.enabled,
            disabled_reason=endpoint.disabled_reason,
            disable_on_gone=endpoint.disable_on_gone,
            secret_hint=endpoint.secret_hint,
            created_at=endpoint.created_at,
            updated_at=endpoint.updated_at,
        )

    def find(self, endpoint_id: str) -> Endpoint | None:
        row = self._database.row("SELECT * FROM webhook_endpoint WHERE id = ?", (endpoint_id,))
        return None if row is None else _endpoint(row)

    def all(self) -> list[Endpoint]:
        """Oldest first."""
        rows = self._database.rows("SELECT * FROM webhook_endpoint ORDER BY created_at, id")
        return [_endpoint(row) for row in rows]

    def of_connection(self, connection_id: str) -> list[Endpoint]:
        """Its own ones, oldest first."""
        rows = self._database.rows(
            "SELECT * FROM webhook_endpoint WHERE connection_id = ? ORDER BY created_at, id", (connection_id,)
        )
        return [_endpoint(row) for row in rows]

    def count(self, connection_id: str | None, application_id: str | None) -> int:
        """How many endpoints an owner has."""
        number: int = self._database.value(
            "SELECT count(*) FROM webhook_endpoint WHERE connection_id IS ? AND application_id IS ?",
            (connection_id, application_id),
        )
        return number

    def listening(self, connection_id: str | None) -> list[Listener]:
        """The endpoints that hear of a connection; without one, those of the account. One query of a few rows."""
        return [
            Listener(endpoint_id, json.loads(events), application_id)
            for endpoint_id, events, application_id in self._database.tuples(
                "SELECT e.id, e.events, c.application_id FROM webhook_endpoint e"
                " LEFT JOIN connection c ON c.id = ?1"
                " LEFT JOIN application a ON a.id = e.application_id"
                " WHERE e.enabled AND (e.connection_id IS NULL OR e.connection_id = ?1)"
                " AND (e.application_id IS NULL"
                " OR (e.application_id = c.application_id AND a.revoked_at IS NULL))",
                (connection_id,),
            )
        ]

    def change(self, endpoint: Endpoint) -> None:
        """Keep name, address, choice and switch as they are here; failures so far are forgotten."""
        self._database.run(
            "UPDATE webhook_endpoint SET name = ?, url = ?, events = ?, enabled = ?, disabled_reason = ?,"
            " disable_on_gone = ?, failures = 0, rests_until = 0, updated_at = ? WHERE id = ?",
            (
                endpoint.name,
                endpoint.url,
                json.dumps(endpoint.choices),
                endpoint.enabled,
                endpoint.disabled_reason,
                endpoint.disable_on_gone,
                endpoint.updated_at,
                endpoint.id,
            ),
        )

    def set_secret(self, endpoint_id: str, hint: str, former_until: int, now: int) -> None:
        self._database.run(
            "UPDATE webhook_endpoint SET secret_hint = ?, former_secret_until = ?, updated_at = ? WHERE id = ?",
            (hint, former_until, now, endpoint_id),
        )

    def disable(self, endpoint_id: str, reason: str, now: int) -> None:
        self._database.run(
            "UPDATE webhook_endpoint SET enabled = 0, disabled_reason = ?, updated_at = ? WHERE id = ?",
            (reason, now, endpoint_id),
        )

    def failed(self, endpoint_id: str) -> int:
        """Count a failure; how many there are in a row now."""
        number: int = self._database.value(
            "UPDATE webhook_endpoint SET failures = failures + 1 WHERE id = ? RETURNING failures",
            (endpoint_id,),
        )
        return number

    def rest(self, endpoint_id: str, until: int) -> None:
        self._database.run("UPDATE webhook_endpoint SET rests_until = ? WHERE id = ?", (until, endpoint_id))

    def answered(self, endpoint_id: str) -> bool:
        """Forget failures; True when there had been so many that the endpoint rested. A write only if any were."""
        found = self._database.value("SELECT failures FROM webhook_endpoint WHERE id = ?", (endpoint_id,))
        if not found:
            return False
        self._database.run(
            "UPDATE webhook_endpoint SET failures = 0, rests_until = 0 WHERE id = ?", (endpoint_id,)
        )
        return bool(found >= FAILURES_TO_REST)

    def delete(self, endpoint_ids: Sequence[str]) -> None:
        """With all their deliveries."""
        self._database.run_many(
            "DELETE FROM webhook_endpoint WHERE id = ?", [(endpoint_id,) for endpoint_id in endpoint_ids]
        )


def _endpoint(row: Row) -> Endpoint:
    choices = json.loads(row.pop("events"))
    for name in ("enabled", "disable_on_gone"):
        row[name] = bool(row[name])
    return Endpoint(**row, choices=choices)
