"""A source that lives in the test, connected as a customer's own connector folder, for what no real system does
on demand: stop in the middle of a page, change between two pages, forget a position.

Everything of the product is in the way to it but HTTP. Open the appliance with `connectors_dir=CONNECTORS`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from appliance.app import Appliance
from appliance.clock import Clock
from appliance.connections.lifecycle import Connected
from appliance.errors import ApplianceError
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.select import encode
from appliance.runtime.source import Source

CONNECTORS = Path(__file__).parent / "connectors"
ENTITIES = ("Vendor", "PurchaseOrder", "Team")
PLANTS: dict[str, "Plant"] = {}

Row = dict[str, Any]


class Killed(BaseException):
    """Raised from `before_page`: the process is gone, as far as the database can tell."""


class Asked(NamedTuple):
    """A page that was asked for; `since` is None for all rows, as `until`, `after` the last id of the page before."""

    entity: str
    since: datetime | None
    after: str
    resuming: bool
    until: datetime | None = None


@dataclass
class Plant:
    """Rows by entity and id, each with the time of its last change by `clock`.

    Pages are in order of the id, so a row keeps its page whatever happens to others. `before_page` is called
    before a page is read, outside probes, in the thread that fetches ahead of writing. `failures` are raised for
    an entity until they are taken out. Raise `generation` and every position given so far is forgotten.
    """

    clock: Clock
    page_size: int = 10
    generation: int = 1
    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {entity: {} for entity in ENTITIES})
    asked: list[Asked] = field(default_factory=list)
    failures: dict[str, ApplianceError] = field(default_factory=dict)
    before_page: Callable[[Asked], None] = lambda asked: None

    def put(self, entity: str, *ids: str, changed: datetime | None = None, **values: Any) -> None:
        """Write rows as of now, or as of `changed`."""
        stamp = (changed or self.clock.now()).astimezone(UTC).isoformat(timespec="milliseconds")
        for one in ids:
            held = self.rows[entity].get(one, {"name": one})
            self.rows[entity][one] = {**held, "id": one, **values, "changed": stamp}

    def fill(self, entity: str, number: int) -> None:
        """Rows `0000` and on."""
        self.put(entity, *(f"{n:04}" for n in range(number)))

    def page(self, asked: Asked) -> tuple[list[Row], bool]:
        """Rows after a position, and whether more follow."""
        found = [
            row
            for _, row in sorted(self.rows[asked.entity].items())
            if row["id"] > asked.after
            and (asked.since is None or datetime.fromisoformat(row["changed"]) >= asked.since)
            and (asked.until is None or datetime.fromisoformat(row["changed"]) < asked.until)
        ]
        return found[: self.page_size], len(found) > self.page_size


class Reader:
    """The reader of the connector folder; finds its plant by the name in the form."""

    # Its pages go by the id, so none passes over a row.
    proves_absence = True

    def __init__(self, source: Source, entity: str, options: dict[str, Any]) -> None:
        self._plant = PLANTS[source.fields["plant"]]
        self._entity = entity

    def first(self) -> Position:
        return {"after": "", "generation": self._plant.generation}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        plant = self._plant
        asked = Asked(self._entity, since.moment, position["after"], resuming, since.until)
        if not sample:
            plant.asked.append(asked)
            plant.before_page(asked)
        if self._entity in plant.failures:
            raise plant.failures[self._entity]
        if position["generation"] != plant.generation:
            raise ResumeRefused("The plant has forgotten where this was.")
        rows, more = plant.page(asked)
        following = {"after": rows[-1]["id"], "generation": plant.generation} if more and not sample else None
        return Page([encode(row) for row in rows], following, len(plant.rows[self._entity]))


def connect_plant(
    appliance: Appliance,
    plant: Plant,
    name: str = "Plant",
    *,
    password: str = "open",  # noqa: S107
    historical_days: int = 90,
    system: str = "plant",
) -> Connected:
    """Connect a plant; its first run is queued and not yet done."""
    PLANTS[name] = plant
    return appliance.connections.connect(
        system=system,
        name=name,
        fields={"plant": name, "password": password},
        historical_days=historical_days,
    )


def stored(appliance: Appliance, connection_id: str, entity: str) -> dict[str, Row]:
    """What the appliance holds of an entity: the source's rows as they came, by their id."""
    stream = appliance.records.find_stream(connection_id, entity)
    if stream is None:
        return {}
    rows = [
        json.loads(raw)
        for raw in (
            appliance.records.raw(stream, row["key"])
            for row in appliance.database.rows(
                "SELECT key FROM record WHERE stream_id = ? AND deleted_at IS NULL", (stream.id,)
            )
        )
        if raw is not None
    ]
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows), "a row is stored twice"
    return found
