"""The Limble connector against a simulator that is held to the vendor's description of the interface."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceCredentialsRejected, SourceThrottled
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from tests.connectors.expecting import dangling, everything, key, said
from tests.connectors.limble.plant import CHANGED, rows, task
from tests.runtime.opened import Digits, all_pages, all_records, opened, outbound, probed
from tests.simulators.limble import CLIENT, INTERFACE, SECRET, Limble
from tests.simulators.strict_rest import running

MADE_AT, CHANGED_AT = "2026-01-02T08:00:00Z", "2026-01-03T09:30:00Z"
HERE = {"siteKey": key("Site", 10), "locationKey": key("Location", 10)}


@pytest.fixture
def plant() -> Iterator[Limble]:
    simulator = Limble(rows())
    with running(simulator, "/v2"):
        yield simulator


def connected(plant: Limble, **fields: Any) -> Connector:
    base = {"url": plant.url, "client_id": CLIENT, "client_secret": SECRET, "line_unit": "10000"}
    return opened("limble", {**base, **fields})


PLACE = {
    "code": "10",
    "name": "Kiel",
    "address": {"addressLines": "Dock Road 2, Gate 4", "phone": "+49 1"},
    "customFields": {"region": 3, "timeZone": "Europe/Berlin", "currency": "EUR"},
}
PERSON = {
    "name": "Ada Berg",
    "roleName": "Manager",
    "siteKeys": [key("Site", 10)],
    "locationKeys": [key("Location", 10)],
    "isActive": True,
    "createdAt": MADE_AT,
}
LINE = {
    "materialKey": key("Part", 40),
    "type": "Part",
    "name": "Seal",
    "description": "Ring",
}
EXPECTED: dict[str, tuple[tuple[object, ...], dict[str, Any]]] = {
    "Site": ((10,), PLACE),
    "Location": ((10,), {"siteKey": key("Site", 10), **PLACE}),
    "User": ((1,), {**PERSON, "customFields": {"username": "ada", "email": "ada@plant.example"}}),
    "Labor": (
        (1,),
        {
            **PERSON,
            "code": "1",
            "userKey": key("User", 1),
            "teamKey": key("Team", 5),
            "firstName": "Ada",
            "lastName": "Berg",
            "customFields": {"hourlyWage": 45},
        },
    ),
    "Team": ((5,), {"code": "5", "name": "Mechanics", "customFields": {"locationId": 10}}),
    "Account": ((4,), {"code": "4711", "name": "Repairs", "description": "Spare parts"}),
    "UnitOfMeasure": (("each",), {"code": "pc", "name": "Each"}),
    "Status": (
        ("work-orders", 3),
        {"code": "3", "name": "Waiting for parts", "scope": "work-orders", "isActive": True},
    ),
    "Vendor": (
        (30,),
        {
            "code": "30",
            "name": "Pumps Ltd",
            "updatedAt": CHANGED_AT,
            "customFields": {
                "email": "sales@pumps.example",
                "phone": "1",
                "contact": "Eve",
                "address": "Road 1",
                "locationId": 10,
            },
        },
    ),
    "Asset": (
        (21,),
        {
            **HERE,
            "parentKey": key("Asset", 20),
            "name": "Pump",
            "makeName": "Acme",
            "modelName": "P100",
            "serialNumber": "S-9",
            "activatedAt": MADE_AT,
            "updatedAt": CHANGED_AT,
            "customFields": {
                "hoursPerWeek": 40,
                "fields": {
                    "Make": "Acme",
                    "Model": "P100",
                    "Serial Number": "S-9",
                    "Running hours": "1234.5",
                },
            },
        },
    ),
    "Counter": (
        (4,),
        {
            "siteKey": key("Site", 10),
            "assetKeys": [key("Asset", 21)],
            "lastReading": "1234.5",
            "lastReadingAt": CHANGED_AT,
            "updatedAt": CHANGED_AT,
            "customFields": {"name": "Running hours", "fieldId": 4},
        },
    ),
    "Part": (
        (40,),
        {
            "siteKeys": [key("Site", 10)],
            "code": "40",
            "partNumber": "PX-1",
            "name": "Seal",
            "categoryName": "Seals",
            "uomKey": key("UnitOfMeasure", "each"),
            "cost": "19.99",
            "minimumQuantity": "3",
            "inventory": {"quantity": 12, "unitCost": "19.99", "locationKey": key("Location", 10)},
            "updatedAt": CHANGED_AT,
        },
    ),
    "Stock": (
        (40,),
        {
            "materialKey": key("Part", 40),
            "locationKey": key("Location", 10),
            "position": "R1",
            "uomKey": key("UnitOfMeasure", "each"),
            "quantity": 12,
            "minLevel": 3,
            "updatedAt": CHANGED_AT,
        },
    ),
    "WorkOrder": (
        (100,),
        {
            **HERE,
            "assetKey": key("Asset", 21),
            "teamKey": key("Team", 5),
            "laborAssignedKey": key("Labor", 1),
            "title": "Task 100",
            "code": "100",
            "instructions": "Replace the seal",
            "status": "Complete",
            "statusKey": key("Status", "work-orders", 1),
            "severity": "8",
            "categoryName": "Unplanned work order",
            "scheduledAt": MADE_AT,
            "dueAt": CHANGED_AT,
            "completedAt": CHANGED_AT,
            "completionRemarks": "Done",
            "createdAt": MADE_AT,
            "updatedAt": CHANGED_AT,
            "customFields": {
                "type": 2,
                "downtimeSeconds": 600,
                "completedByUser": 1,
                "requestor": "Ole",
                "requestorEmail": "ole@plant.example",
                "request": "It leaks",
                "purchaseOrders": [90],
                "meta1": "ours",
            },
        },
    ),
    "PreventiveMaintenance": (
        (110,),
        {
            "siteKey": key("Site", 10),
            "assetKeys": [key("Asset", 21)],
            "teamKey": key("Team", 5),
            "title": "Lubricate",
            "description": "Weekly",
            "categoryName": "Preventive maintenance",
            "categoryCode": "1",
            "dueAt": CHANGED_AT,
            "createdAt": MADE_AT,
            "updatedAt": CHANGED_AT,
        },
    ),
    "MaterialItem": (
        (500,),
        {
            "workOrderKey": key("WorkOrder", 100),
            "materialKey": key("Part", 40),
            "name": "Seal",
            "quantity": 2,
            "updatedAt": CHANGED_AT,
        },
    ),
    "ServiceRequest": (
        (50,),
        {
            **HERE,
            "assetKey": key("Asset", 21),
            "workOrderKey": key("WorkOrder", 100),
            "userRequestedKey": key("User", 2),
            "userApprovedKey": key("User", 1),
            "title": "It leaks",
            "description": "At the flange",
            "statusKey": key("Status", "service-requests", "Approved"),
            "severity": "8",
            "notes": "Soon",
            "approvedAt": "2026-01-03T09:00:00Z",
            "createdAt": MADE_AT,
            "updatedAt": CHANGED_AT,
            "customFields": {"requester": "Ole", "reviewedReason": "ok"},
        },
    ),
    "PurchaseOrder": (
        (90,),
        {
            **HERE,
            "orderDate": MADE_AT,
            "vendorKey": key("Vendor", 30),
            "userRequestedKey": key("User", 2),
            "orderNo": "PO-12",
            "statusKey": key("Status", "purchase-orders", 98),
            "dueAt": CHANGED_AT,
            "notes": "Urgent",
            "deliveryAddress": {"addressLines": "Gate 4"},
            "billingAddress": {"addressLines": "Kiel"},
            "updatedAt": CHANGED_AT,
            "lineItems": [
                {
                    **LINE,
                    "key": key("LineItem", 1),
                    "vendorKey": key("Vendor", 30),
                    "accountKey": key("Account", 4),
                    "quantity": 3,
                    "receivedQuantity": 1,
                    "price": "19.995",
                    "updatedAt": CHANGED_AT,
                }
            ],
            "customFields": {
                "step": "Partially received",
                "requestedByUserId": 2,
                "taskId": 100,
                "budgetId": 6,
                "customField1": "C1",
            },
        },
    ),
    "LineItem": (
        (1,),
        {
            **LINE,
            "quantity": "3",
            "receivedQuantity": "1",
            "price": "19.995",
            "updatedAt": CHANGED_AT,
            "customFields": {
                "poId": 90,
                "poNumber": 12,
                "glId": 4,
                "taskId": 100,
                "orderUnit": "pc",
                "taxPercent": 19,
                "discountPercent": 0,
                "shipping": "1.55",
            },
        },
    ),
    "Receipt": (
        (70,),
        {
            "siteKey": key("Site", 10),
            "poKey": key("PurchaseOrder", 90),
            "code": "7",
            "orderDate": CHANGED_AT,
            "lineItems": [
                {
                    "key": key("LineItem", 1),
                    "lineRef": "700",
                    "receivedQuantity": 1,
                    "deliveryAt": CHANGED_AT,
                }
            ],
        },
    ),
    "Invoice": (
        (70,),
        {
            "invoiceNumber": "7",
            "poKey": key("PurchaseOrder", 90),
            "locationKey": key("Location", 10),
            "statusKey": key("Status", "invoices", 1),
            "invoiceDate": "2026-01-03",
        },
    ),
}


def test_every_entity_is_read_field_by_field_and_references_resolve(plant: Limble) -> None:
    found = everything(connected(plant))
    assert set(EXPECTED) == set(found)
    for entity, (parts, wanted) in EXPECTED.items():
        own = str(key(entity, *parts))
        assert said(found[entity][own]) == {"key": own, **wanted}, entity
    assert dangling(found) == set()


def test_zero_and_minus_one_mean_nothing(plant: Limble) -> None:
    connector = connected(plant)
    bare = all_records(connector, "WorkOrder")[str(key("WorkOrder", 101))]
    nothing = ("assetKey", "teamKey", "laborAssignedKey", "severity", "scheduledAt", "dueAt", "completedAt")
    assert [bare[name] for name in nothing] == [None] * len(nothing)
    assert all_records(connector, "Asset")[str(key("Asset", 20))]["parentKey"] is None
    assert all_records(connector, "Part")[str(key("Part", 41))]["minimumQuantity"] is None


def test_templates_are_plans_and_no_work_orders(plant: Limble) -> None:
    connector = connected(plant)
    assert set(all_records(connector, "WorkOrder")) == {key("WorkOrder", 100), key("WorkOrder", 101)}
    assert set(all_records(connector, "PreventiveMaintenance")) == {key("PreventiveMaintenance", 110)}


def test_rates_of_lines_in_either_unit(plant: Limble) -> None:
    line = str(key("LineItem", 1))
    assert all_records(connected(plant), "LineItem")[line]["price"] == "19.995"
    assert all_records(connected(plant, line_unit="1"), "LineItem")[line]["price"] == "199950"
    (order,) = all_records(connected(plant), "PurchaseOrder").values()
    assert order["lineItems"][0]["price"] == Digits("19.995")


@pytest.mark.parametrize(
    ("entity", "path", "member", "number", "scope", "codes"),
    [
        ("WorkOrder", "tasks", "statusID", "taskID", "work-orders", [0, 1, 2, 3]),
        ("PurchaseOrder", "po", "status", "poID", "purchase-orders", [*range(102)]),
        ("Invoice", "bills", "status", "billID", "invoices", [0, 1, 2]),
        (
            "ServiceRequest",
            "work-requests/work-request-submissions",
            "status",
            "workRequestSubmissionId",
            "service-requests",
            INTERFACE["work-requests/work-request-submissions"]["row"]["status"],
        ),
    ],
)
def test_every_status_has_a_record_and_an_unknown_one_passes_through(
    plant: Limble, entity: str, path: str, member: str, number: str, scope: str, codes: list[Any]
) -> None:
    template = plant.rows[path][0]
    plant.rows[path] = [
        {**template, number: place, member: code} for place, code in enumerate([*codes, 999], 1)
    ]
    connector = connected(plant)
    statuses, records = all_records(connector, "Status"), all_records(connector, entity)
    for place, code in enumerate(codes, 1):
        status = statuses[records[str(key(entity, place))]["statusKey"]]
        assert (status["scope"], status["code"]) == (scope, str(code))
    unknown = records[str(key(entity, len(codes) + 1))]["statusKey"]
    assert unknown == key("Status", scope, 999)
    assert unknown not in statuses


def test_each_row_is_read_once_over_numbered_pages(plant: Limble) -> None:
    plant.rows["tasks"] = [task(number, template=number % 10 == 0) for number in range(1, 1102)]
    pages = all_pages(connected(plant), "WorkOrder")
    assert [len(page.rows) for page in pages] == [450, 450, 91, 0]
    assert sum(len(page.rows) for page in pages) == len(all_records(connected(plant), "WorkOrder"))


def test_each_row_is_read_once_where_pages_begin_after_the_last_id(plant: Limble) -> None:
    plant.rows["teams"] = [{"teamID": number, "name": "x", "locationID": 10} for number in range(1, 1002)]
    assert [len(page.rows) for page in all_pages(connected(plant), "Team")] == [500, 500, 1]
    assert "page" not in plant.asked[-1].query


@pytest.mark.parametrize(
    "entity",
    [
        "WorkOrder",
        "PreventiveMaintenance",
        "Asset",
        "Counter",
        "Vendor",
        "Part",
        "Stock",
        "PurchaseOrder",
        "LineItem",
    ],
)
def test_only_what_was_edited_after_the_moment_and_the_overlap_covers_its_second(
    plant: Limble, entity: str
) -> None:
    connector = connected(plant)
    moment = datetime.fromtimestamp(CHANGED, UTC)
    assert not all_records(connector, entity, Since(moment))
    overlap = connector.definition.entities[entity].overlap_seconds
    assert overlap > 0
    assert all_records(connector, entity, Since(datetime.fromtimestamp(CHANGED - overlap, UTC)))


def test_bills_are_asked_for_from_the_moment_they_were_made(plant: Limble) -> None:
    connector = connected(plant)
    assert len(all_records(connector, "Receipt", Since(datetime.fromtimestamp(CHANGED, UTC)))) == 1
    assert not all_records(connector, "Receipt", Since(datetime.fromtimestamp(CHANGED + 1, UTC)))


def test_a_wrong_secret_is_told(plant: Limble) -> None:
    report = probed(connected(plant, client_secret="stale-secret"), outbound())
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert "Make a new client id" in report.failure.message
    assert "stale-secret" not in str(report.as_dicts())


def test_what_the_plan_lacks_is_a_warning_but_for_tasks(plant: Limble) -> None:
    plant.denied = {"bills"}
    report = probed(connected(plant), outbound())
    assert report.failure is None
    warned = {
        stage.name for stage in report.stages if stage.state == "warning" and stage.name.startswith("read")
    }
    assert warned == {"read Receipt", "read Invoice"}
    plant.denied = {"tasks"}
    assert probed(connected(plant), outbound()).failure is not None


def test_at_the_call_limit_the_source_is_left_alone(plant: Limble) -> None:
    plant.calls_left = 0
    with pytest.raises(SourceThrottled, match="Too many requests"):
        all_records(connected(plant), "Team")
