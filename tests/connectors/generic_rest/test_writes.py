"""Writes as a customer declares them, with the example of the guide."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml

from appliance.errors import InvalidInput, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.definition import deep_merge
from appliance.runtime.form import check_form
from appliance.runtime.template import NULL
from appliance.runtime.writing.fields import accepted, statuses
from tests.connectors.expecting import key
from tests.connectors.generic_rest.test_generic_rest import EXAMPLE, FOLDER, WRITING, connected, plant
from tests.connectors.writing import REFERENCE, read_back, shown, written
from tests.simulators.plant_rest import PlantRest

BOTH = yaml.safe_dump(deep_merge(yaml.safe_load(EXAMPLE), yaml.safe_load(WRITING)))
ORDER: dict[str, Any] = {
    "title": "Grease",
    "assetKey": 2,
    "severity": "normal",
    "estimatedTime": Decimal("1.5"),
    "dueAt": datetime(2026, 2, 1, tzinfo=UTC),
}


@pytest.fixture
def service() -> Iterator[PlantRest]:
    with plant() as running:
        yield running


@pytest.fixture
def connector(service: PlantRest) -> Iterator[Connector]:
    made = connected(service, entities=BOTH)
    yield made
    made.close()


def test_a_record_is_made_changed_and_given_a_status(connector: Connector) -> None:
    made = written(connector, "WorkOrder", "create", ORDER)
    expected = {
        "key": key("WorkOrder", *made),
        "title": "Grease",
        "assetKey": key("Asset", 2),
        "severity": "normal",
        "estimatedTime": "1.5",
        "dueAt": "2026-02-01T00:00:00Z",
        "status": "open",
    }
    before = read_back(connector, "WorkOrder", made)
    assert shown(before, expected) == expected
    written(connector, "WorkOrder", "update", {"title": "Oil", "dueAt": NULL}, key=made)
    after = read_back(connector, "WorkOrder", made)
    assert after == {**before, "title": "Oil", "dueAt": None}
    written(connector, "WorkOrder", "status", key=made, status="done")
    assert read_back(connector, "WorkOrder", made)["status"] == "done"
    with pytest.raises(SourceError, match="It is done already"):
        written(connector, "WorkOrder", "status", key=made, status="done")


def test_a_second_try_makes_no_second_record(service: PlantRest, connector: Connector) -> None:
    made = written(connector, "WorkOrder", "create", ORDER)
    assert written(connector, "WorkOrder", "create", ORDER, retried=True) == made
    assert service.work_orders[-1]["external"] == REFERENCE[:20]
    assert written(connector, "WorkOrder", "create", ORDER, retried=True, reference="other") != made


def test_the_words_of_the_system_are_kept(connector: Connector) -> None:
    with pytest.raises(SourceError, match="A work order needs a title"):
        written(connector, "WorkOrder", "create", {"assetKey": 2})
    with pytest.raises(SourceError, match="asset_id cannot be 'x'"):
        written(connector, "WorkOrder", "create", {**ORDER, "assetKey": "x"})


def test_what_can_be_written_is_read_off_the_form(connector: Connector) -> None:
    write = connector.definition.entities["WorkOrder"].write
    assert set(accepted(write["create"])) == set(ORDER)
    assert statuses(write["status"]) == ("open", "done")


def test_a_mistake_is_told_when_the_form_is_saved(service: PlantRest) -> None:
    wrong = BOTH.replace("steps:", "stages:", 1)
    given = {"url": service.url, "sign_in": "none", "entities": wrong}
    with pytest.raises(InvalidInput, match="stages"):
        check_form(FOLDER.definition, given)
        connected(service, entities=wrong)
