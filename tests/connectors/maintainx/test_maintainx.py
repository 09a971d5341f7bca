"""The MaintainX connector against a simulator that is held to the vendor's description of the interface."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceCredentialsRejected, SourceError, SourceThrottled
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from tests.connectors.expecting import dangling, everything, key, said
from tests.connectors.maintainx.plant import CHANGED, MADE, rows, work_order
from tests.runtime.opened import Digits, all_pages, all_records, opened, outbound, probed
from tests.simulators.maintainx import INTERFACE, KEY, MaintainX
from tests.simulators.strict_rest import running

MADE_AT, CHANGED_AT = MADE.replace(".000Z", "Z"), CHANGED.replace(".000Z", "Z")
TIMES = {"createdAt": MADE_AT, "updatedAt": CHANGED_AT}


@pytest.fixture
def plant() -> Iterator[MaintainX]:
    simulator = MaintainX(rows())
    with running(simulator, "/v1"):
        yield simulator


def connected(plant: MaintainX, **fields: Any) -> Connector:
    base = {"url": plant.url, "api_key": KEY, "organization": None, "changes_only": True}
    return opened("maintainx", {**base, **fields})


EXPECTED: dict[str, tuple[tuple[object, ...], dict[str, Any]]] = {
    "Organization": (
        (7,),
        {"code": "7", "name": "Plant", "customFields": {"currency": "EUR", "timeZone": "Europe/Berlin"}},
    ),
    "User": (
        (1,),
        {
            "name": "Ada Berg",
            "roleName": "ADMIN",
            "customFields": {"email": "ada@plant.example", "phone": "+49 1"},
        },
    ),
    "Labor": (
        (1,),
        {
            "code": "1",
            "userKey": key("User", 1),
            "name": "Ada Berg",
            "firstName": "Ada",
            "lastName": "Berg",
            "roleName": "ADMIN",
            "customFields": {"hourlyRate": "45.5"},
        },
    ),
    "Team": ((5,), {"code": "5", "name": "Mechanics"}),
    "Vendor": (
        (30,),
        {"code": "30", "name": "Pumps Ltd", "customFields": {"extraFields": {"Rating": "A"}}},
    ),
    "Site": (
        (11,),
        {
            "code": "11",
            "name": "Bay 2",
            "description": "South",
            "organizationKey": key("Organization", 7),
            **TIMES,
        },
    ),
    "Location": (
        (11,),
        {
            "code": "11",
            "name": "Bay 2",
            "description": "South",
            "parentKey": key("Location", 10),
            "organizationKey": key("Organization", 7),
            "address": {"addressLines": "Dock Road 2"},
            "customFields": {"barcode": "L11", "extraFields": {"Floor": 1}},
            **TIMES,
        },
    ),
    "Asset": (
        (21,),
        {
            "name": "Pump",
            "description": "Feed pump",
            "parentKey": key("Asset", 20),
            "siteKey": key("Site", 11),
            "locationKey": key("Location", 11),
            "vendorKey": key("Vendor", 30),
            "teamKey": key("Team", 5),
            "categoryName": "Pump",
            "criticality": "3",
            "makeName": "Acme",
            "modelName": "P100",
            "serialNumber": "S-9",
            "customFields": {
                "barcode": "A21",
                "status": "ONLINE",
                "assetTypes": ["Pump", "Rotating"],
                "purchasePrice": "1200.5",
                "purchaseDate": MADE,
                "extraFields": {"kW": 4},
            },
            **TIMES,
        },
    ),
    "AssetDowntime": (
        (80,),
        {
            "assetKey": key("Asset", 21),
            "description": "Leak",
            "startedAt": MADE_AT,
            "endedAt": CHANGED_AT,
            "categoryName": "UNPLANNED",
            **TIMES,
        },
    ),
    "Counter": (
        (60,),
        {
            "assetKeys": [key("Asset", 21)],
            "uomName": "h",
            "lastReading": "1234.5",
            "lastReadingAt": MADE_AT,
            "customFields": {"name": "Hours", "measurementType": "MANUAL", "locationId": 11},
        },
    ),
    "CounterReading": (
        ("r-1",),
        {
            "assetKey": key("Asset", 21),
            "meterKey": key("Counter", 60),
            "reading": "1234.5",
            "createdAt": MADE_AT,
        },
    ),
    "Part": (
        (40,),
        {
            "code": "40",
            "partNumber": "PX-1",
            "name": "Seal",
            "description": "Ring",
            "categoryName": "Seals",
            "organizationKey": key("Organization", 7),
            "vendorKeys": [key("Vendor", 30)],
            "minimumQuantity": "3",
            "cost": "19.99",
            "supplyOptions": [{"vendorKey": key("Vendor", 30), "partNumber": "PX-1"}],
            "inventory": {"quantity": 12, "unitCost": "19.99"},
            "customFields": {
                "barcode": "B40",
                "partTypes": ["Seals"],
                "orderedQuantity": 2,
                "reservedQuantity": 1,
            },
            **TIMES,
        },
    ),
    "Stock": (
        (40, 10),
        {
            "materialKey": key("Part", 40),
            "locationKey": key("Location", 10),
            "position": "R1",
            "quantity": 5,
            "minLevel": 1,
            "maxLevel": 9,
            "customFields": {"reservedQuantity": 1},
            **TIMES,
        },
    ),
    "WorkOrder": (
        (100,),
        {
            "title": "Work 100",
            "code": "10",
            "organizationKey": key("Organization", 7),
            "siteKey": key("Site", 11),
            "locationKey": key("Location", 11),
            "assetKey": key("Asset", 21),
            "teamKey": key("Team", 5),
            "laborAssignedKey": key("Labor", 1),
            "instructions": "Replace the seal",
            "status": "IN_PROGRESS",
            "statusKey": key("Status", "work-orders", "IN_PROGRESS"),
            "severity": "HIGH",
            "categoryName": "REACTIVE",
            "scheduledAt": MADE_AT,
            "dueAt": CHANGED_AT,
            "completedAt": CHANGED_AT,
            "tasks": [
                {
                    "key": key("Task", 900),
                    "title": "Lock out",
                    "description": "Main switch",
                    "code": "CHECKBOX",
                },
                {
                    "key": key("Task", 901),
                    "parentKey": key("Task", 900),
                    "title": "Reading",
                    "code": "NUMBER",
                },
            ],
            "resources": [
                {
                    "laborKey": key("Labor", 1),
                    "description": "Repair",
                    "registeredTime": 90,
                    "rate": "45.5",
                    "cost": "68.25",
                }
            ],
            "customFields": {
                "assignees": [{"type": "USER", "id": 1}, {"type": "TEAM", "id": 5}],
                "categories": ["Mechanical"],
                "completerId": 1,
                "creatorId": 2,
                "partStatus": "ISSUED",
                "vendorIds": [30],
                "extraFields": {"Permit": "P1"},
            },
            **TIMES,
        },
    ),
    "MaterialItem": (
        (100, 40, 10),
        {
            "workOrderKey": key("WorkOrder", 100),
            "materialKey": key("Part", 40),
            "partNumber": "B40",
            "name": "Seal",
            "quantity": 2,
            "updatedAt": CHANGED_AT,
        },
    ),
    "ServiceRequest": (
        (50,),
        {
            "title": "It leaks",
            "description": "At the flange",
            "assetKey": key("Asset", 21),
            "siteKey": key("Site", 11),
            "locationKey": key("Location", 11),
            "workOrderKey": key("WorkOrder", 100),
            "teamKey": key("Team", 5),
            "statusKey": key("Status", "service-requests", "APPROVED"),
            "severity": "MEDIUM",
            "customFields": {"contact": "ole@plant.example", "extraFields": {"Shift": 2}},
            **TIMES,
        },
    ),
    "PreventiveMaintenance": (
        (70,),
        {
            "title": "Lubricate",
            "assetKeys": [key("Asset", 21)],
            "estimatedTime": "30",
            "dueAt": CHANGED_AT,
            "triggers": [{"type": "CALENDAR", "condition": "WEEKLY", "interval": "2"}],
            "customFields": {"intervalStrategy": "FIXED", "recurrence": {"type": "WEEKLY", "interval": 2}},
            **TIMES,
        },
    ),
    "PurchaseOrder": (
        (90,),
        {
            "orderNo": "PO-2026-1",
            "orderDate": MADE_AT,
            "title": "Seals",
            "notes": "Urgent",
            "vendorKey": key("Vendor", 30),
            "userRequestedKey": key("User", 2),
            "userApprovedKey": key("User", 1),
            "statusKey": key("Status", "purchase-orders", "PARTIALLY_FULFILLED"),
            "dueAt": CHANGED_AT,
            "approvedAt": MADE_AT,
            "shipmentAddress": {
                "country": "DE",
                "addressLines": "Dock Road 2",
                "addressee": "Gate",
                "state": "SH",
                "city": "Kiel",
                "postCode": "24103",
            },
            "billingAddress": {"city": "Kiel"},
            "updatedAt": CHANGED_AT,
            "lineItems": [
                {
                    "key": key("LineItem", 90, 1),
                    "vendorKey": key("Vendor", 30),
                    "materialKey": key("Part", 40),
                    "locationKey": key("Location", 10),
                    "code": "PX-1",
                    "name": "Seal",
                    "quantity": "2.5",
                    "receivedQuantity": 1,
                    "price": "19.9950",
                    "lineTotalValue": "49.9875",
                    "dueAt": CHANGED_AT,
                },
                {
                    "key": key("LineItem", 90, 2),
                    "vendorKey": key("Vendor", 30),
                    "name": "Freight",
                    "quantity": 1,
                    "receivedQuantity": 0,
                    "price": 5,
                    "dueAt": CHANGED_AT,
                },
            ],
            "customFields": {"reviewNote": "ok", "extraFields": {"Cost center": "C1"}},
        },
    ),
    "LineItem": (
        (90, 1),
        {
            "vendorKey": key("Vendor", 30),
            "materialKey": key("Part", 40),
            "locationKey": key("Location", 10),
            "code": "PX-1",
            "name": "Seal",
            "quantity": "2.5",
            "receivedQuantity": "1",
            "price": "19.9950",
            "lineTotalValue": "49.9875",
            "dueAt": CHANGED_AT,
            "customFields": {
                "orderNo": 12,
                "fulfillments": [{"id": 3, "locationId": 10, "quantityReceived": "1.0", "isLegacy": False}],
            },
            **TIMES,
        },
    ),
}


def test_every_entity_is_read_field_by_field_and_references_resolve(plant: MaintainX) -> None:
    connector = connected(plant)
    found = everything(connector)
    assert set(EXPECTED) | {"Status"} == set(found)
    for entity, (parts, wanted) in EXPECTED.items():
        own = str(key(entity, *parts))
        assert said(found[entity][own]) == {"key": own, **wanted}, entity
    assert dangling(found) == set()
    assert len(found["AssetDowntime"]) == 1, "only spans in which the asset was offline"
    assert len(found["CounterReading"]) == 1, "a meter without a reading has none"
    assert len(found["Stock"]) == 2


def test_money_and_quantities_keep_their_digits(plant: MaintainX) -> None:
    (order,) = all_records(connected(plant), "PurchaseOrder").values()
    assert [line["price"] for line in order["lineItems"]] == [Digits("19.9950"), 5]
    assert all_records(connected(plant), "Part")[str(key("Part", 40))]["cost"] == Digits("19.99")


@pytest.mark.parametrize(
    ("entity", "path", "member", "scope"),
    [
        ("WorkOrder", "/workorders", "status", "work-orders"),
        ("ServiceRequest", "/workrequests", "requestStatus", "service-requests"),
        ("PurchaseOrder", "/purchaseorders", "status", "purchase-orders"),
    ],
)
def test_every_status_has_a_record_and_an_unknown_one_passes_through(
    plant: MaintainX, entity: str, path: str, member: str, scope: str
) -> None:
    known = {
        "WorkOrder": INTERFACE["/workorders"]["row"]["status"],
        "ServiceRequest": INTERFACE["/workrequests"]["row"]["requestStatus"],
        "PurchaseOrder": ["PENDING", "APPROVED", "DECLINED", "PARTIALLY_FULFILLED", "COMPLETED", "CANCELED"],
    }[entity]
    template = plant.rows[path][0]
    plant.rows[path] = [
        {**template, "id": number, member: status} for number, status in enumerate([*known, "LATER"], 1)
    ]
    connector = connected(plant)
    statuses = all_records(connector, "Status")
    records = all_records(connector, entity)
    for number, status in enumerate(known, 1):
        record = records[str(key(entity, number))]
        assert statuses[record["statusKey"]]["code"] == status
        assert statuses[record["statusKey"]]["scope"] == scope
    unknown = records[str(key(entity, len(known) + 1))]["statusKey"]
    assert unknown == key("Status", scope, "LATER")
    assert unknown not in statuses


def test_each_row_is_read_once_over_pages(plant: MaintainX) -> None:
    plant.page = 200
    plant.rows["/workorders"] = [work_order(number) for number in range(1, 452)]
    pages = all_pages(connected(plant), "WorkOrder")
    assert [len(page.rows) for page in pages] == [200, 200, 51]
    assert len(all_records(connected(plant), "WorkOrder")) == 451


@pytest.mark.parametrize(
    "entity", ["WorkOrder", "Asset", "Part", "Stock", "PurchaseOrder", "LineItem", "MaterialItem"]
)
def test_only_what_changed_at_or_after_the_moment(plant: MaintainX, entity: str) -> None:
    connector = connected(plant)
    changed = datetime(2026, 1, 3, 9, 30, tzinfo=UTC)
    assert all_records(connector, entity, Since(changed))
    assert not all_records(connector, entity, Since(changed.replace(second=1)))
    assert "updatedAt[gte]" in plant.asked[-1].query


def test_an_order_that_did_not_change_is_not_asked_for(plant: MaintainX) -> None:
    list(all_pages(connected(plant), "PurchaseOrder", Since(datetime(2026, 2, 1, tzinfo=UTC))))
    assert [asked.path for asked in plant.asked] == ["/purchaseorders"]


def test_where_the_filter_is_refused_everything_can_be_read(plant: MaintainX) -> None:
    plant.knows_filter = False
    moment = Since(datetime(2026, 2, 1, tzinfo=UTC))
    with pytest.raises(SourceError, match="Switch off Ask for changes only"):
        all_records(connected(plant), "WorkOrder", moment)
    assert len(all_records(connected(plant, changes_only=False), "WorkOrder", moment)) == 2


def test_a_wrong_key_is_told(plant: MaintainX) -> None:
    report = probed(connected(plant, api_key="stale-key"), outbound())
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert "Make a new API key" in report.failure.message
    assert "stale-key" not in str(report.as_dicts())


def test_a_key_for_several_organizations_needs_one(plant: MaintainX) -> None:
    plant.organizations = {"7", "8"}
    report = probed(connected(plant), outbound())
    assert report.failure is not None
    assert "Enter the organization id" in report.failure.message
    assert probed(connected(plant, organization=7), outbound()).failure is None


def test_a_missing_right_is_a_warning_but_for_work_orders(plant: MaintainX) -> None:
    plant.denied = {"/meters"}
    report = probed(connected(plant), outbound())
    assert report.failure is None
    warned = {
        stage.name for stage in report.stages if stage.state == "warning" and stage.name.startswith("read")
    }
    assert warned == {"read Counter", "read CounterReading"}
    plant.denied = {"/workorders"}
    assert probed(connected(plant), outbound()).failure is not None


def test_at_the_call_limit_the_source_is_left_alone(plant: MaintainX) -> None:
    plant.calls_left = 0
    with pytest.raises(SourceThrottled):
        all_records(connected(plant), "Team")
