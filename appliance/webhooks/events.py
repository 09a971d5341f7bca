"""The events there are, how a choice of them is written, and what an event looks like on the wire.

A name is `<path of an entity>.inserted|updated|deleted`, such as `work-orders.updated`, or one of `OTHERS`. A choice
holds names, `assets.*` for all of one subject, `*.deleted` for one thing of all subjects, and `*` for everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.clock import iso
from appliance.model.entity import Entity, Model
from appliance.webhooks.errors import WebhookInvalid

MOST_CHOICES = 100
KEYS_TOGETHER = 500
"""Most keys in one event; a page that changes more makes more events."""

KINDS = {"inserted": "is new", "updated": "has changed", "deleted": "was deleted"}
OTHERS = {
    "sync.completed": "A synchronization has ended and all went well.",
    "sync.failed": "A synchronization has ended and not all of its entities went well.",
    "connection.status_changed": "A connection was made, went offline, is online again or was disconnected.",
    "connection.reauthorization_required": "A source rejects the credentials of a connection.",
    "credential.expiring": "A credential of a connection ends soon.",
    "certificate.expiring": "A certificate ends soon.",
    "system.error": "An error of the appliance itself needs somebody to look.",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One that is to be sent. `created_at` in milliseconds; `keys` are those of the records it is about."""

    id: str
    name: str
    created_at: int
    connection_id: str | None
    application_id: str | None
    data: Mapping[str, Any]
    keys: Sequence[str] = ()

    def body(self) -> bytes:
        """The JSON that is sent, as JavaScript's JSON.stringify prints it: receivers may compare with that."""
        application = {} if self.application_id is None else {"application_id": self.application_id}
        return msgspec.json.encode(
            {
                "id": self.id,
                "event": self.name,
                "type": self.name,
                "timestamp": iso(self.created_at),
                "connection_id": self.connection_id,
                **application,
                "data": self.data,
                "body": self.keys,
            }
        )


class Events:
    """The catalogue. Entities that only occur inside other records have no events of their own."""

    def __init__(self, model: Model) -> None:
        self._entities = {entity.path: entity for entity in model.entities.values() if entity.path}
        self._paths = {entity.name: path for path, entity in self._entities.items()}
        self.sentences = {
            **{
                f"{path}.{kind}": f"A record of {path} {words}."
                for path in self._entities
                for kind, words in KINDS.items()
            },
            **OTHERS,
        }

    def path_of(self, entity: str) -> str | None:
        """The path that names an entity in events, None for one without events."""
        return self._paths.get(entity)

    def entity_of(self, name: str) -> Entity | None:
        """The entity whose records an event is about, None for others."""
        return self._entities.get(name.rpartition(".")[0])

    def check_name(self, name: object) -> str:
        """Raises WebhookInvalid for what is not the name of an event."""
        if not isinstance(name, str) or name not in self.sentences:
            raise WebhookInvalid(
                f"There is no event {str(name)[:60]!r}. The events are listed with the webhooks.",
                details={"fields": {"event": "the name of an event"}},
            )
        return name

    def check_choice(self, given: object) -> list[str]:
        """A choice as it is kept: each once, sorted. Raises WebhookInvalid for one that no event fits."""
        rule = f"a list of 1 to {MOST_CHOICES} names such as work-orders.updated, assets.*, *.deleted or *"
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_CHOICES:
            raise WebhookInvalid(f"events is {rule}.", details={"fields": {"events": rule}})
        for one in given:
            if not isinstance(one, str) or not any(fits(one, name) for name in self.sentences):
                raise WebhookInvalid(
                    f"No event fits {str(one)[:60]!r}. events is {rule}.",
                    details={"fields": {"events": rule}},
                )
        return sorted(set(given))


def fits(choice: str, name: str) -> bool:
    """Whether a part of a choice takes in an event."""
    if choice in ("*", name):
        return True
    subject, _, what = choice.rpartition(".")
    own_subject, _, own_what = name.rpartition(".")
    return (what == "*" and subject == own_subject) or (subject == "*" and what == own_what)


def chosen(choices: Iterable[str], name: str) -> bool:
    return any(fits(choice, name) for choice in choices)


def about_records(entity: str, path: str, change: str, number: int) -> dict[str, Any]:
    """`data` of an event about records."""
    return {"entity": entity, "path": path, "change": change, "count": number}
