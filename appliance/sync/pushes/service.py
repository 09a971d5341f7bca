"""Deliveries of sources: the secret address of a connection, and what comes to it.

A delivery only names records. They are noted before it is answered, each once while it waits, and read at the source
by the engine (`sync/push_reading.py`), so what is stored is as new as the source was after the event.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.clock import Clock, iso, new_secret
from appliance.connections.errors import ConnectionClosed, ConnectionNotFound
from appliance.connections.tables import Connection, ConnectionTable
from appliance.errors import InvalidInput
from appliance.runtime.catalog import UnknownSystem
from appliance.runtime.definition import Definition, HmacSigned, Push, SecretAddress, SharedToken
from appliance.runtime.push import Content, Delivery, PushReader
from appliance.store.database import Database
from appliance.sync.errors import PushAddressUnknown, PushIsOff, PushNotSupported, PushRefused
from appliance.sync.pushes.tables import AddressTable, EventTable
from appliance.sync.schedules.due_table import ScheduleTable
from appliance.vault.secrets import SecretStore

PREFIX = "whk"
KEY_PREFIX = "whsec"
SHOWN = 50
MOST_KEYS = 50
LONGEST_KEY = 500


@dataclass(frozen=True, slots=True)
class Opened:
    """`secret` is the last part of the address; `signing_key` is to be entered at the source. Both are here once."""

    secret: str
    signing_key: str | None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a delivery came in."""

    connection: Connection
    reader: PushReader


class Pushes:
    """`definition_of` gives the definition of a system; raises UnknownSystem."""

    def __init__(
        self,
        database: Database,
        secrets: SecretStore,
        definition_of: Callable[[str], Definition],
        clock: Clock,
    ) -> None:
        self.events = EventTable(database)
        self._addresses = AddressTable(database)
        self._connections = ConnectionTable(database)
        self._schedules = ScheduleTable(database)
        self._database = database
        self._secrets = secrets
        self._definition_of = definition_of
        self._clock = clock
        self._readers: dict[str, PushReader] = {}

    def show(self, connection_id: str) -> dict[str, Any]:
        """How the deliveries of a connection stand, as plain data without secrets. Raises ConnectionNotFound."""
        connection = self._connection(connection_id)
        reader = self.reader(connection.system)
        row = self._addresses.find(connection.id) or {}
        counts = self.events.counts(connection.id)
        return {
            "supported": reader is not None,
            "enabled": bool(row),
            "address_hint": row.get("hint"),
            "created_at": iso(row.get("created_at")),
            "verification": None if reader is None else _scheme(reader.push),
            "signing_keys": len(self._keys(connection)),
            "signing_keys_from": None if reader is None else _keys_from(reader.push),
            "note": "" if reader is None else reader.push.note,
            "entities": [] if reader is None else self._named_entities(connection, reader),
            "deliveries": row.get("deliveries", 0),
            "ignored_events": row.get("ignored", 0),
            "delivered_at": iso(row.get("delivered_at")),
            "refused_at": iso(row.get("refused_at")),
            "waiting": counts.get("waiting", 0) + counts.get("again", 0),
            "failed": counts.get("failed", 0),
            "recent": self.events.recent(connection.id, SHOWN),
        }

    def open_address(self, connection_id: str) -> Opened:
        """A new secret address; a former one is void at once. Where signing keys are made here, a new one of these.

        Raises ConnectionNotFound, ConnectionClosed, PushNotSupported.
        """
        connection = self._open_connection(connection_id)
        reader = self._supported(connection)
        secret = new_secret(PREFIX)
        key = new_secret(KEY_PREFIX) if _keys_from(reader.push) == "appliance" else None
        with self._database.write():
            self._addresses.put(
                connection.id, _digest(secret), f"{secret[:8]}…{secret[-4:]}", self._clock.now_ms()
            )
            if key is not None:
                self._secrets.replace(_owner(connection.id), {"0": key})
        return Opened(secret, key)

    def set_signing_keys(self, connection_id: str, keys: Sequence[str]) -> None:
        """Keys the source made, any of which a delivery may be signed with; none takes them away.

        Raises ConnectionNotFound, PushNotSupported where nothing is signed, PushIsOff, InvalidInput.
        """
        connection = self._open_connection(connection_id)
        if isinstance(self._supported(connection).push.verify, SecretAddress):
            raise PushNotSupported(
                "Deliveries of this system are not signed; its secret address is all there is."
            )
        if self._addresses.find(connection.id) is None:
            raise PushIsOff("Make an address first; the source makes its signing key for an address.")
        cleaned = [key.strip() for key in keys]
        if len(cleaned) > MOST_KEYS or not all(0 < len(key) <= LONGEST_KEY for key in cleaned):
            raise InvalidInput(
                f"Signing keys are at most {MOST_KEYS} texts of 1 to {LONGEST_KEY} characters.",
                details={"fields": {"signing_keys": f"at most {MOST_KEYS} texts"}},
            )
        kept = {str(number): key for number, key in enumerate(dict.fromkeys(cleaned))}
        if kept:
            self._secrets.replace(_owner(connection.id), kept)
        else:
            self._secrets.destroy(_owner(connection.id))

    def close(self, connection_id: str) -> bool:
        """Take no more deliveries; True when the connection did. What was named and is not read yet is forgotten."""
        with self._database.write():
            self._secrets.destroy(_owner(connection_id))
            self.events.drop_waiting(connection_id)
            return self._addresses.delete(connection_id)

    def find(self, secret: str) -> Address:
        """Whose address it is. Found by its hash, so that no secret is compared in our code.

        Raises PushAddressUnknown, also for connections that are disconnected.
        """
        connection_id = self._addresses.connection_of(_digest(secret))
        connection = None if connection_id is None else self._connections.find(connection_id)
        reader = None if connection is None else self.reader(connection.system)
        if connection is None or reader is None or not connection.is_open:
            raise PushAddressUnknown("There is no such address for deliveries.")
        return Address(connection, reader)

    def take(self, address: Address, delivery: Delivery) -> Content:
        """Note what a delivery names; what is not synchronized here is left out and counted as ignored.

        Raises PushRefused for one that is not genuine, InvalidInput for one that cannot be read.
        """
        connection, now = address.connection, self._clock.now_ms()
        if not address.reader.verify(delivery, self._keys(connection), now):
            self._addresses.note_refusal(connection.id, now)
            raise PushRefused("The delivery is not signed as agreed with this connection's source.")
        content = address.reader.read(delivery)
        synchronized = set(self._schedules.entities(connection.id))
        known = [one for one in content.named if one.entity in synchronized]
        ignored = content.ignored + len(content.named) - len(known)
        with self._database.write():
            # In the same transaction as the notes: an address that was closed meanwhile takes nothing more.
            if self._addresses.find(connection.id) is None:
                raise PushAddressUnknown("There is no such address for deliveries.")
            self.events.add(connection.id, known, now)
            self._addresses.count(connection.id, ignored, now)
        return Content(known, ignored)

    def erase(self, connection_id: str) -> int:
        """Forget everything of a disconnected connection."""
        self.close(connection_id)
        return self.events.erase(connection_id)

    def reader(self, system: str) -> PushReader | None:
        """The compiled reader of a system's deliveries, None where its connector declares none or is gone."""
        try:
            push = self._definition_of(system).push
        except UnknownSystem:
            return None
        if push is None:
            return None
        known = self._readers.get(system)
        if known is None or known.push is not push:
            known = self._readers[system] = PushReader(push, where=f"{system}.push")
        return known

    def _keys(self, connection: Connection) -> list[str]:
        own = list(self._secrets.get(_owner(connection.id)).values())
        reader = self.reader(connection.system)
        verify = None if reader is None else reader.push.verify
        if own or not isinstance(verify, HmacSigned) or not verify.key_field:
            return own
        value = self._secrets.get(connection.id).get(verify.key_field) or connection.fields.get(
            verify.key_field
        )
        return [str(value)] if value else []

    def _named_entities(self, connection: Connection, reader: PushReader) -> list[str]:
        """What deliveries may name of what is synchronized."""
        said = {event.entity for event in reader.push.events}
        return [one for one in self._schedules.entities(connection.id) if one in said or "" in said]

    def _supported(self, connection: Connection) -> PushReader:
        reader = self.reader(connection.system)
        if reader is None:
            raise PushNotSupported(f"The connector of {connection.system} takes no deliveries of its system.")
        return reader

    def _connection(self, connection_id: str) -> Connection:
        found = self._connections.find(connection_id)
        if found is None:
            raise ConnectionNotFound(f"There is no connection {connection_id[:60]!r}.")
        return found

    def _open_connection(self, connection_id: str) -> Connection:
        connection = self._connection(connection_id)
        if not connection.is_open:
            raise ConnectionClosed(f"The connection {connection.name!r} is disconnected.")
        return connection


def _owner(connection_id: str) -> str:
    """Of the signing keys: apart from the connection's credentials, which are replaced as a whole."""
    return f"push {connection_id}"


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _scheme(push: Push) -> str:
    match push.verify:
        case HmacSigned():
            return "hmac"
        case SharedToken():
            return "token"
    return "address"


def _keys_from(push: Push) -> str | None:
    """Who makes the signing key: appliance or source; None where there is none, or it may be left out."""
    match push.verify:
        case HmacSigned(optional=False, key_field="", keys_from=keys_from):
            return keys_from
        case HmacSigned():
            return "source"
        case SharedToken(keys_from=keys_from):
            return keys_from
    return None
