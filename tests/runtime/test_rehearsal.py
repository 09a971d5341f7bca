"""Every write of every connector in rehearsal: its requests can be made, its fields are those of the model."""

from typing import Any

import pytest

from appliance.runtime.catalog import Catalog
from appliance.runtime.checking.writes import check_writes
from appliance.runtime.connector import Connector
from tests.runtime.opened import MODEL, catalog, defined, opened

CATALOG: Catalog = catalog()
WRITING = [
    (definition.system, entity)
    for definition in CATALOG.definitions()
    for entity, served in definition.entities.items()
    if served.write
]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a write would ask the source for beforehand stands here."""
    monkeypatch.setattr("appliance.runtime.writing.writer.learned_values", lambda source, http: {"uid": 2})
    monkeypatch.setattr(Connector, "way", lambda self, entity: "0")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("system", "entity"), WRITING, ids=[f"{s}-{e}" for s, e in WRITING])
def test_the_requests_of_every_write_can_be_made(system: str, entity: str) -> None:
    definition = CATALOG.folder(system).definition
    fields: dict[str, Any] = {
        field.name: field.default or "https://plant.example"
        for field in definition.form
        if field.required and not field.name.startswith("tls_")
    }
    connector = opened(system, fields)
    checks = check_writes(connector, MODEL, entity)
    assert [check.message for check in checks if check.state == "failed"] == []
    assert {check.name.removeprefix("write ") for check in checks} == set(definition.entities[entity].write)


def test_what_cannot_be_made_is_told() -> None:
    step = {
        "protocol": "http",
        "request": {"method": "POST", "path": "o", "json": {"a": "${record.title|iso}"}},
    }
    write = {"create": {"steps": [step], "required": ["nothing"]}}
    entity = {
        "read": {"protocol": "http", "request": {"path": "o"}}, "key": ["id"], "map": {"title": "t"}, "write": write,
    }  # fmt: skip
    connector = defined(
        {"http": {"base_url": "${url}"}, "entities": {"WorkOrder": entity}}, {"url": "http://plant.example"}
    )
    (check,) = check_writes(connector, MODEL, "WorkOrder")
    assert check.state == "failed"
    assert "`id` names 0 parts" in check.message and "title" in check.message
