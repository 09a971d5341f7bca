"""What the Finance & Operations connector writes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.writing.writer import PartlyWritten
from tests.connectors.expecting import key
from tests.connectors.writing import REFERENCE, read_back, shown, written
from tests.runtime.opened import opened
from tests.simulators.dynamics.tokens import CLIENT, SECRET, TENANT
from tests.simulators.dynamics_fo import Operations


@pytest.fixture
def operations() -> Operations:
    return Operations()


@pytest.fixture
def connector(operations: Operations) -> Iterator[Connector]:
    with operations.served() as server:
        fields = {"url": server.url, "sign_in": "entra", "tenant": TENANT, "login_server": server.url}
        made = opened(
            "dynamics_fo",
            {**fields, "jobs": True, "client_id": CLIENT, "client_secret": SECRET, "request_type": "Repair"},
        )
        yield made
        made.close()


ITEM = ["usmf", "P-1"]
ORDER: dict[str, Any] = {
    "vendorKey": ["usmf", "V-10"],
    "siteKey": ["usmf", "1"],
    "title": "Seals",
    "currencyKey": "USD",
    "orderDate": datetime(2026, 1, 8, tzinfo=UTC),
    "dueAt": datetime(2026, 2, 1, 23, 30, tzinfo=UTC),
    "lineItems": [
        {
            "materialKey": ITEM,
            "quantity": Decimal("2.5"),
            "price": Decimal("12.345678"),
            "uomKey": "ea",
            "name": "Seal",
            "storeroomKey": ["usmf", "11"],
        },
        {"code": "Services", "quantity": Decimal(1), "dueAt": datetime(2026, 2, 2, tzinfo=UTC)},
    ],
}


def test_an_order_is_made_with_its_lines_and_changed(connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    expected = {
        "key": key("PurchaseOrder", *made),
        "orderNo": made[1],
        "vendorKey": key("Vendor", "usmf", "V-10"),
        "siteKey": key("Site", "usmf", "1"),
        "title": "Seals",
        "currencyKey": key("Currency", "USD"),
        "orderDate": "2026-01-08T12:00:00Z",
        "dueAt": "2026-02-01T12:00:00Z",
        "statusKey": key("Status", "purchase-orders", "Backorder"),
        "lineItems": [
            {
                "materialKey": key("Part", *ITEM),
                "quantity": "2.5",
                "price": "12.345678",
                "uomKey": key("UnitOfMeasure", "ea"),
                "name": "Seal",
                "storeroomKey": key("Storeroom", "usmf", "11"),
                "lineNo": "1",
            },
            {
                "materialKey": None,
                "code": "Services",
                "quantity": "1",
                "dueAt": "2026-02-02T12:00:00Z",
                "lineNo": "2",
            },
        ],
    }
    before = read_back(connector, "PurchaseOrder", made)
    assert shown(before, expected) == expected
    written(connector, "PurchaseOrder", "update", {"title": "Rings"}, key=made)
    after = read_back(connector, "PurchaseOrder", made)
    assert after == {**before, "title": "Rings"}


def test_a_second_try_makes_no_second_order(operations: Operations, connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    assert written(connector, "PurchaseOrder", "create", ORDER, retried=True) == made
    assert written(connector, "PurchaseOrder", "create", ORDER, retried=True, reference="other") != made
    own = [row["VendorOrderReference"] for row in operations.tables.rows["PurchaseOrderHeadersV2"][-2:]]
    assert own == [REFERENCE[:20], "other"]


def test_an_order_of_which_a_line_is_refused_is_deleted_again(
    operations: Operations, connector: Connector
) -> None:
    before = len(operations.tables.rows["PurchaseOrderHeadersV2"])
    refused = {
        **ORDER,
        "lineItems": [ORDER["lineItems"][0], {"materialKey": ["usmf", "P-99"], "quantity": Decimal(1)}],
    }
    with pytest.raises(SourceError, match="Infolog: Warning: Item 'P-99' does not exist") as failure:
        written(connector, "PurchaseOrder", "create", refused)
    assert not isinstance(failure.value, PartlyWritten)
    assert len(operations.tables.rows["PurchaseOrderHeadersV2"]) == before


def test_the_words_of_the_source_are_kept(operations: Operations, connector: Connector) -> None:
    with pytest.raises(SourceError, match="Inventory dimension Site is mandatory"):
        written(connector, "PurchaseOrder", "create", {**ORDER, "siteKey": []})
    with pytest.raises(SourceError, match="The vendor account does not exist"):
        written(connector, "PurchaseOrder", "create", {**ORDER, "vendorKey": ["usmf", "V-99"]})
    with pytest.raises(SourceError):
        written(connector, "PurchaseOrder", "update", {"title": "x"}, key=["usmf", "none"])
    operations.tables.denied.add("AssetMaintenanceRequestsV2")
    with pytest.raises(SourceAccessDenied):
        written(connector, "ServiceRequest", "create", {"title": "x", "assetKey": ["usmf", "A-1"]})


def test_requests_are_made_and_work_orders_and_assets_changed(
    operations: Operations, connector: Connector
) -> None:
    rows = operations.tables.rows
    asset = ["usmf", rows["AssetMaintenanceAssetsV3"][0]["MaintenanceAssetId"]]
    made = written(
        connector, "ServiceRequest", "create", {"title": "Noise", "assetKey": asset, "description": "loud"}
    )
    expected = {
        "title": "Noise",
        "description": "loud",
        "categoryName": "Repair",
        "assetKey": key("Asset", *asset),
    }
    assert shown(read_back(connector, "ServiceRequest", made), expected) == expected

    written(connector, "Asset", "update", {"name": "Press 2", "serialNumber": "S-2"}, key=asset)
    expected = {"name": "Press 2", "serialNumber": "S-2"}
    assert shown(read_back(connector, "Asset", asset), expected) == expected

    order = ["usmf", rows["AssetMaintenanceWorkOrderTablesV2"][0]["WorkOrderId"]]
    before = read_back(connector, "WorkOrder", order)
    moment = datetime(2026, 2, 3, 7, 30, tzinfo=UTC)
    written(connector, "WorkOrder", "update", {"title": "Grease", "scheduledAt": moment}, key=order)
    after = read_back(connector, "WorkOrder", order)
    assert after == {**before, "title": "Grease", "scheduledAt": "2026-02-03T07:30:00Z"}
