"""Endpoints: made, changed, their secrets renewed, tried with a test event, deleted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from appliance.clock import Clock, new_id
from appliance.connections.condition.issues import Condition
from appliance.connections.tables import ConnectionTable
from appliance.store.database import Database
from appliance.vault.secrets import SecretStore
from appliance.webhooks.address import CheckHost, check_address
from appliance.webhooks.delivery import Send, secrets_of
from appliance.webhooks.errors import TooManyWebhooks, WebhookInvalid, WebhookNotFound
from appliance.webhooks.events import Event, Events
from appliance.webhooks.history import History
from appliance.webhooks.queue import DeliveryQueue
from appliance.webhooks.samples import sample_of
from appliance.webhooks.signing import hint_of, new_secret
from appliance.webhooks.tables import Endpoint, EndpointTable

MOST_OF_AN_OWNER = 20
LONGEST_NAME = 60
LONGEST_ROTATION_HOURS = 7 * 24
HOUR_MS = 3600 * 1000
MEMBERS = ("name", "url", "events", "enabled", "disable_on_gone")
_TURNED_OFF = "It was turned off."


@dataclass(frozen=True, slots=True)
class Made:
    """`secret` is in here once and nowhere else."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose endpoint: a connection's, an application's, or with neither the account's."""

    connection_id: str | None = None
    application_id: str | None = None


class Endpoints:
    def __init__(
        self,
        database: Database,
        secrets_store: SecretStore,
        events: Events,
        send: Send,
        check_host: CheckHost,
        clock: Clock,
        *,
        give_up_hours: int,
    ) -> None:
        self.events = events
        self.table = EndpointTable(database)
        self.history = History(database, clock, give_up_hours=give_up_hours)
        self._database = database
        self._secrets = secrets_store
        self._send = send
        self._check_host = check_host
        self._clock = clock
        self._queue = DeliveryQueue(database)
        self._connections = ConnectionTable(database)

    def get(self, endpoint_id: str) -> Endpoint:
        """Raises WebhookNotFound."""
        found = self.table.find(endpoint_id)
        if found is None:
            raise WebhookNotFound(f"There is no webhook {endpoint_id[:60]!r}.")
        return found

    def create(self, given: Mapping[str, Any], owner: Owner, *, may_be_here: bool) -> Made:
        """A new endpoint with a new secret, which is shown once.

        `given` holds `url` and `events`, and `name`, `enabled` and `disable_on_gone` where they are not as usual.
        Raises WebhookInvalid, EgressRefused, TooManyWebhooks.
        """
        now = self._clock.now_ms()
        secret = new_secret()
        endpoint = self._changed(
            Endpoint(
                id=new_id("whk"),
                name="",
                url="",
                connection_id=owner.connection_id,
                application_id=owner.application_id,
                choices=[],
                enabled=True,
                disabled_reason=None,
                disable_on_gone=True,
                secret_hint=hint_of(secret),
                former_secret_until=0,
                failures=0,
                rests_until=0,
                created_at=now,
                updated_at=now,
            ),
            {"url": None, "events": None, **given},
            may_be_here=may_be_here,
        )
        with self._database.write():
            if self.table.count(owner.connection_id, owner.application_id) >= MOST_OF_AN_OWNER:
                raise TooManyWebhooks(
                    f"There are {MOST_OF_AN_OWNER} webhooks already, the most there may be. Delete one first."
                )
            self.table.insert(endpoint)
            self._secrets.put(endpoint.id, {"current": secret})
        return Made(endpoint, secret)

    def change(self, endpoint_id: str, given: Mapping[str, Any], *, may_be_here: bool) -> Endpoint:
        """Change what is given, of `MEMBERS`. What waits is due at once; of one that is turned off it is undelivered.

        Raises WebhookNotFound, WebhookInvalid, EgressRefused.
        """
        now = self._clock.now_ms()
        with self._database.write():
            before = self.get(endpoint_id)
            endpoint = replace(self._changed(before, given, may_be_here=may_be_here), updated_at=now)
            self.table.change(endpoint)
            if endpoint.enabled:
                self._queue.begin_anew(endpoint.id, now)
            elif before.enabled:
                self._queue.stop(endpoint.id, _TURNED_OFF, now)
        return self.get(endpoint_id)

    def rotate(self, endpoint_id: str, hours: int) -> Made:
        """A new secret, which is shown once; the one before still signs as well for so many hours, 0 for not at all.

        Raises WebhookNotFound, WebhookInvalid.
        """
        # bool is an int to Python, not to JSON.
        if type(hours) is not int or not 0 <= hours <= LONGEST_ROTATION_HOURS:
            rule = f"a whole number from 0 to {LONGEST_ROTATION_HOURS}"
            raise WebhookInvalid(f"hours is {rule}.", details={"fields": {"hours": rule}})
        now = self._clock.now_ms()
        secret = new_secret()
        with self._database.write():
            endpoint = self.get(endpoint_id)
            kept = {"former": self._secrets.get(endpoint.id)["current"]} if hours else {}
            self._secrets.replace(endpoint.id, {"current": secret, **kept})
            until = now + hours * HOUR_MS if hours else 0
            self.table.set_secret(endpoint.id, hint_of(secret), until, now)
            # A worker in the middle of a lane holds the former secrets.
            self._queue.begin_anew(endpoint.id, now)
        return Made(self.get(endpoint_id), secret)

    def test(self, endpoint_id: str, name: object) -> dict[str, Any]:
        """Send a test event of that name now, signed as all are; the delivery as `History.find` tells it.

        An endpoint that is off is tried, too. Raises WebhookNotFound, WebhookInvalid.
        """
        checked = self.events.check_name(name)
        endpoint = self.get(endpoint_id)
        now = self._clock.now_ms()
        connection = self._connections.find(endpoint.connection_id or "")
        part = "5a3b1e" if connection is None else connection.part
        sample = sample_of(self.events, checked, part, now)
        event = Event(
            new_id("evt"),
            checked,
            now,
            endpoint.connection_id,
            endpoint.application_id,
            sample.data,
            sample.keys,
        )
        held = secrets_of(self._secrets, endpoint, now)
        attempt = self._send(endpoint.url, event.id, event.body(), held)
        self._queue.put_test(event, endpoint.id, attempt)
        return self.history.find(endpoint.id, event.id)

    def switched_off(self) -> list[Condition]:
        """Endpoints that were switched off because of what they answered, as an issue is told of them."""
        return [
            Condition(
                f"The webhook {endpoint.name or endpoint.url} is switched off: {endpoint.disabled_reason}",
                endpoint.connection_id,
                endpoint.id,
            )
            for endpoint in self.table.all()
            if not endpoint.enabled and endpoint.disabled_reason
        ]

    def delete(self, endpoint_id: str) -> None:
        """The endpoint with its secret and the log of its deliveries. Raises WebhookNotFound."""
        endpoint = self.get(endpoint_id)
        with self._database.write():
            self.table.disable(endpoint.id, "It is being deleted.", self._clock.now_ms())
            self._queue.stop(endpoint.id, "It is being deleted.", self._clock.now_ms())
            self._secrets.destroy(endpoint.id)
        self.history.erase_of(endpoint.id)
        self.table.delete([endpoint.id])

    def erase(self, connection_id: str) -> int:
        """The endpoints of a connection, and its events wherever they went; how many events there were."""
        for endpoint in self.table.of_connection(connection_id):
            self.delete(endpoint.id)
        return self.history.erase_connection(connection_id)

    def _changed(self, endpoint: Endpoint, given: Mapping[str, Any], *, may_be_here: bool) -> Endpoint:
        """The endpoint with what is given, checked. Raises WebhookInvalid, EgressRefused."""
        for name in ("enabled", "disable_on_gone"):
            if name in given and not isinstance(given[name], bool):
                raise WebhookInvalid(f"{name} is true or false.", details={"fields": {name: "true or false"}})
        if "url" in given:
            url = check_address(given["url"], self._check_host, may_be_here=may_be_here)
            endpoint = replace(endpoint, url=url)
        if "events" in given:
            endpoint = replace(endpoint, choices=self.events.check_choice(given["events"]))
        if "name" in given:
            endpoint = replace(endpoint, name=_name(given["name"]))
        enabled = given.get("enabled", endpoint.enabled)
        # A reason is the appliance's own; whoever turns one off knows why.
        reason = None if enabled else endpoint.disabled_reason
        return replace(
            endpoint,
            enabled=enabled,
            disabled_reason=reason,
            disable_on_gone=given.get("disable_on_gone", endpoint.disable_on_gone),
        )


def _name(name: object) -> str:
    text = name.strip() if isinstance(name, str) else None
    if text is None or len(text) > LONGEST_NAME or (text and not text.isprintable()):
        rule = f"up to {LONGEST_NAME} printable characters"
        raise WebhookInvalid(f"name has {rule}.", details={"fields": {"name": rule}})
    return text
