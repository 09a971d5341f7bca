"""Our reading of both OData versions against SAP's own mock server."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING, Since
from tests.real.odata_mock import SERVICE, ODataMock
from tests.runtime.opened import reading, vendor_pages

pytestmark = pytest.mark.real

AUTH = {"scheme": "basic", "username": ODataMock.user, "password": ODataMock.password}
MARCH = Since(datetime(2025, 3, 6, 7, tzinfo=UTC))


def orders2(mock: ODataMock, **read: Any) -> Connector:
    read = {"protocol": "odata2", "service": f"sap/opu/odata/sap/{SERVICE}", "set": "A_PurchaseOrder", **read}
    return reading(mock.url, read, key="PurchaseOrder", auth=AUTH)


def orders4(mock: ODataMock, **read: Any) -> Connector:
    read = {
        "protocol": "odata4",
        "service": "sap/opu/odata4/sap/ZMAINTORDER_V4",
        "set": "MaintenanceOrder",
        **read,
    }
    return reading(mock.url, read, key="MaintenanceOrder", auth=AUTH)


def rows(connector: Connector, since: Since = EVERYTHING) -> list[dict[str, Any]]:
    return [json.loads(row) for page in vendor_pages(connector, since) for row in page.rows]


@pytest.mark.parametrize("paging", ["server", "skip", "key"])
def test_every_order_of_version_2_is_read_once(odata_mock, paging):
    found = [row["PurchaseOrder"] for row in rows(orders2(odata_mock, paging=paging, size=10))]
    assert found == [str(4500000001 + number) for number in range(25)]


@pytest.mark.parametrize("paging", ["server", "skip", "key"])
def test_every_order_of_version_4_is_read_once(odata_mock, paging):
    found = [row["MaintenanceOrder"] for row in rows(orders4(odata_mock, paging=paging, size=5))]
    assert found == [str(4000001 + number) for number in range(12)]


def test_nested_expands_and_selects_of_version_4_are_understood(odata_mock):
    first = rows(
        orders4(odata_mock, select=["MaintenanceOrder"], expand=["_Operation($select=Operation,PlannedWork)"])
    )[0]
    assert first["YY1_Line_ORD"] == "L0"
    assert [operation["Operation"] for operation in first["_Operation"]] == ["0010", "0020"]


def test_changes_are_found_in_both_versions(odata_mock):
    assert len(rows(orders2(odata_mock, changed=["LastChangeDateTime"]), MARCH)) == 11
    changed = rows(orders4(odata_mock, changed=["LastChangeDateTime"]), MARCH)
    assert {row["LastChangeDateTime"][:10] for row in changed} == {
        f"2025-03-{day:02}" for day in range(7, 13)
    }
    by_day = rows(orders4(odata_mock, changed=["MaintOrdBasicStartDate"]), MARCH)
    assert min(row["MaintOrdBasicStartDate"] for row in by_day) == "2025-03-05"


def test_orders_are_read_by_key_in_a_batch(odata_mock):
    for connector, set_name, key, known in (
        (orders2(odata_mock), "A_PurchaseOrder", "PurchaseOrder", "4500000003"),
        (orders4(odata_mock), "MaintenanceOrder", "MaintenanceOrder", "4000003"),
    ):
        service = connector.pages("Vendor").service  # type: ignore[attr-defined]
        found = service.read_keys(set_name, [{key: known}, {key: "1"}])
        assert [row and json.loads(row)[key] for row in found] == [known, None]
