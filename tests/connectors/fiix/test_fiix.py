"""The Fiix connector against a simulated tenant that enforces what is published of Fiix."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected, SourceError, SourceThrottled
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from appliance.runtime.select import decode
from tests.runtime.opened import MODEL, PART, Digits, all_pages, all_records, all_rows, opened, probed
from tests.simulators.fiix import ACCESS, APP, SECRET, Fiix

DAY = 86_400_000
JAN_5 = int(datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp() * 1000)


def filled() -> Fiix:
    fiix = Fiix()
    fiix.display = {
        "intWorkOrderStatusID": {7: "Open"},
        "intPriorityID": {2: "High"},
        "intMaintenanceTypeID": {3: "Corrective"},
        "intCategoryID": {4: "Pumps"},
        "intMeterReadingUnitsID": {1: "Hours"},
        "intStockTxTypeID": {6: "Receipt"},
        "intScheduledMaintenanceStatusID": {1: "Active"},
    }
    put = fiix.put
    put(
        "Asset",
        id=1,
        strName="Plant Ulm",
        strCode="ULM",
        intKind=1,
        bolIsSite=1,
        strCity="Ulm",
        bolIsOnline=1,
    )
    put("Asset", id=2, strName="Store", strCode="ST", intKind=1, bolIsSite=0, intSiteID=1, intAssetParentID=1)
    put("Asset", id=3, strName="Pump 3", strCode="P-3", strDescription="Feed pump", strMake="KSB", strModel="Etanorm",
        strSerialNumber="S3", strBarcode="B3", intKind=2, intCategoryID=4, intSiteID=1, intAssetLocationID=2,
        bolIsOnline=1, intAccountID=8, strCriticality="A", dtmCreated=JAN_5, intUpdated=JAN_5)  # fmt: skip
    put("Asset", id=4, strName="Torque wrench", intKind=3, intSiteID=1, intAssetParentID=3, bolIsOnline=0)
    put("Asset", id=5, strName="Bearing", strCode="BRG", strInventoryCode="6204", strMake="SKF", intKind=4, intSiteID=1,
        qtyStockCount=4.5, qtyMinStockCount=2, dblLastPrice=12.35, intAccountID=8, bolIsOnline=1)  # fmt: skip
    put("AssetBusiness", id=1, intAssetID=5, intBusinessID=9, strBusinessAssetNumber="SKF-6204")
    put(
        "Stock",
        id=1,
        intAssetID=5,
        intFacilityID=2,
        qtyOnHand=4.5,
        qtyMinQty=2,
        qtyMaxQty=9,
        strAisle="1",
        strBin="7",
    )
    put("StockHistory", id=11, intStockID=1, intStockTxTypeID=6, qtyBefore=2, qtyAfter=4.5, qtyQuantity=2.5,
        dtmDate=JAN_5, intUserID=6)  # fmt: skip
    put("Business", id=9, strName="Bearings Ltd", strCode="V9", strPrimaryContact="Ann", strCity="Bath")
    put("Account", id=8, strCode="4711", strDescription="Maintenance")
    put("Currency", id=1, strISOCode="EUR", strName="Euro", strSymbol="€")
    put("MeterReadingUnit", id=1, strName="Hours", strSymbol="h")
    put(
        "MeterReading",
        id=21,
        intAssetID=3,
        intMeterReadingUnitsID=1,
        dblMeterReading=1234.5,
        dtmDateSubmitted=JAN_5,
    )
    put("User", id=6, strFullName="Ben Buyer", strUserName="ben", strUserTitle="Buyer", bolGroup=0,
        strPersonnelCode="77", dblHourlyRate=40.5)  # fmt: skip
    put("User", id=7, strFullName="Mechanics", strUserName="mech", bolGroup=1)
    for scope in ("PurchaseOrder", "Receipt", "RFQ", "WorkOrder"):
        put(f"{scope}Status", id=7, intSysCode=1, intControlID=102, strName=f"{scope} closed")
        put(f"{scope}Status", id=70, intControlID=101, strName="Draft")
    put("PurchaseOrder", id=100, intCode=5001, strPurchaseOrderReference="Spring", intSupplierID=9,
        intPurchaseOrderStatusID=7, intSiteID=1, intShipToID=2, intPurchaseCurrencyID=1, intCreatedByUserID=6,
        dblSubtotal=24.7, dblTotal=29.393, dtmDateCreated=JAN_5 - DAY, dtmDateSubmitted=JAN_5,
        dtmDateRequiredBy=JAN_5 + DAY, dtmDateLastUpdated=JAN_5)  # fmt: skip
    put("PurchaseOrderLineItem", id=1001, intPurchaseOrderID=100, intAssetID=5, intSupplierID=9, qtyOnOrder=2,
        qtyRecieved=0.5, dblUnitPrice=12.35, dblTotalPrice=24.7, intSourceAssetID=3, intAccountID=8,
        strDescription="Bearing 6204", strBusinessAssetNumber="SKF-6204", dtmDateCreated=JAN_5)  # fmt: skip
    put(
        "PurchaseOrderLineItem",
        id=1002,
        intAssetID=5,
        qtyOnOrder=3,
        intRequestedByUserID=6,
        strDescription="More",
    )
    put("Receipt", id=200, intCode=88, intPurchaseOrderID=100, intReceiptStatusID=7, intSupplierID=9, intSiteID=1,
        dtmDateReceived=JAN_5, strPackingSlip="PS-1")  # fmt: skip
    put("ReceiptLineItem", id=2001, intReceiptID=200, intPurchaseOrderLineItemID=1001, intAssetID=5,
        intReceiveToFacilityID=2, qtyQuantityOrdered=2, qtyQuantityReceived=0.5,
        dblPurchasePricePerUnit=12.35)  # fmt: skip
    put("RFQ", id=300, intRFQStatusID=7)
    put("WorkOrder", id=400, strCode="WO-400", strDescription="Change bearing", intWorkOrderStatusID=7, intPriorityID=2,
        intMaintenanceTypeID=3, intSiteID=1, intScheduledMaintenanceID=500, strNameUserGuest="Gil",
        dtmDateCreated=JAN_5 - DAY, dtmDateCompleted=JAN_5, dtmDateLastModified=JAN_5, strCompletionNotes="Done",
        dtmSuggestedCompletionDate=JAN_5 + DAY)  # fmt: skip
    put("WorkOrder", id=401, strCode="WO-401", intWorkOrderStatusID=999, dtmDateLastModified=JAN_5 - 10 * DAY)
    put("WorkOrderAsset", id=1, intWorkOrderID=400, intAssetID=3)
    put("WorkOrderUser", id=1, intWorkOrderID=400, intUserID=6)
    put("WorkOrderTask", id=41, intWorkOrderID=400, intOrder=1, strDescription="Dismount", intAssetID=3,
        intCompletedByUserID=6, dblTimeEstimatedHours=1, dblTimeSpentHours=1.25, dtmStartDate=JAN_5)  # fmt: skip
    put("WorkOrderPart", id=51, intWorkOrderID=400, intPartID=5, intAssetID=3, qtySuggestedQuantity=1,
        qtyActualQuantityUsed=2)  # fmt: skip
    put("ScheduledMaintenance", id=500, strCode="PM-1", strDescription="Grease", intScheduledMaintenanceStatusID=1,
        intSiteID=1, dblSuggestedTime=2.5, dtmCreateDate=JAN_5, dtmUpdatedDate=JAN_5)  # fmt: skip
    put("ScheduledMaintenanceAsset", id=1, intScheduledMaintenanceID=500, intAssetID=3)
    put(
        "ScheduledTask",
        id=1,
        intScheduledMaintenanceID=500,
        intOrder=1,
        strDescription="Look",
        dblTimeEstimatedHours=1,
    )
    return fiix


@pytest.fixture
def fiix() -> Fiix:
    return filled()


@pytest.fixture
def connector(fiix: Fiix) -> Iterator[Connector]:
    with fiix.served() as server:
        made = connected(server.url)
        yield made
        made.close()


def connected(url: str, **fields: Any) -> Connector:
    base = {
        "url": url,
        "app_key": APP,
        "access_key": ACCESS,
        "secret_key": SECRET,
        "tool_kind": 3,
        "part_kind": 4,
    }
    return opened("fiix", {**base, **fields})


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts])


EXPECTED: dict[tuple[str, tuple[object, ...]], dict[str, Any]] = {
    ("Site", (1,)): {"name": "Plant Ulm", "code": "ULM"},
    ("Location", (2,)): {"name": "Store", "siteKey": key("Site", 1), "parentKey": key("Location", 1)},
    ("Storeroom", (2,)): {"code": "ST", "locationKey": key("Location", 2), "parentKey": key("Storeroom", 1)},
    ("Asset", (3,)): {
        "name": "Pump 3", "description": "Feed pump", "siteKey": key("Site", 1), "locationKey": key("Location", 2),
        "parentKey": None, "accountKeys": [key("Account", 8)], "makeName": "KSB", "modelName": "Etanorm",
        "serialNumber": "S3", "categoryName": "Pumps", "criticality": "A", "isActive": True,
        "createdAt": "2026-01-05T08:00:00Z",
    },
    ("Asset", (4,)): {"name": "Torque wrench", "parentKey": key("Asset", 3), "isActive": False},
    ("Part", (5,)): {
        "code": "BRG", "partNumber": "6204", "manufacturerName": "SKF", "minimumQuantity": "2", "cost": Digits("12.35"),
        "accountKey": key("Account", 8), "siteKeys": [key("Site", 1)], "vendorKeys": [key("Vendor", 9)],
    },
    ("Stock", (1,)): {
        "materialKey": key("Part", 5), "locationKey": key("Location", 2), "storeroomKey": key("Storeroom", 2),
        "quantity": Digits("4.5"), "minLevel": 2, "maxLevel": 9, "position": "1-7",
    },
    ("StockAdjustment", (11,)): {"type": "Receipt", "userKey": key("User", 6), "date": "2026-01-05T08:00:00Z"},
    ("Vendor", (9,)): {"name": "Bearings Ltd", "code": "V9"},
    ("Account", (8,)): {"code": "4711", "name": "Maintenance"},
    ("Currency", (1,)): {"code": "EUR", "name": "Euro"},
    ("UnitOfMeasure", (1,)): {"code": "h", "name": "Hours"},
    ("CounterReading", (21,)): {"assetKey": key("Asset", 3), "reading": "1234.5", "createdAt": "2026-01-05T08:00:00Z"},
    ("User", (6,)): {"name": "Ben Buyer", "roleName": "Buyer", "description": "ben"},
    ("Labor", (6,)): {"name": "Ben Buyer", "code": "77", "userKey": key("User", 6)},
    ("Team", (7,)): {"name": "Mechanics", "code": "mech"},
    ("Status", ("work-orders", 7)): {"code": "7", "subCode": "102", "name": "WorkOrder closed"},
    ("LineItem", (1001,)): {"materialKey": key("Part", 5), "quantity": "2", "receivedQuantity": "0.5"},
    ("PurchaseRequisition", (1002,)): {"code": "1002", "requesterKey": key("User", 6)},
    ("Receipt", (200,)): {"poKey": key("PurchaseOrder", 100), "code": "88", "completedAt": "2026-01-05T08:00:00Z"},
    ("RequestForQuotation", (300,)): {"statusKey": key("Status", "rfq", 7)},
    ("MaterialItem", (51,)): {
        "materialKey": key("Part", 5), "workOrderKey": key("WorkOrder", 400), "quantity": 2, "requiredQuantity": 1,
    },
    ("ServiceRequest", (400,)): {"title": "Change bearing", "workOrderKey": key("WorkOrder", 400),
        "statusKey": key("Status", "service-requests", 7)},
    ("PreventiveMaintenance", (500,)): {
        "title": "Grease", "assetKeys": [key("Asset", 3)], "status": "Active", "estimatedTime": "2.5",
        "updatedAt": "2026-01-05T08:00:00Z",
    },
    ("WorkOrder", (400,)): {
        "code": "WO-400", "title": "Change bearing", "siteKey": key("Site", 1), "assetKey": key("Asset", 3),
        "pmKey": key("PreventiveMaintenance", 500), "laborAssignedKey": key("Labor", 6), "status": "Open",
        "statusKey": key("Status", "work-orders", 7), "severity": "High", "categoryName": "Corrective",
        "dueAt": "2026-01-06T08:00:00Z", "completedAt": "2026-01-05T08:00:00Z", "completionRemarks": "Done",
        "createdAt": "2026-01-04T08:00:00Z", "updatedAt": "2026-01-05T08:00:00Z",
    },
    ("PurchaseOrder", (100,)): {
        "orderNo": "5001", "title": "Spring", "vendorKey": key("Vendor", 9), "siteKey": key("Site", 1),
        "statusKey": key("Status", "purchase-orders", 7), "currencyKey": key("Currency", 1),
        "locationKey": key("Location", 2), "userRequestedKey": key("User", 6), "totalNetValue": "24.7",
        "totalGrossValue": "29.393", "orderDate": "2026-01-05T08:00:00Z", "dueAt": "2026-01-06T08:00:00Z",
        "updatedAt": "2026-01-05T08:00:00Z",
    },
}  # fmt: skip


def test_every_entity_is_read_and_mapped(connector: Connector) -> None:
    assert {entity for entity, _ in EXPECTED} == set(connector.definition.entities)
    for (entity, parts), expected in EXPECTED.items():
        record = all_records(connector, entity)[str(key(entity, *parts))]
        assert {name: record[name] for name in expected} == expected, entity


def test_lines_stand_in_their_documents(connector: Connector) -> None:
    (line,) = all_records(connector, "PurchaseOrder")[str(key("PurchaseOrder", 100))]["lineItems"]
    assert line["key"] == key("LineItem", 1001)
    assert (line["quantity"], line["receivedQuantity"], line["price"]) == (2, "0.5", "12.35")
    assert (line["assetKey"], line["materialKey"]) == (key("Asset", 3), key("Part", 5))
    (received,) = all_records(connector, "Receipt")[str(key("Receipt", 200))]["lineItems"]
    assert (received["receivedQuantity"], received["storeroomKey"]) == ("0.5", key("Storeroom", 2))
    (requested,) = all_records(connector, "PurchaseRequisition")[str(key("PurchaseRequisition", 1002))][
        "lineItems"
    ]
    assert (requested["quantity"], requested["name"]) == (3, "More")
    order = all_records(connector, "WorkOrder")[str(key("WorkOrder", 400))]
    assert order["tasks"][0]["title"] == "Dismount"
    assert (order["resources"][0]["laborKey"], order["resources"][0]["registeredTime"]) == (
        key("Labor", 6),
        "1.25",
    )
    (supply,) = all_records(connector, "Part")[str(key("Part", 5))]["supplyOptions"]
    assert (supply["vendorKey"], supply["partNumber"]) == (key("Vendor", 9), "SKF-6204")


def test_every_status_of_the_tenant_has_its_scope_and_an_unknown_one_passes_through(
    connector: Connector,
) -> None:
    statuses = all_records(connector, "Status")
    assert {(status["scope"], status["code"]) for status in statuses.values()} == {
        (scope, code)
        for scope in ("purchase-orders", "receipts", "rfq", "work-orders", "service-requests")
        for code in ("7", "70")
    }
    assert all_records(connector, "PurchaseOrder")[str(key("PurchaseOrder", 100))]["statusKey"] in statuses
    unknown = all_records(connector, "WorkOrder")[str(key("WorkOrder", 401))]
    assert unknown["statusKey"] == key("Status", "work-orders", 999)


def test_pages_hold_each_row_once_and_lines_come_for_a_page_together(
    fiix: Fiix, connector: Connector
) -> None:
    for number in range(1000, 1230):
        fiix.put("PurchaseOrder", id=number, intCode=number, dtmDateLastUpdated=JAN_5)
        for line in range(5):
            fiix.put(
                "PurchaseOrderLineItem", id=number * 100 + line, intPurchaseOrderID=number, qtyOnOrder=line
            )
    fiix.asked.clear()
    pages = all_pages(connector, "PurchaseOrder")
    assert [len(page.rows) for page in pages] == [100, 100, 31]
    rows = [decode(row) for page in pages for row in page.rows]
    assert [row["id"] for row in rows] == [100, *range(1000, 1230)]
    assert all(len(row["lines"]) == 5 for row in rows[1:])
    # Ten times 25 orders with 125 lines, which are two pages each.
    assert sum(one["className"] == "PurchaseOrderLineItem" for one in fiix.asked) < 25


def test_only_what_has_changed_is_asked_for(fiix: Fiix, connector: Connector) -> None:
    at, before = datetime(2026, 1, 5, 8, tzinfo=UTC), JAN_5 - 1000
    fiix.put("WorkOrder", id=402, dtmDateLastModified=before)
    assert [decode(row)["id"] for row in all_rows(connector, "WorkOrder", Since(at))] == [400]
    assert [decode(row)["id"] for row in all_rows(connector, "ServiceRequest", Since(at))] == [400]
    fiix.put("MeterReading", id=22, intAssetID=3, intMeterReadingUnitsID=1, dblMeterReading=1240)
    (page,) = all_pages(connector, "CounterReading")
    assert page.mark == 22
    (later,) = all_pages(connector, "CounterReading", Since(mark=21))
    assert [decode(row)["id"] for row in later.rows] == [22]


@pytest.mark.parametrize("wrong", ["secret_key", "access_key", "app_key"])
def test_a_wrong_key_is_told_as_such(fiix: Fiix, wrong: str) -> None:
    with fiix.served() as server:
        connector = connected(server.url, **{wrong: "of another plant"})
        for read in (True, False):
            assert isinstance(probed(connector, read=read).failure, SourceCredentialsRejected)


def test_an_entity_without_the_right_is_a_warning_but_orders_are_needed(
    fiix: Fiix, connector: Connector
) -> None:
    fiix.denied = {"StockHistory"}
    report = probed(connector)
    assert report.failure is None
    assert [stage.name for stage in report.stages if stage.state == "warning" and stage.code] == [
        "read StockAdjustment"
    ]
    fiix.denied = {"PurchaseOrder"}
    assert isinstance(probed(connector).failure, SourceAccessDenied)


@pytest.mark.parametrize("status", [200, 429])
def test_throttling_tells_how_long_to_wait(fiix: Fiix, connector: Connector, status: int) -> None:
    fiix.throttle, fiix.throttle_status = 1, status
    with pytest.raises(SourceThrottled) as raised:
        all_rows(connector, "Vendor")
    assert raised.value.retry_after == 2.5


def test_an_error_inside_a_good_status_is_no_empty_list(fiix: Fiix, connector: Connector) -> None:
    fiix.denied = {"Business"}
    with pytest.raises(SourceError, match="No permission to read Business"):
        all_rows(connector, "Vendor")
