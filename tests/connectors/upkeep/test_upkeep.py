"""The UpKeep connector against a simulator built from published facts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.errors import SourceCredentialsRejected, SourceError, SourceThrottled
from appliance.runtime.connector import Connector
from tests.connectors.expecting import dangling, everything, key, said
from tests.connectors.upkeep.plant import CHANGED, MADE, rows, work_order
from tests.runtime.opened import Digits, all_pages, all_records, opened, outbound, probed
from tests.simulators.strict_rest import running
from tests.simulators.upkeep import EMAIL, PASSWORD, TOKEN, UpKeep
from tests.support.clock import ManualClock

MADE_AT, CHANGED_AT = MADE.replace(".000Z", "Z"), CHANGED.replace(".000Z", "Z")
TIMES = {"createdAt": MADE_AT, "updatedAt": CHANGED_AT}
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def plant(clock: ManualClock) -> Iterator[UpKeep]:
    simulator = UpKeep(rows(), clock)
    with running(simulator, "/api/v2"):
        yield simulator


def connected(plant: UpKeep, clock: ManualClock, **fields: Any) -> Connector:
    base: dict[str, Any] = {"url": plant.url, "sign_in": "password", "email": EMAIL, "password": PASSWORD}
    return opened("upkeep", {**base, "token": None, "limit_is_end": False, **fields}, clock=clock)


ASSET, PLACE = key("Asset", "asset00002"), key("Location", "location02")
EXPECTED: dict[str, tuple[tuple[object, ...], dict[str, Any]]] = {
    "User": (
        ("user000001",),
        {
            "name": "Ada Berg",
            "roleName": "ADMIN",
            "customFields": {"email": "ada@plant.example", "phone": "+49 1"},
            **TIMES,
        },
    ),
    "Labor": (
        ("user000001",),
        {
            "code": "user000001",
            "userKey": key("User", "user000001"),
            "name": "Ada Berg",
            "firstName": "Ada",
            "lastName": "Berg",
            "roleName": "ADMIN",
            **TIMES,
        },
    ),
    "Team": (
        ("team000001",),
        {"code": "team000001", "name": "Mechanics", "description": "Day shift", **TIMES},
    ),
    "Vendor": (("vendor0001",), {"code": "vendor0001", "name": "Pumps Ltd", **TIMES}),
    "Customer": (("customer01",), {"code": "customer01", "name": "Harbor", **TIMES}),
    "Location": (
        ("location02",),
        {
            "code": "location02",
            "name": "Bay 2",
            "parentKey": key("Location", "location01"),
            "address": {"addressLines": "Dock Road 2"},
            **TIMES,
        },
    ),
    "Asset": (
        ("asset00002",),
        {
            "name": "Pump",
            "description": "Feed pump",
            "parentKey": key("Asset", "asset00001"),
            "locationKey": PLACE,
            "categoryName": "Rotating",
            "makeName": "Acme",
            "modelName": "P100",
            "serialNumber": "S-9",
            "customFields": {"barcode": "A2"},
            **TIMES,
        },
    ),
    "Counter": (
        ("meter00001",),
        {
            "assetKeys": [ASSET],
            "uomName": "h",
            "customFields": {"name": "Hours", "frequency": 7},
            **TIMES,
        },
    ),
    "CounterReading": (
        ("meter00001", "reading001"),
        {
            "meterKey": key("Counter", "meter00001"),
            "assetKey": ASSET,
            "reading": "1234.50",
            "createdAt": MADE_AT,
        },
    ),
    "Part": (
        ("part000001",),
        {
            "code": "part000001",
            "partNumber": "PX-1",
            "name": "Seal",
            "description": "Ring",
            "cost": "19.99",
            "inventory": {"quantity": "12.5", "unitCost": "19.99", "locationKey": PLACE},
            "customFields": {"barcode": "B1"},
            **TIMES,
        },
    ),
    "Stock": (
        ("part000001",),
        {
            "materialKey": key("Part", "part000001"),
            "locationKey": PLACE,
            "position": "R1",
            "quantity": "12.5",
            **TIMES,
        },
    ),
    "WorkOrder": (
        ("order00001",),
        {
            "title": "Work 1",
            "code": "000012",
            "assetKey": ASSET,
            "locationKey": PLACE,
            "teamKey": key("Team", "team000001"),
            "laborAssignedKey": key("Labor", "user000001"),
            "instructions": "Replace the seal",
            "status": "in progress",
            "statusKey": key("Status", "work-orders", "in progress"),
            "severity": "3",
            "categoryName": "Damage",
            "scheduledAt": CHANGED_AT,
            "dueAt": CHANGED_AT,
            "completedAt": CHANGED_AT,
            "customFields": {
                "time": 90,
                "cost": "12.5",
                "parts": ["part000001"],
                "partQuantitiesUsed": [2],
                "additionalUsers": ["user000001"],
            },
            **TIMES,
        },
    ),
    "ServiceRequest": (
        ("request001",),
        {
            "title": "It leaks",
            "description": "At the flange",
            "assetKey": ASSET,
            "locationKey": PLACE,
            "severity": "1",
            **TIMES,
        },
    ),
    "PreventiveMaintenance": (
        ("plan000001",),
        {
            "title": "Lubricate",
            "description": "Weekly",
            "assetKeys": [ASSET],
            "teamKey": key("Team", "team000001"),
            "laborAssignedKey": key("Labor", "user000001"),
            "severity": "0",
            "categoryName": "Care",
            "dueAt": CHANGED_AT,
            "customFields": {"schedule": {"weekly": 2}},
            **TIMES,
        },
    ),
    "PurchaseOrder": (
        ("order00001",),
        {
            "orderNo": "12",
            "title": "Seals",
            "description": "Urgent",
            "statusKey": key("Status", "purchase-orders", "APPROVED"),
            "vendorKey": key("Vendor", "vendor0001"),
            "orderDate": "2026-01-02T00:00:00Z",
            "dueAt": "2026-01-09T00:00:00Z",
            "updatedAt": CHANGED_AT,
            "lineItems": [
                {
                    "key": key("LineItem", "order00001", "part000001"),
                    "materialKey": key("Part", "part000001"),
                    "vendorKey": key("Vendor", "vendor0001"),
                    "name": "Seal",
                    "quantity": "2.50",
                    "dueAt": "2026-01-09T00:00:00Z",
                }
            ],
            "customFields": {
                "category": "cat0000001",
                "customFields": [{"name": "Cost center", "value": "C1", "unit": ""}],
            },
        },
    ),
    "LineItem": (
        ("order00001", "part000001"),
        {
            "materialKey": key("Part", "part000001"),
            "vendorKey": key("Vendor", "vendor0001"),
            "name": "Seal",
            "quantity": "2.50",
            "dueAt": "2026-01-09T00:00:00Z",
            **TIMES,
        },
    ),
}


def test_every_entity_is_read_field_by_field_and_references_resolve(
    plant: UpKeep, clock: ManualClock
) -> None:
    found = everything(connected(plant, clock))
    assert set(EXPECTED) | {"Status"} == set(found)
    for entity, (parts, wanted) in EXPECTED.items():
        own = str(key(entity, *parts))
        assert said(found[entity][own]) == {"key": own, **wanted}, entity
    # What statuses orders can have is not published; they pass through.
    assert dangling(found) == {"PurchaseOrder.statusKey"}


def test_quantities_and_costs_keep_their_digits(plant: UpKeep, clock: ManualClock) -> None:
    connector = connected(plant, clock)
    (part,) = all_records(connector, "Part").values()
    assert (part["cost"], part["inventory"]["quantity"]) == (Digits("19.99"), Digits("12.5"))
    (line,) = all_records(connector, "LineItem").values()
    assert line["quantity"] == "2.50"


def test_every_status_has_a_record_and_an_unknown_one_passes_through(
    plant: UpKeep, clock: ManualClock
) -> None:
    known = ["open", "in progress", "on hold", "complete"]
    plant.rows["work-orders"] = [
        work_order(number, status=status) for number, status in enumerate([*known, "parked"], 1)
    ]
    connector = connected(plant, clock)
    statuses, records = all_records(connector, "Status"), all_records(connector, "WorkOrder")
    found = [records[str(key("WorkOrder", f"order{number:05}"))]["statusKey"] for number in range(1, 6)]
    assert [statuses[one]["code"] for one in found[:4]] == known
    assert found[4] == key("Status", "work-orders", "parked")
    assert found[4] not in statuses


@pytest.mark.parametrize("ends_with_404", [False, True])
@pytest.mark.parametrize("limit_is_end", [False, True])
def test_each_row_is_read_once_however_the_list_is_cut(
    plant: UpKeep, clock: ManualClock, limit_is_end: bool, ends_with_404: bool
) -> None:
    plant.rows["work-orders"] = [work_order(number) for number in range(1, 251)]
    plant.limit_is_end, plant.ends_with_404 = limit_is_end, ends_with_404
    pages = all_pages(connected(plant, clock, limit_is_end=limit_is_end), "WorkOrder")
    assert [len(page.rows) for page in pages] == [100, 100, 50, 0]
    assert len(all_records(connected(plant, clock, limit_is_end=limit_is_end), "WorkOrder")) == 250


def test_a_list_the_account_lacks_is_no_empty_list(plant: UpKeep, clock: ManualClock) -> None:
    """Taken for empty, all its records would count as deleted."""
    plant.absent = {"meters"}
    with pytest.raises(SourceError, match="The plan of the account may not include this"):
        all_records(connected(plant, clock), "Counter")


def test_a_failure_with_status_200_is_one(plant: UpKeep, clock: ManualClock) -> None:
    plant.failing = {"assets"}
    with pytest.raises(SourceError, match="Could not read"):
        all_records(connected(plant, clock), "Asset")


def test_a_session_is_used_until_it_ends_and_then_renewed(plant: UpKeep, clock: ManualClock) -> None:
    connector = connected(plant, clock)
    all_records(connector, "Team")
    all_records(connector, "User")
    assert plant.logins == 1
    clock.advance(timedelta(hours=24, seconds=1).total_seconds())
    assert all_records(connector, "Team")
    assert plant.logins == 2


def test_a_session_the_source_forgot_is_renewed_once(plant: UpKeep, clock: ManualClock) -> None:
    connector = connected(plant, clock)
    all_records(connector, "Team")
    plant.sessions.clear()
    assert all_records(connector, "Team")
    assert plant.logins == 2


def test_the_session_is_ended_with_the_connection(plant: UpKeep, clock: ManualClock) -> None:
    connector = connected(plant, clock)
    all_records(connector, "Team")
    assert len(plant.sessions) == 2
    connector.close()
    assert set(plant.sessions) == {TOKEN}


def test_a_token_takes_the_place_of_the_password(plant: UpKeep, clock: ManualClock) -> None:
    fields = {"sign_in": "token", "token": TOKEN, "email": None, "password": None}
    assert all_records(connected(plant, clock, **fields), "Team")
    assert plant.logins == 0


@pytest.mark.parametrize(
    "fields",
    [{"password": "stale-word"}, {"sign_in": "token", "token": "stale-word"}],
    ids=["password", "token"],
)
def test_wrong_credentials_are_told(plant: UpKeep, clock: ManualClock, fields: dict[str, Any]) -> None:
    report = probed(connected(plant, clock, **fields), outbound())
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert "stale-word" not in str(report.as_dicts())


def test_what_the_plan_lacks_is_a_warning_but_for_work_orders(plant: UpKeep, clock: ManualClock) -> None:
    plant.denied = {"vendors"}
    plant.absent = {"preventative-maintenance"}
    report = probed(connected(plant, clock), outbound())
    assert report.failure is None
    warned = {
        stage.name for stage in report.stages if stage.state == "warning" and stage.name.startswith("read")
    }
    assert warned == {"read Vendor", "read PreventiveMaintenance"}
    plant.denied = {"work-orders"}
    assert probed(connected(plant, clock), outbound()).failure is not None


def test_when_throttled_the_source_is_left_alone(plant: UpKeep, clock: ManualClock) -> None:
    plant.throttled = True
    with pytest.raises(SourceThrottled, match="Slow down"):
        all_records(connected(plant, clock), "Team")
