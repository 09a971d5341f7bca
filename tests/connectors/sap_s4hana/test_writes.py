"""Writing to S/4HANA: what is sent, what comes back as a record, and what SAP refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from appliance.runtime.writing.writer import OutcomeUnknown, WriteConflict
from tests.connectors.sap_s4hana.asking import connected, given, key, status
from tests.runtime.opened import opened
from tests.runtime.written import read_back, source_row, write
from tests.simulators.gateway import Gateway
from tests.simulators.sap_s4hana import S4
from tests.simulators.sap_s4hana.services import ORDERS2, PURCHASING4, V2
from tests.transport.servers import Server

ORDERS = f"{V2}API_PURCHASEORDER_PROCESS_SRV/"
JANUARY, FEBRUARY = datetime(2026, 1, 25, 6, 30, tzinfo=UTC), datetime(2026, 2, 3, 14, 0, tzinfo=UTC)
DEFAULTS = {
    "company_code": "1000",
    "purchasing_organization": "1010",
    "purchasing_group": "001",
    "material_group": "L001",
    "maintenance_order_type": "YA01",
    "control_key": "YBM1",
    "base_unit": "PC",
    "notification_reference": True,
    "order_type": "NB",
    "notification_type": "M1",
    "equipment_category": "M",
    "product_type": "ERSA",
}


@pytest.fixture
def connector(s4: S4, server: Server) -> Iterator[Connector]:
    one = connected(s4, server, **DEFAULTS)
    yield one
    one.close()


def read(connector: Connector, entity: str, source_key: list[Any]) -> dict[str, Any]:
    return given(read_back(connector, entity, source_key))


PURCHASE: dict[str, Any] = {
    "vendorKey": "0000100042",
    "siteKey": "1010",
    "title": "offer 78",
    "orderDate": JANUARY,
    "terms": "0001",
    "currencyKey": "EUR",
    "lineItems": [
        {
            "materialKey": "SEAL-0042",
            "storeroomKey": ["1010", "101A"],
            "name": "Seal ring",
            "quantity": Decimal("12.500"),
            "uomKey": "PC",
            "price": Decimal("12.345"),
            "dueAt": FEBRUARY,
        },
        {"name": "Gasket, cut to size", "quantity": 2, "price": Decimal("7.5"), "accountKey": "0010101101"},
    ],
}


@pytest.mark.parametrize("old", [False, True])
def test_a_purchase_order_is_made_with_its_lines(s4: S4, server: Server, old: bool) -> None:
    if old:
        s4.inactive.add(PURCHASING4)
    connector = connected(s4, server, **DEFAULTS)
    number = write(connector, "PurchaseOrder", "create", PURCHASE, reference="a1b2c3d4e5f6a7b8")
    record = read(connector, "PurchaseOrder", number)
    connector.close()
    assert record | {"lineItems": None} == {
        "key": key("PurchaseOrder", *number),
        "orderNo": number[0],
        "siteKey": key("Site", "1010"),
        "organizationKey": key("Organization", "1000"),
        "orderDate": "2026-01-25T00:00:00Z",
        "vendorKey": key("Vendor", "0000100042"),
        "statusKey": status("purchase-orders", "02"),
        "title": "offer 78",
        "terms": "0001",
        "currencyKey": key("Currency", "EUR"),
        "updatedAt": "2026-01-20T00:00:00Z",
        "customFields": {
            "type": "NB",
            "purchasingOrganization": "1010",
            "purchasingGroup": "001",
            "ourReference": "a1b2c3d4e5f6",
        },
        "lineItems": None,
    }
    first, second = record["lineItems"]
    assert first == {
        "key": key("LineItem", *number, "10"),
        "vendorKey": key("Vendor", "0000100042"),
        "materialKey": key("Part", "SEAL-0042"),
        "productKey": key("Product", "SEAL-0042"),
        "storeroomKey": key("Storeroom", "1010", "101A"),
        "statusKey": status("purchase-orders.line-items", "open"),
        "lineNo": "10",
        "code": "SEAL-0042",
        "name": "Seal ring",
        "description": "Seal ring",
        "quantity": first["quantity"],
        "uomKey": key("UnitOfMeasure", "PC"),
        "currencyKey": key("Currency", "EUR"),
        "price": "12.345",
        "dueAt": "2026-02-03T00:00:00Z",
        **({"lineTotalValue": first["lineTotalValue"]} if "lineTotalValue" in first else {}),
    }
    assert Decimal(first["quantity"]) == Decimal("12.5")
    assert (second["lineNo"], second["name"]) == ("20", "Gasket, cut to size")
    assert (second["accountKey"], Decimal(second["price"])) == (key("Account", "0010101101"), Decimal("7.5"))
    assert "dueAt" not in second and "storeroomKey" not in second


@pytest.mark.parametrize("old", [False, True])
def test_header_and_lines_of_an_order_change_together(s4: S4, server: Server, old: bool) -> None:
    if old:
        s4.inactive.add(PURCHASING4)
    connector = connected(s4, server, **DEFAULTS)
    before = source_row(connector, "PurchaseOrder", ["4500000001"])
    record = {
        "title": NULL,
        "lineItems": [
            {"lineNo": "10", "quantity": Decimal(20), "price": Decimal("11.5"), "dueAt": JANUARY},
            {"name": "Grease", "quantity": 1},
        ],
    }
    write(connector, "PurchaseOrder", "update", record, key=["4500000001"], previous=before)
    changed = read(connector, "PurchaseOrder", ["4500000001"])
    connector.close()
    assert "title" not in changed and changed["terms"] == "0001"
    ten, twenty, new = changed["lineItems"]
    assert (Decimal(ten["quantity"]), Decimal(ten["price"]), ten["dueAt"]) == (
        20,
        Decimal("11.5"),
        "2026-01-25T00:00:00Z",
    )
    assert (ten["name"], ten["materialKey"]) == ("Seal ring", key("Part", "SEAL-0042"))
    assert (twenty["lineNo"], twenty["price"]) == ("20", "1234.50")
    assert (new["lineNo"], new["name"]) == ("30", "Grease")


@pytest.mark.parametrize("old", [False, True])
def test_nothing_changes_when_one_line_is_refused(s4: S4, server: Server, old: bool) -> None:
    if old:
        s4.inactive.add(PURCHASING4)
    connector = connected(s4, server, **DEFAULTS)
    before = read(connector, "PurchaseOrder", ["4500000001"])
    record = {
        "title": "other",
        "lineItems": [{"lineNo": "10", "quantity": 5}, {"lineNo": "77", "quantity": 5}],
    }
    with pytest.raises(SourceError, match="Resource not found"):
        write(connector, "PurchaseOrder", "update", record, key=["4500000001"])
    assert read(connector, "PurchaseOrder", ["4500000001"]) == before
    connector.close()


def test_a_line_is_deleted_by_its_status(connector: Connector) -> None:
    record = {"lineItems": [{"lineNo": "20", "statusKey": "deleted"}]}
    write(connector, "PurchaseOrder", "update", record, key=["4500000001"])
    _, twenty = read(connector, "PurchaseOrder", ["4500000001"])["lineItems"]
    assert twenty["statusKey"] == status("purchase-orders.line-items", "deleted")


@pytest.mark.parametrize("old", [False, True])
def test_the_same_order_is_made_once(s4: S4, server: Server, old: bool) -> None:
    if old:
        s4.inactive.add(PURCHASING4)
    connector = connected(s4, server, **DEFAULTS)
    first = write(connector, "PurchaseOrder", "create", PURCHASE, reference="cafe")
    again = write(connector, "PurchaseOrder", "create", PURCHASE, reference="cafe", retried=True)
    other = write(connector, "PurchaseOrder", "create", PURCHASE, reference="beef", retried=True)
    connector.close()
    assert first == again != other


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vendorKey": "0000000077"}, "Supplier 0000000077 does not exist"),
        ({"title": "more than twelve"}, "exceeds its length 12"),
        ({"lineItems": []}, "Document contains no items"),
        ({"siteKey": None, "lineItems": [{"materialKey": "SEAL-0042", "quantity": 1}]}, "value for Plant"),
    ],
)
def test_a_refusal_keeps_the_words_of_sap(connector: Connector, change: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        write(connector, "PurchaseOrder", "create", {**PURCHASE, **change})


def test_a_write_without_a_token_would_be_refused_and_a_lost_one_is_fetched_again(
    s4: S4, connector: Connector
) -> None:
    write(connector, "PurchaseOrder", "create", PURCHASE)
    s4.writes.tokens.clear()
    write(connector, "PurchaseOrder", "update", {"title": "again"}, key=["4500000001"])
    assert read(connector, "PurchaseOrder", ["4500000001"])["title"] == "again"
    assert s4.writes.tokens, "the simulator checks them with every write, batches among them"


def test_a_missing_right_is_told(s4: S4, server: Server, connector: Connector) -> None:
    assert connector.one("PurchaseOrder", ["4500000001"])
    s4.denied.add(PURCHASING4)
    with pytest.raises(SourceAccessDenied, match="communication scenario"):
        write(connector, "PurchaseOrder", "create", PURCHASE)


WORK: dict[str, Any] = {
    "title": "Change the seal again",
    "severity": "2",
    "siteKey": "1010",
    "assetKey": "210100094",
    "locationKey": "?0100000000000012345",
    "serviceRequestKey": "000010000555",
    "accountKey": "0010101101",
    "roleName": "MECH",
    "scheduledAt": JANUARY,
    "dueAt": FEBRUARY,
    "tasks": [{"title": "Drain"}, {"code": "0040", "title": "Flush"}],
}


def test_a_work_order_is_made_with_its_tasks(connector: Connector) -> None:
    number = write(connector, "WorkOrder", "create", WORK)
    record = read(connector, "WorkOrder", number)
    tasks = [(task["code"], task["title"], task["description"]) for task in record.pop("tasks")]
    assert tasks == [("0010", "Drain", "YBM1 MECH"), ("0040", "Flush", "YBM1 MECH")]
    assert record == {
        "key": key("WorkOrder", *number),
        "code": number[0],
        "title": "Change the seal again",
        "severity": "2",
        "siteKey": key("Site", "1010"),
        "assetKey": key("Asset", "210100094"),
        "locationKey": key("Location", "?0100000000000012345"),
        "serviceRequestKey": key("ServiceRequest", "000010000555"),
        "accountKey": key("Account", "0010101101"),
        "roleName": "MECH",
        "categoryName": "YA01",
        "scheduledAt": "2026-01-25T06:30:00Z",
        "dueAt": "2026-02-03T14:00:00Z",
        "status": "CRTD MANC",
        "statusKey": status("work-orders", "CRTD"),
        "createdAt": "2026-01-20T08:00:00Z",
        "updatedAt": "2026-01-20T08:00:00Z",
        "customFields": {},
    }


def test_only_what_is_given_changes_in_a_work_order(connector: Connector) -> None:
    before = read(connector, "WorkOrder", ["4000001"])
    previous = source_row(connector, "WorkOrder", ["4000001"])
    record = {"title": "Seal", "dueAt": FEBRUARY}
    write(connector, "WorkOrder", "update", record, key=["4000001"], previous=previous)
    after = read(connector, "WorkOrder", ["4000001"])
    # The order has a latest day, which is read before its end.
    assert after == {**before, "title": "Seal", "dueAt": "2026-02-03T00:00:00Z"}


@pytest.mark.parametrize(("entity", "number"), [("WorkOrder", "4000001"), ("PurchaseOrder", "4500000001")])
def test_what_another_user_changes_at_the_same_moment_is_a_conflict(
    s4: S4, connector: Connector, entity: str, number: str
) -> None:
    def change() -> None:
        s4.rows[ORDERS2]["MaintenanceOrder"][0]["MaintPriority"] = "4"
        s4.rows[PURCHASING4]["PurchaseOrder"][0]["PaymentTerms"] = "0009"

    s4.writes.meanwhile = change
    with pytest.raises(WriteConflict):
        write(connector, entity, "update", {"title": "Seal"}, key=[number])
    assert "Seal" not in read(connector, entity, [number]).values()


def test_a_work_order_goes_its_way(connector: Connector) -> None:
    number = write(connector, "WorkOrder", "create", WORK)
    with pytest.raises(SourceError, match="System status CRTD is active"):
        write(connector, "WorkOrder", "status", {}, key=number, status="TECO")
    for code in ("REL", "TECO", "CLSD", "DLFL"):
        write(connector, "WorkOrder", "status", {}, key=number, status=code)
        assert read(connector, "WorkOrder", number)["statusKey"] == status("work-orders", code)


@pytest.mark.parametrize("code", ["0040", "0045", "0050", "0060"])
def test_phases_before_the_release(s4: S4, connector: Connector, code: str) -> None:
    s4.rows[ORDERS2]["MaintenanceOrder"][0] |= {"SystemStatusText": "CRTD"}
    write(connector, "WorkOrder", "status", {}, key=["4000001"], status=code)
    assert read(connector, "WorkOrder", ["4000001"])["statusKey"] == status("work-orders", code)


@pytest.mark.parametrize("code", ["0075", "0085"])
def test_phases_after_the_release(connector: Connector, code: str) -> None:
    write(connector, "WorkOrder", "status", {}, key=["4000001"], status=code)
    assert read(connector, "WorkOrder", ["4000001"])["statusKey"] == status("work-orders", code)


def test_material_is_planned_for_the_first_operation(s4: S4, connector: Connector) -> None:
    previous = source_row(connector, "WorkOrder", ["4000001"])
    record = {
        "materialKey": "SEAL-0042",
        "storeroomKey": ["1010", "101A"],
        "requiredQuantity": Decimal("2.5"),
        "usedQuantity": 0,
    }
    write(connector, "WorkOrder", "add-material", record, key=["4000001"], previous=previous)
    (component,) = s4.rows[ORDERS2]["MaintOrderOpComponent"]
    assert component["MaintOrderComponentInternalID"]
    wanted = {
        "MaintenanceOrder": "4000001",
        "MaintenanceOrderOperation": "0010",
        "Product": "SEAL-0042",
        "QuantityInUnitOfEntry": "2.5",
        "Plant": "1010",
        "StorageLocation": "101A",
        "MaintComponentItemCategory": "L",
    }
    assert {name: component[name] for name in wanted} == wanted


def test_a_notification_is_made_once(connector: Connector) -> None:
    record = {
        "title": "Pump leaks",
        "description": "Found on the round",
        "assetKey": "210100094",
        "userRequestedKey": "MILLER",
    }
    number = write(connector, "ServiceRequest", "create", record, reference="0123456789abcdef0123456789")
    assert read(connector, "ServiceRequest", number) == {
        "key": key("ServiceRequest", *number),
        "title": "Pump leaks",
        "description": "Found on the round",
        "assetKey": key("Asset", "210100094"),
        "userRequestedKey": key("User", "MILLER"),
        "categoryName": "M1",
        "statusKey": status("service-requests", "1"),
        "createdAt": "2026-01-20T00:00:00Z",
        "updatedAt": "2026-01-20T00:00:00Z",
        "customFields": {
            "number": number[0],
            "externalReference": "0123456789abcdef0123",
            "isBreakdown": False,
        },
    }
    again = write(
        connector, "ServiceRequest", "create", record, reference="0123456789abcdef0123456789", retried=True
    )
    assert again == number


def test_a_release_without_external_references_is_not_asked_for_them(s4: S4, server: Server) -> None:
    connector = connected(s4, server, notification_type="M1")
    write(connector, "ServiceRequest", "create", {"title": "Leak"}, reference="a")
    with pytest.raises(OutcomeUnknown, match="cannot be asked"):
        write(connector, "ServiceRequest", "create", {"title": "Leak"}, reference="a", retried=True)
    connector.close()
    assert "MaintNotifExtReferenceNumber" not in str(s4.writes.sent) + str(s4.asked)


EQUIPMENT: dict[str, Any] = {
    "name": "Feed pump 2",
    "description": "P-102A",
    "siteKey": "1010",
    "parentKey": "210100001",
    "accountKey": "0010101101",
    "categoryName": "PUMP",
    "criticality": "B",
    "manufacturerName": "Pumpwerk",
    "modelName": "P-200",
    "serialNumber": "SN-900",
    "activatedAt": JANUARY,
}


def test_equipment_is_made_and_changed(connector: Connector) -> None:
    number = write(connector, "Asset", "create", EQUIPMENT)
    record = read(connector, "Asset", number)
    assert record == {
        "key": key("Asset", *number),
        "name": "Feed pump 2",
        "description": "P-102A",
        "siteKey": key("Site", "1010"),
        "parentKey": key("Asset", "210100001"),
        "accountKeys": [key("Account", "0010101101")],
        "categoryName": "PUMP",
        "criticality": "B",
        "isActive": True,
        "isPhysical": True,
        "makeName": "Pumpwerk",
        "modelName": "P-200",
        "serialNumber": "SN-900",
        "activatedAt": "2026-01-25T00:00:00Z",
        "customFields": record["customFields"],
    }
    write(connector, "Asset", "update", {"name": "Feed pump 2b", "parentKey": NULL}, key=number)
    changed = {name: value for name, value in record.items() if name != "parentKey"}
    assert read(connector, "Asset", number) == {**changed, "name": "Feed pump 2b"}


def test_a_material_is_made_and_changed(connector: Connector) -> None:
    record = {"code": "SEAL-0099", "name": "Seal ring 99", "partNumber": "SR-99", "siteKeys": ["1010"]}
    number = write(connector, "Part", "create", {**record, "description": "99 x 3"})
    part = read(connector, "Part", number)
    assert number == ["SEAL-0099"]
    assert (part["code"], part["name"], part["partNumber"]) == ("SEAL-0099", "Seal ring 99", "SR-99")
    assert (part["description"], part["siteKeys"]) == ("99 x 3", [key("Site", "1010")])
    assert (part["uomKey"], part["categoryName"]) == (key("UnitOfMeasure", "PC"), "L001")
    write(connector, "Part", "update", {"name": "Seal ring, 99", "isActive": False}, key=number)
    changed = {**part, "name": "Seal ring, 99", "isActive": False}
    again = read(connector, "Part", number)
    assert {**again, "customFields": None} == {**changed, "customFields": None}
    with pytest.raises(SourceError, match="already exists"):
        write(connector, "Part", "create", record)


def test_goods_are_received_for_an_order(connector: Connector) -> None:
    record = {
        "poKey": "4500000001",
        "siteKey": "1010",
        "notes": "LS-100",
        "orderDate": JANUARY,
        "completedAt": FEBRUARY,
        "lineItems": [
            {"lineNo": "10", "quantity": Decimal("4.500"), "uomKey": "PC", "storeroomKey": ["1010", "101A"]}
        ],
    }
    made = write(connector, "Receiving", "create", record, reference="feed")
    assert write(connector, "Receiving", "create", record, reference="feed", retried=True) == made
    receipt = read(connector, "Receiving", made)
    (line,) = receipt["lineItems"]
    assert receipt["key"] == key("Receiving", *made) and made[0] == "2026"
    assert (receipt["poKey"], receipt["notes"]) == (key("PurchaseOrder", "4500000001"), "LS-100")
    assert (receipt["orderDate"], receipt["completedAt"]) == ("2026-01-25T00:00:00Z", "2026-02-03T00:00:00Z")
    assert (line["materialKey"], line["quantity"], line["lineRef"], line["type"]) == (
        key("Part", "SEAL-0042"),
        "4.500",
        "4500000001/10",
        "101",
    )
    record["lineItems"][0]["lineNo"] = "90"
    with pytest.raises(SourceError, match="PO item 4500000001 90 does not exist"):
        write(connector, "Receiving", "create", record)


def test_another_gateway_takes_the_same_order() -> None:
    """The simulator of the old service that other tests use, which checks bodies by the published metadata."""
    with Gateway(orders=5, lines=1) as gateway:
        fields = {"url": gateway.url, "sign_in": "basic", "username": "SYNC", "password": "Welcome1"}
        connector = opened("sap_s4hana", {**fields, "client": "100", "time_zone": "UTC", **DEFAULTS})
        order = source_row(connector, "PurchaseOrder", [gateway.order_numbers()[0]])
        line = order["to_PurchaseOrderItem"]["results"][0]
        names = {"companyCode": "CompanyCode", "purchasingOrganization": "PurchasingOrganization"}
        record = {
            **PURCHASE,
            "vendorKey": order["Supplier"],
            "siteKey": line["Plant"],
            "lineItems": [
                {**PURCHASE["lineItems"][0], "materialKey": line["Material"], "storeroomKey": None}
            ],
            "customFields": {name: order[field] for name, field in names.items()},
        }
        number = write(connector, "PurchaseOrder", "create", record)
        made = read(connector, "PurchaseOrder", number)
        connector.close()
    assert (made["title"], len(made["lineItems"])) == ("offer 78", 1)
    assert made["lineItems"][0]["dueAt"] == "2026-02-03T00:00:00Z"
