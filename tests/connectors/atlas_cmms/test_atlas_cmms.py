"""The Atlas CMMS connector against a simulated server that enforces what its source says."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected, SourceThrottled
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from appliance.runtime.select import decode
from tests.runtime.opened import MODEL, PART, Digits, all_pages, all_records, all_rows, opened, probed
from tests.simulators.atlas_cmms import API_KEY, EMAIL, PASSWORD, Atlas


def filled() -> Atlas:
    atlas = Atlas()
    put, details = atlas.put, atlas.details
    put("locations", id=1, customId="L1", name="Plant", address="Main Street 1")
    put("locations", id=2, customId="L2", name="Hall", parentLocation={"id": 1})
    put("teams", id=4, name="Mechanics", description="Early shift")
    put("users", id=6, firstName="Ben", lastName="Buyer", email="ben@plant.example", jobTitle="Fitter", rate=40,
        role={"id": 1, "name": "Technician"}, enabled=True, location={"id": 1})  # fmt: skip
    put("vendors", id=9, companyName="Bearings Ltd", name="Ann", email="ann@bearings.example")
    put("assets", id=3, customId="A3", name="Pump 3", description="Feed pump", serialNumber="S3", model="Etanorm",
        manufacturer="KSB", location={"id": 2}, category={"id": 1, "name": "Pumps"}, archived=False,
        status="EMERGENCY_SHUTDOWN", vendors=[{"id": 9}], inServiceDate="2020-01-01T00:00:00.000+00:00")  # fmt: skip
    put("assets", id=30, name="Motor", parentAsset={"id": 3}, archived=True, status="OPERATIONAL")
    put("parts", id=5, name="Bearing", barcode="6204", cost=12.35, quantity=4.5, minQuantity=2.0, area="R1",
        unit="pcs",
        vendors=[{"id": 9}], assets=[{"id": 3}])  # fmt: skip
    put("purchase-orders", id=100, name="Spring", status="PENDING", vendor={"id": 9}, shippingCity="Ulm",
        shippingDueDate="2026-01-20T00:00:00.000+00:00", additionalInfoTerm="30 days",
        partQuantities=[{"id": 1001, "part": {"id": 5, "name": "Bearing", "barcode": "6204", "cost": 12.35},
                         "quantity": 2.5}])  # fmt: skip
    put("work-orders", id=400, customId="WO400", title="Change bearing", description="Both", status="ON_HOLD",
        priority="HIGH", asset={"id": 3}, location={"id": 2}, team={"id": 4}, primaryUser={"id": 6},
        category={"id": 9, "name": "Repair"}, parentRequest={"id": 700}, parentPreventiveMaintenance={"id": 500},
        estimatedDuration=1.5, dueDate="2026-01-20T00:00:00.000+00:00", feedback="Done", archived=False)  # fmt: skip
    details["tasks/work-order/400"] = [
        {"id": 41, "notes": "Look", "taskBase": {"label": "Dismount", "taskType": "TEXT"}}
    ]
    details["labors/work-order/400"] = [
        {"id": 42, "assignedTo": {"id": 6}, "hourlyRate": 40, "duration": 3600}
    ]
    details["part-quantities/work-order/400"] = [
        {"id": 43, "part": {"id": 5, "name": "Bearing"}, "quantity": 2.0}
    ]
    details["asset-downtimes/asset/3"] = [
        {"id": 44, "startsOn": "2026-01-04T08:00:00.000+00:00", "duration": 60}
    ]
    put("requests", id=700, title="Noise", asset={"id": 3}, cancelled=False, workOrder={"id": 400}, createdBy=6,
        priority="LOW")  # fmt: skip
    put("requests", id=701, title="Leak", cancelled=True, cancellationReason="Twice")
    put("requests", id=702, title="Smell", cancelled=False)
    put("preventive-maintenances", id=500, customId="PM1", name="Grease", asset={"id": 3}, team={"id": 4},
        schedule={"id": 1, "frequency": 2, "recurrenceType": "WEEKLY", "recurrenceBasedOn": "SCHEDULED_DATE",
                  "startsOn": "2026-02-01T00:00:00.000+00:00"})  # fmt: skip
    put("meters", id=8, name="Hours", unit="h", asset={"id": 3}, updateFrequency=7)
    details["readings/meter/8"] = [{"id": 81, "value": 1234.5, "createdAt": "2026-01-05T08:00:00.000+00:00"}]
    put("files", id=31, name="plan.pdf", type="OTHER", path="signed")
    return atlas


@pytest.fixture
def atlas() -> Atlas:
    return filled()


@pytest.fixture
def connector(atlas: Atlas) -> Iterator[Connector]:
    with atlas.served() as server:
        made = connected(server.url)
        yield made
        made.close()


def connected(url: str, **fields: Any) -> Connector:
    base = {"url": f"{url}/api", "sign_in": "api_key", "api_key": API_KEY, "details": True}
    return opened("atlas_cmms", {**base, **fields})


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts])


CREATED, AT, DUE = "2026-01-02T08:00:00Z", "2026-01-05T08:00:00Z", "2026-01-20T00:00:00Z"
EXPECTED: dict[tuple[str, tuple[object, ...]], dict[str, Any]] = {
    ("WorkOrder", (400,)): {
        "code": "WO400", "title": "Change bearing", "instructions": "Both", "status": "ON_HOLD", "severity": "HIGH",
        "statusKey": key("Status", "work-orders", "ON_HOLD"), "categoryName": "Repair", "assetKey": key("Asset", 3),
        "locationKey": key("Location", 2), "teamKey": key("Team", 4), "laborAssignedKey": key("Labor", 6),
        "serviceRequestKey": key("ServiceRequest", 700), "pmKey": key("PreventiveMaintenance", 500),
        "estimatedTime": "1.5", "dueAt": DUE, "completionRemarks": "Done", "createdAt": CREATED, "updatedAt": AT,
    },
    ("ServiceRequest", (700,)): {
        "title": "Noise", "workOrderKey": key("WorkOrder", 400), "assetKey": key("Asset", 3), "severity": "LOW",
        "statusKey": key("Status", "service-requests", "APPROVED"), "userRequestedKey": key("User", 6),
    },
    ("PreventiveMaintenance", (500,)): {
        "title": "Grease", "assetKeys": [key("Asset", 3)], "teamKey": key("Team", 4), "dueAt": "2026-02-01T00:00:00Z",
    },
    ("MaterialItem", (43,)): {"materialKey": key("Part", 5), "workOrderKey": key("WorkOrder", 400),
    "quantity": "2.0"},
    ("AssetDowntime", (44,)): {"assetKey": key("Asset", 3), "startedAt": "2026-01-04T08:00:00Z", "endedAt": None},
    ("Counter", (8,)): {"assetKeys": [key("Asset", 3)], "uomName": "h"},
    ("CounterReading", (81,)): {"meterKey": key("Counter", 8), "assetKey": key("Asset", 3), "reading": "1234.5",
        "createdAt": AT},
    ("Asset", (3,)): {
        "name": "Pump 3", "locationKey": key("Location", 2), "vendorKey": key("Vendor", 9), "categoryName": "Pumps",
        "makeName": "KSB", "modelName": "Etanorm", "serialNumber": "S3", "isActive": True,
        "activatedAt": "2020-01-01T00:00:00Z",
    },
    ("Asset", (30,)): {"parentKey": key("Asset", 3), "isActive": False},
    ("Location", (2,)): {"code": "L2", "name": "Hall", "parentKey": key("Location", 1)},
    ("Part", (5,)): {
        "code": "6204", "name": "Bearing", "cost": Digits("12.35"), "minimumQuantity": "2.0",
        "vendorKeys": [key("Vendor", 9)], "assetKeys": [key("Asset", 3)],
    },
    ("Stock", (5,)): {"materialKey": key("Part", 5), "quantity": Digits("4.5"), "position": "R1"},
    ("Vendor", (9,)): {"name": "Bearings Ltd", "createdAt": CREATED},
    ("PurchaseOrder", (100,)): {
        "orderNo": "100", "title": "Spring", "vendorKey": key("Vendor", 9), "dueAt": DUE, "terms": "30 days",
        "statusKey": key("Status", "purchase-orders", "PENDING"), "orderDate": CREATED, "updatedAt": AT,
    },
    ("LineItem", (1001,)): {"materialKey": key("Part", 5), "quantity": "2.5", "price": "12.35",
        "vendorKey": key("Vendor", 9)},
    ("User", (6,)): {"name": "Ben Buyer", "roleName": "Technician", "isActive": True,
        "locationKeys": [key("Location", 1)]},
    ("Labor", (6,)): {"name": "Ben Buyer", "roleName": "Fitter", "userKey": key("User", 6)},
    ("Team", (4,)): {"name": "Mechanics", "description": "Early shift"},
    ("Document", (31,)): {"name": "plan.pdf", "type": "OTHER", "url": None},
    ("Status", ("assets", "STANDBY")): {"name": "Standby", "scope": "assets"},
}  # fmt: skip


def test_every_entity_is_read_and_mapped(connector: Connector) -> None:
    assert {entity for entity, _ in EXPECTED} == set(connector.definition.entities)
    for (entity, parts), expected in EXPECTED.items():
        record = all_records(connector, entity)[str(key(entity, *parts))]
        assert {name: record[name] for name in expected} == expected, entity


def test_lines_tasks_and_labor_stand_in_their_documents(connector: Connector) -> None:
    (line,) = all_records(connector, "PurchaseOrder")[str(key("PurchaseOrder", 100))]["lineItems"]
    assert (line["key"], line["materialKey"]) == (key("LineItem", 1001), key("Part", 5))
    assert (line["quantity"], line["price"]) == ("2.5", "12.35")
    order = all_records(connector, "WorkOrder")[str(key("WorkOrder", 400))]
    assert [task["title"] for task in order["tasks"]] == ["Dismount"]
    assert [work["laborKey"] for work in order["resources"]] == [key("Labor", 6)]
    (trigger,) = all_records(connector, "PreventiveMaintenance")[str(key("PreventiveMaintenance", 500))][
        "triggers"
    ]
    assert (trigger["type"], trigger["interval"]) == ("WEEKLY", "2")


def test_details_are_asked_for_only_when_wanted(atlas: Atlas) -> None:
    with atlas.served() as server:
        sparing = connected(server.url, details=False)
        for entity in sparing.definition.entities:
            all_rows(sparing, entity)
        assert {path.partition("/")[2] for path in atlas.asked} == {"search"}
        assert all_records(sparing, "WorkOrder")[str(key("WorkOrder", 400))]["tasks"] == []


def test_every_status_is_known_and_another_passes_through(atlas: Atlas, connector: Connector) -> None:
    statuses = all_records(connector, "Status")
    for scope, listed, entity, codes in (
        ("work-orders", "work-orders", "WorkOrder", ("OPEN", "IN_PROGRESS", "ON_HOLD", "COMPLETE")),
        ("purchase-orders", "purchase-orders", "PurchaseOrder", ("PENDING", "APPROVED", "REJECTED")),
    ):
        for number, code in enumerate((*codes, "ELSEWHERE"), start=1000):
            atlas.put(listed, id=number, status=code)
        records = all_records(connector, entity)
        found = [records[str(key(entity, 1000 + number))]["statusKey"] for number in range(len(codes) + 1)]
        assert found == [key("Status", scope, code) for code in (*codes, "ELSEWHERE")]
        assert set(found[:-1]) <= set(statuses)
    requests = all_records(connector, "ServiceRequest")
    assert {requests[str(key("ServiceRequest", number))]["statusKey"] for number in (700, 701, 702)} == {
        key("Status", "service-requests", code) for code in ("APPROVED", "REJECTED", "PENDING")
    }
    assert sum(status["scope"] == "assets" for status in statuses.values()) == 7


def test_pages_hold_each_row_once(atlas: Atlas, connector: Connector) -> None:
    for number in range(1000, 1230):
        atlas.put("parts", id=number, name=f"P{number}")
    pages = all_pages(connector, "Part")
    assert [len(page.rows) for page in pages] == [100, 100, 31]
    assert pages[0].expected == 231
    assert [decode(row)["id"] for page in pages for row in page.rows] == [5, *range(1000, 1230)]


def test_only_what_has_changed_is_asked_for(atlas: Atlas, connector: Connector) -> None:
    before = "2026-01-05T07:59:59.999+00:00"
    atlas.put("work-orders", id=401, status="OPEN", updatedAt=before)
    atlas.put("requests", id=703, cancelled=False, updatedAt=before)
    at = Since(datetime(2026, 1, 5, 8, tzinfo=UTC))
    assert [decode(row)["id"] for row in all_rows(connector, "WorkOrder", at)] == [400]
    assert {decode(row)["id"] for row in all_rows(connector, "ServiceRequest", at)} == {700, 701, 702}
    assert len(all_rows(connector, "ServiceRequest")) == 4
    later = Since(datetime(2026, 1, 5, 8, 0, 1, tzinfo=UTC))
    assert all(
        all_rows(connector, entity, later) == [] for entity in ("WorkOrder", "Part", "LineItem", "Counter")
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "another"},
        {"sign_in": "password", "email": EMAIL, "password": "wrong"},
        {"sign_in": "password", "email": "b@plant.example", "password": PASSWORD},
    ],
)
def test_a_wrong_sign_in_is_told_as_such(atlas: Atlas, fields: dict[str, Any]) -> None:
    with atlas.served() as server:
        for read in (True, False):
            report = probed(connected(server.url, **fields), read=read)
            assert isinstance(report.failure, SourceCredentialsRejected)


def test_a_licence_without_api_access_is_told_and_the_password_still_works(atlas: Atlas) -> None:
    atlas.api_access = False
    with atlas.served() as server:
        refused = probed(connected(server.url)).failure
        assert refused is not None
        assert "licence has API access" in refused.message
        signed_in = connected(server.url, sign_in="password", email=EMAIL, password=PASSWORD)
        assert probed(signed_in).failure is None
        atlas.expire()
        assert len(all_rows(signed_in, "Vendor")) == 1
        assert atlas.sign_ins == 2


def test_a_list_the_plan_lacks_is_a_warning_but_work_orders_are_needed(
    atlas: Atlas, connector: Connector
) -> None:
    atlas.denied = {"purchase-orders"}
    report = probed(connector)
    assert report.failure is None
    warnings = [stage.name for stage in report.stages if stage.state == "warning" and stage.code]
    assert warnings == ["read PurchaseOrder", "read LineItem"]
    atlas.denied = {"work-orders"}
    assert isinstance(probed(connector).failure, SourceAccessDenied)


def test_too_many_requests_are_throttling(atlas: Atlas, connector: Connector) -> None:
    atlas.busy = 1
    with pytest.raises(SourceThrottled):
        all_rows(connector, "Vendor")
