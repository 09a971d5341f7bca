"""The REST connector as a customer uses it: with the example of its guide, and every way to sign in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import InvalidInput, SourceCredentialsRejected
from appliance.runtime.connector import Connector
from appliance.runtime.form import check_form
from appliance.runtime.protocols import Since
from tests.connectors.expecting import dangling, everything, key, said
from tests.runtime.opened import all_pages, all_records, catalog, opened, outbound, probed
from tests.simulators.plant_rest import SIGN_INS, WORD, PlantRest
from tests.simulators.strict_rest import running

FOLDER = catalog().folder("generic_rest")
EXAMPLE, WRITING = re.findall(r"^```yaml\n(.*?)^```$", FOLDER.guide, re.M | re.S)
SIGNED: dict[str, dict[str, Any]] = {
    "none": {},
    "header": {"key_header": "X-Plant-Key", "api_key": WORD},
    "basic": {"username": "sync", "password": WORD},
    "bearer": {"token": WORD},
    "oauth2": {"client_id": "appliance", "client_secret": WORD, "scope": "read"},
}
WRONG = {
    "header": {"api_key": "stale-word"},
    "basic": {"password": "stale-word"},
    "bearer": {"token": "stale-word"},
    "oauth2": {"client_secret": "stale-word"},
}


@contextmanager
def plant(sign_in: str = "bearer", client_in: str = "body") -> Iterator[PlantRest]:
    service = PlantRest(sign_in, client_in)
    with running(service, "/api/v1"):
        yield service


def connected(service: PlantRest, **fields: Any) -> Connector:
    """Opened with what the form makes of the fields."""
    given = {"url": service.url, "sign_in": service.sign_in, "entities": EXAMPLE, **SIGNED[service.sign_in]}
    if service.sign_in == "oauth2":
        given |= {"token_url": f"{service.url}/token", "client_in": service.client_in}
    checked = check_form(FOLDER.definition, {**given, **fields})
    return opened("generic_rest", checked.all)


def test_the_example_of_the_guide_reads_every_entity_field_by_field() -> None:
    with plant() as service:
        found = everything(connected(service))
    assert {name: len(records) for name, records in found.items()} == {
        "WorkOrder": 250,
        "Asset": 118,
        "Vendor": 25,
        "PurchaseOrder": 25,
        "Status": 2,
    }
    assert dangling(found) == set()
    expected: dict[str, tuple[tuple[object, ...], dict[str, Any]]] = {
        "WorkOrder": (
            (7,),
            {
                "code": "WO-7",
                "title": "Work 7",
                "assetKey": key("Asset", 2),
                "status": "open",
                "statusKey": key("Status", "work-orders", "open"),
                "severity": "high",
                "estimatedTime": "90",
                "dueAt": "2026-02-01T00:00:00Z",
                "createdAt": "2026-01-02T08:00:00Z",
                "updatedAt": "2026-01-02T08:00:00Z",
                "tasks": [{"key": key("Task", 7, 10), "code": "10", "title": "Lock out"}],
                "customFields": {"x_line": "L1"},
            },
        ),
        "Asset": (
            (2,),
            {"name": "Pump 2", "parentKey": key("Asset", 3), "serialNumber": "S", "isActive": True},
        ),
        "Vendor": (("V7",), {"code": "V7", "name": "Vendor 7"}),
        "PurchaseOrder": (
            (7,),
            {
                "orderNo": "PO-7",
                "vendorKey": key("Vendor", "V7"),
                "totalNetValue": "19.99",
                "lineItems": [
                    {
                        "key": key("LineItem", 7, 1),
                        "lineNo": "1",
                        "name": "Seal",
                        "quantity": "2.5",
                        "price": "0.05",
                    }
                ],
            },
        ),
        "Status": (
            ("work-orders", "done"),
            {"scope": "work-orders", "code": "done", "name": "Done", "isActive": True},
        ),
    }
    for entity, (parts, wanted) in expected.items():
        own = str(key(entity, *parts))
        assert said(found[entity][own]) == {"key": own, **wanted}


def test_each_kind_of_page_is_read_once() -> None:
    with plant() as service:
        connector = connected(service)
        counts = {
            entity: [len(page.rows) for page in all_pages(connector, entity)]
            for entity in ("WorkOrder", "Asset", "Vendor", "PurchaseOrder")
        }
    assert counts == {
        "WorkOrder": [100, 100, 50],
        "Asset": [49, 50, 19],
        "Vendor": [10, 10, 5],
        "PurchaseOrder": [20, 5],
    }


def test_only_what_changed_at_or_after_the_moment() -> None:
    with plant() as service:
        service.work_orders[4]["updated_at"] = "2026-01-05T08:00:00Z"
        connector = connected(service)
        found = all_records(connector, "WorkOrder", Since(datetime(2026, 1, 5, 8, tzinfo=UTC)))
        assert set(found) == {key("WorkOrder", 5)}
        assert not all_records(connector, "WorkOrder", Since(datetime(2026, 1, 5, 8, 0, 1, tzinfo=UTC)))


@pytest.mark.parametrize("sign_in", SIGN_INS)
def test_every_way_to_sign_in(sign_in: str) -> None:
    with plant(sign_in) as service:
        assert probed(connected(service), outbound()).failure is None


def test_client_id_and_secret_in_a_header_of_the_token_request() -> None:
    with plant("oauth2", "basic") as service:
        assert probed(connected(service), outbound()).failure is None
        assert service.token_requests == [{"grant_type": "client_credentials", "scope": "read"}]


def test_a_token_that_the_source_forgot_is_asked_for_again() -> None:
    with plant("oauth2") as service:
        connector = connected(service, audience="plant")
        all_records(connector, "Vendor")
        service.tokens.clear()
        assert len(all_records(connector, "Vendor")) == 25
        assert [asked["audience"] for asked in service.token_requests] == ["plant", "plant"]


@pytest.mark.parametrize("sign_in", list(WRONG))
def test_wrong_credentials_are_told(sign_in: str) -> None:
    with plant(sign_in) as service:
        report = probed(connected(service, **WRONG[sign_in]), outbound())
        assert isinstance(report.failure, SourceCredentialsRejected)
        assert "stale-word" not in str(report.as_dicts())


def test_a_missing_right_is_a_warning_but_for_a_required_entity() -> None:
    with plant() as service:
        service.denied = {"vendors"}
        report = probed(connected(service), outbound())
        assert report.failure is None
        assert [
            stage.name
            for stage in report.stages
            if stage.name.startswith("read") and stage.state == "warning"
        ] == ["read Vendor"]
        service.denied = {"work-orders"}
        assert probed(connected(service), outbound()).failure is not None


def test_the_form_asks_only_for_the_chosen_way() -> None:
    base = {"url": "https://cmms.plant.example/api", "entities": EXAMPLE}
    check_form(FOLDER.definition, {**base, "sign_in": "none"})
    with pytest.raises(InvalidInput) as refused:
        check_form(FOLDER.definition, {**base, "sign_in": "oauth2"})
    assert set(refused.value.details["fields"]) == {"token_url", "client_id", "client_secret"}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("Wendor: {read: {request: {path: v}}, key: [id], map: {name: name}}", "no entity 'Wendor'"),
        ("Vendor: {read: {request: {path: v}}, key: [id], map: {nmae: name}}", "no field 'nmae'"),
        ("Vendor: {read: {path: v}, key: [id], map: {name: name}}", "request|path"),
        ("Vendor: [", "line 1"),
        ("vendors", "write entities as YAML"),
    ],
)
def test_what_people_write_wrongly_is_told(written: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        catalog().definition("generic_rest", {"entities": written})
