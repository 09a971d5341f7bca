"""Where a running connector keeps secret fields that its source changes, such as a rotated refresh token."""

from collections.abc import Collection

from appliance.connections.errors import ConnectionClosed
from appliance.connections.tables import ConnectionTable
from appliance.store.database import Database
from appliance.vault.secrets import SecretStore


class KeptCredentials:
    """Those of a connection, in the vault."""

    def __init__(self, database: Database, secrets: SecretStore, connection_id: str) -> None:
        self._database = database
        self._secrets = secrets
        self._connection_id = connection_id

    def read(self, name: str) -> str | None:
        return self._secrets.get(self._connection_id).get(name)

    def keep(self, name: str, value: str) -> None:
        """Raises ConnectionClosed: a disconnected connection gets no secrets again."""
        with self._database.write():
            connection = ConnectionTable(self._database).find(self._connection_id)
            if connection is None or not connection.is_open:
                raise ConnectionClosed("The connection was disconnected while it was in use.")
            self._secrets.put(self._connection_id, {name: value})


class FormCredentials:
    """Those of a form that is being tried: what the source changes is saved with the form.

    `kept` are the credentials of the connection the form would change: a field that it takes over from there is
    stored there at once, since the old value is dead even if the form is refused in the end.
    """

    def __init__(
        self, values: dict[str, str], given: Collection[str] = (), kept: KeptCredentials | None = None
    ) -> None:
        self._values = values
        self._given = given
        self._kept = kept

    def read(self, name: str) -> str | None:
        return self._values.get(name)

    def keep(self, name: str, value: str) -> None:
        self._values[name] = value
        if self._kept is not None and name not in self._given:
            self._kept.keep(name, value)
