"""The outbox: an event is written in the very transaction of what it tells of, for every endpoint that listens.

So there is no change without its events, and no event of a change that was rolled back. Where nobody listens an event
costs one query and is never built. A page of changes with a listener costs that query and four statements, whatever
the number of its keys and of the endpoints, and two more for each further kind of change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from appliance.clock import Clock, new_id
from appliance.store.changes import Changes
from appliance.store.database import Database
from appliance.store.records import Stream
from appliance.webhooks.events import KEYS_TOGETHER, Event, Events, about_records, chosen
from appliance.webhooks.queue import DeliveryQueue
from appliance.webhooks.tables import EndpointTable, Listener

HOUR_MS = 3600 * 1000


class Outbox:
    """`give_up_hours`: how long a delivery is tried before it becomes undelivered."""

    def __init__(self, database: Database, events: Events, clock: Clock, *, give_up_hours: int) -> None:
        self._database = database
        self._events = events
        self._clock = clock
        self._give_up_ms = give_up_hours * HOUR_MS
        self._endpoints = EndpointTable(database)
        self._queue = DeliveryQueue(database)

    def changed(self, stream: Stream, changes: Changes) -> None:
        """Events about records; joins the transaction in which they change."""
        path = self._events.path_of(stream.entity)
        if path is None:
            return
        listeners = self._endpoints.listening(stream.connection_id)
        for kind, keys in zip(changes._fields, changes, strict=True):
            name = f"{path}.{kind}"
            wanting = [one for one in listeners if chosen(one.choices, name)]
            for part in _parts(keys) if wanting else ():
                self._write(
                    wanting,
                    name,
                    stream.connection_id,
                    about_records(stream.entity, path, kind, len(part)),
                    part,
                )

    def announce(
        self, name: str, connection_id: str | None, describe: Callable[[], Mapping[str, Any]]
    ) -> None:
        """An event about anything but records; joins the caller's transaction.

        `describe` makes its `data`, and is only called when somebody listens. Without a connection it goes to
        endpoints of the account. Keep JSON objects with keys of digits out of it: JavaScript would reorder them.
        """
        wanting = [one for one in self._endpoints.listening(connection_id) if chosen(one.choices, name)]
        if wanting:
            self._write(wanting, name, connection_id, describe(), ())

    def _write(
        self,
        wanting: Sequence[Listener],
        name: str,
        connection_id: str | None,
        data: Mapping[str, Any],
        keys: Sequence[str],
    ) -> None:
        now = self._clock.now_ms()
        event = Event(new_id("evt"), name, now, connection_id, wanting[0].of_application, data, keys)
        with self._database.write():
            self._queue.put(event, [one.endpoint_id for one in wanting], now + self._give_up_ms)


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), KEYS_TOGETHER):
        yield keys[start : start + KEYS_TOGETHER]
