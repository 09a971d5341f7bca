"""Writes to Maximo, read back field by field, against a simulator that refuses what Maximo refuses."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import InvalidInput, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from appliance.runtime.writing.fields import statuses
from appliance.runtime.writing.writer import RecordGone, WriteConflict
from tests.connectors.expecting import key
from tests.connectors.reading_back import chosen, unified, write
from tests.runtime.opened import opened
from tests.simulators.maximo import Maximo
from tests.simulators.maximo.service import KEY

Open = Callable[..., Connector]
DUE = datetime(2026, 2, 1, 7, 30, tzinfo=UTC)


@pytest.fixture
def maximo() -> Maximo:
    return Maximo()


@pytest.fixture
def connector(maximo: Maximo) -> Iterator[Connector]:
    with maximo.served() as server:
        fields = {"url": f"{server.url}/maximo", "servlet": "api", "api_key": KEY, "structures": "mxapi"}
        made = opened("maximo", {**fields, "by_day": False, "item_set": "SET1"})
        yield made
        made.close()


WORK_ORDER = {
    "title": "Replace seal", "siteKey": "BEDFORD", "instructions": "Lock out first.", "severity": "2",
    "locationKey": ["BEDFORD", "PUMPROOM"], "assetKey": ["BEDFORD", "P-101"], "accountKey": ["EAGLENA", "6000-200"],
    "categoryName": "CM", "dueAt": DUE, "scheduledAt": DUE, "tasks": [{"title": "Drain"}, {"title": "Open"}],
    "customFields": {"lead": "WILSON"},
}  # fmt: skip


def test_a_work_order_with_its_tasks(connector: Connector) -> None:
    made = write(connector, "WorkOrder", "create", WORK_ORDER, reference="a" * 32)
    assert made == ["BEDFORD", "6901"]
    expected = {
        "key": key("WorkOrder", *made), "title": "Replace seal", "siteKey": key("Site", "BEDFORD"),
        "instructions": "Lock out first.", "severity": "2", "locationKey": key("Location", "BEDFORD", "PUMPROOM"),
        "assetKey": key("Asset", "BEDFORD", "P-101"), "accountKey": key("Account", "EAGLENA", "6000-200"),
        "categoryName": "CM", "dueAt": "2026-02-01T07:30:00Z", "scheduledAt": "2026-02-01T07:30:00Z",
        "statusKey": key("Status", "work-orders", "WAPPR"),
        "tasks": [{"code": "10", "title": "Drain"}, {"code": "20", "title": "Open"}],
        "customFields": {"lead": "WILSON"},
    }  # fmt: skip
    assert chosen(unified(connector, "WorkOrder", made), expected) == expected


def test_an_update_changes_only_what_is_given(connector: Connector, maximo: Maximo) -> None:
    before = dict(maximo.structures["wodetail"][0])
    record = {"title": "Repair the seal", "assetKey": NULL}
    assert write(connector, "WorkOrder", "update", record, key=["BEDFORD", "1001"]) == ["BEDFORD", "1001"]
    after = dict(maximo.structures["wodetail"][0])
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"description", "assetnum", "changedate", "_rowstamp"}
    read = unified(connector, "WorkOrder", ["BEDFORD", "1001"])
    assert (read["title"], read["assetKey"], len(read["tasks"])) == ("Repair the seal", None, 1)


def test_a_status_and_a_transition_that_maximo_refuses(connector: Connector) -> None:
    order = ["BEDFORD", "1002"]
    write(connector, "WorkOrder", "status", status="COMP", key=order)
    assert unified(connector, "WorkOrder", order)["statusKey"] == key("Status", "work-orders", "COMP")
    with pytest.raises(SourceError, match="BMXAA4679E - APPR is not a valid status from COMP"):
        write(connector, "WorkOrder", "status", status="APPR", key=order)
    assert "HISTEDIT" not in statuses(connector.definition.entities["WorkOrder"].write["status"])


@pytest.mark.parametrize(("used", "issued"), [(Decimal("0"), []), (Decimal("1.5"), [Decimal("-1.5")])])
def test_material_is_planned_and_what_is_used_is_issued(
    connector: Connector, used: Decimal, issued: list[Decimal]
) -> None:
    record = {
        "materialKey": ["SET1", "BRG-1"], "storeroomKey": ["BEDFORD", "CENTRAL"], "requiredQuantity": Decimal(4),
        "usedQuantity": used,
    }  # fmt: skip
    write(connector, "WorkOrder", "add-material", record, key=["BEDFORD", "1001"], reference="m1")
    fields = unified(connector, "WorkOrder", ["BEDFORD", "1001"])["customFields"]
    assert [(row["itemnum"], str(row["itemqty"])) for row in fields["plannedMaterials"]] == [
        ("BRG-1", "2"),
        ("BRG-1", "4"),
    ]
    assert [Decimal(row["quantity"]) for row in fields["usedMaterials"] or []] == issued


ORDER = {
    "siteKey": "BEDFORD", "vendorKey": ["EAGLENA", "ACME"], "title": "Spares", "orderDate": DUE, "dueAt": DUE,
    "currencyKey": "USD", "terms": "NET30", "shippingMethod": "FOB",
    "lineItems": [
        {"materialKey": ["SET1", "BRG-1"], "quantity": Decimal("2.5"), "price": Decimal("9.99"), "uomKey": "BOX",
         "storeroomKey": ["BEDFORD", "CENTRAL"], "dueAt": DUE},
        {"type": "SERVICE", "description": "Fitting", "quantity": Decimal(1), "price": Decimal("80"),
         "accountKey": ["EAGLENA", "6000-200"]},
    ],
}  # fmt: skip


def test_a_purchase_order_with_its_lines_in_one_request(connector: Connector, maximo: Maximo) -> None:
    made = write(connector, "PurchaseOrder", "create", ORDER, reference="p1")
    assert len(maximo.written) == 1
    expected = {
        "key": key("PurchaseOrder", *made), "siteKey": key("Site", "BEDFORD"), "title": "Spares",
        "vendorKey": key("Vendor", "EAGLENA", "ACME"), "orderDate": "2026-02-01T07:30:00Z",
        "dueAt": "2026-02-01T07:30:00Z", "currencyKey": key("Currency", "USD"), "terms": "NET30",
        "shippingMethod": "FOB", "statusKey": key("Status", "purchase-orders", "WAPPR"),
        "lineItems": [
            {"materialKey": key("Part", "SET1", "BRG-1"), "quantity": "2.5", "price": "9.99", "type": "ITEM",
             "uomKey": key("UnitOfMeasure", "BOX"), "storeroomKey": key("Storeroom", "BEDFORD", "CENTRAL"),
             "dueAt": "2026-02-01T07:30:00Z"},
            {"materialKey": None, "quantity": 1, "price": 80, "type": "SERVICE", "description": "Fitting",
             "accountKey": key("Account", "EAGLENA", "6000-200")},
        ],
    }  # fmt: skip
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected


def test_lines_are_merged_by_their_number(connector: Connector) -> None:
    order = ["BEDFORD", "1017", 0]
    lines = [{"lineNo": "1", "quantity": Decimal(7)},
             {"materialKey": ["SET1", "BRG-1"], "quantity": Decimal(3), "price": Decimal(1)}]  # fmt: skip
    write(connector, "PurchaseOrder", "update", {"lineItems": lines}, key=order)
    read = unified(connector, "PurchaseOrder", order)
    assert [(line["lineNo"], line["quantity"]) for line in read["lineItems"]] == [("1", 7), ("2", 3)]
    assert read["title"] == "Bearings" and read["lineItems"][0]["price"] == "9.9900"


def test_a_refused_line_leaves_no_order_behind(connector: Connector, maximo: Maximo) -> None:
    lines = [*ORDER["lineItems"], {"materialKey": ["SET1", "NONE"], "quantity": Decimal(1)}]  # type: ignore[misc]
    with pytest.raises(SourceError, match="BMXAA4191E - NONE is not a valid item"):
        write(connector, "PurchaseOrder", "create", {**ORDER, "lineItems": lines})
    assert len(maximo.structures["po"]) == 1


def test_the_status_of_a_purchase_order(connector: Connector) -> None:
    order = ["BEDFORD", "1017", 0]
    write(connector, "PurchaseOrder", "status", status="CLOSE", key=order)
    read = unified(connector, "PurchaseOrder", order)
    assert read["statusKey"] == key("Status", "purchase-orders", "CLOSE")


def test_a_service_request_is_found_again_by_our_reference(connector: Connector, maximo: Maximo) -> None:
    record = {"title": "Leak", "description": "Under it.", "userRequestedKey": "WILSON",
              "assetKey": ["BEDFORD", "P-101"]}  # fmt: skip
    first = write(connector, "ServiceRequest", "create", record, reference="r" * 32)
    assert write(connector, "ServiceRequest", "create", record, reference="r" * 32, retried=True) == first
    assert len(maximo.structures["sr"]) == 2
    expected = {
        "title": "Leak", "description": "Under it.", "userRequestedKey": key("User", "WILSON"),
        "assetKey": key("Asset", "BEDFORD", "P-101"), "siteKey": key("Site", "BEDFORD"),
        "statusKey": key("Status", "service-requests", "NEW"),
    }  # fmt: skip
    assert chosen(unified(connector, "ServiceRequest", first), expected) == expected


@pytest.mark.parametrize(
    ("entity", "record"),
    [("WorkOrder", WORK_ORDER), ("PurchaseOrder", ORDER), ("Part", {"code": "X-1", "name": "X"})],
)
def test_the_same_write_twice_is_carried_out_once(
    connector: Connector, maximo: Maximo, entity: str, record: dict[str, Any]
) -> None:
    write(connector, entity, "create", record, reference="same")
    rows = {name: len(rows) for name, rows in maximo.structures.items()}
    with pytest.raises(SourceError, match=r"carried out this very write.*BMXAA9524E"):
        write(connector, entity, "create", record, reference="same", retried=True)
    assert rows == {name: len(rows) for name, rows in maximo.structures.items()}


def test_an_asset_and_its_change(connector: Connector) -> None:
    record = {
        "siteKey": "BEDFORD", "name": "Pump 2", "description": "Spare.", "parentKey": ["BEDFORD", "PLANT"],
        "locationKey": ["BEDFORD", "PUMPROOM"], "vendorKey": ["EAGLENA", "ACME"], "criticality": "3",
        "categoryName": "PUMP", "manufacturerName": "FLOWCO", "serialNumber": "S7", "activatedAt": DUE,
        "accountKey": ["EAGLENA", "6000-200"], "customFields": {"number": "P-102"},
    }  # fmt: skip
    made = write(connector, "Asset", "create", record)
    expected = {
        "key": key("Asset", "BEDFORD", "P-102"), "name": "Pump 2", "description": "Spare.", "criticality": "3",
        "siteKey": key("Site", "BEDFORD"), "parentKey": key("Asset", "BEDFORD", "PLANT"),
        "locationKey": key("Location", "BEDFORD", "PUMPROOM"), "vendorKey": key("Vendor", "EAGLENA", "ACME"),
        "categoryName": "PUMP", "makeName": "FLOWCO", "serialNumber": "S7", "activatedAt": "2026-02-01T07:30:00Z",
        "accountKeys": [key("Account", "EAGLENA", "6000-200")],
    }  # fmt: skip
    assert chosen(unified(connector, "Asset", made), expected) == expected
    write(connector, "Asset", "update", {"serialNumber": "S8"}, key=made)
    expected["serialNumber"] = "S8"
    assert chosen(unified(connector, "Asset", made), expected) == expected


@pytest.mark.parametrize(("fields", "where"), [({}, "SET1"), ({"itemSet": "SET2"}, "SET2")])
def test_an_item_goes_into_the_item_set_named_or_that_of_the_connection(
    connector: Connector, fields: dict[str, str], where: str
) -> None:
    made = write(connector, "Part", "create", {"code": "SEAL-9", "name": "Seal", "customFields": fields})
    assert made == [where, "SEAL-9"]
    write(connector, "Part", "update", {"description": "Of rubber."}, key=made)
    expected = {"code": "SEAL-9", "name": "Seal", "description": "Of rubber."}
    assert chosen(unified(connector, "Part", made), expected) == expected


def test_a_record_changed_at_the_same_moment_is_a_conflict(
    connector: Connector, maximo: Maximo, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = maximo.structures["wodetail"][0]
    look = maximo._get

    def changed_after(exchange: Any) -> dict[str, Any]:
        found = look(exchange)
        row["_rowstamp"] = "40000"
        return found

    monkeypatch.setattr(maximo, "_get", changed_after)
    with pytest.raises(WriteConflict):
        write(connector, "WorkOrder", "update", {"title": "Late"}, key=["BEDFORD", "1001"])
    assert row["description"] == "Repair 1"


def test_what_is_gone_or_does_not_fit_is_refused(connector: Connector, maximo: Maximo) -> None:
    with pytest.raises(RecordGone):
        write(connector, "Asset", "update", {"name": "?"}, key=["BEDFORD", "NONE"])
    with pytest.raises(InvalidInput, match="severity"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "severity": "high"})
    with pytest.raises(SourceError, match="BMXAA4049E"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "title": "x" * 101})
    with pytest.raises(SourceError, match="BMXAA4195E - A value is required for the field assetnum"):
        write(connector, "Asset", "create", {"siteKey": "BEDFORD", "name": "Pump 3"})
    maximo.forbidden = {"po"}
    with pytest.raises(SourceError, match="BMXAA0024E - The action SAVE"):
        write(connector, "PurchaseOrder", "create", ORDER)
