"""The generic OData connector against two servers that know nothing of each other."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests

from appliance.errors import ApplianceError, SourceCredentialsRejected
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.probe import Report
from appliance.runtime.protocols import Since
from tests.real.odata_mock import ODataMock
from tests.runtime.opened import MODEL, PART, Digits, all_pages, all_records, opened, outbound, probed
from tests.simulators.gateway import Gateway
from tests.support.clock import ManualClock

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PACK = "sap-purchase-orders"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=230, lines=3, days=300, clock=ManualClock(NOW)) as running:
        yield running


def to_gateway(gateway: Gateway, **fields: Any) -> Connector:
    base = {
        "url": gateway.service_url().rstrip("/"),
        "username": "SYNC",
        "password": "Welcome1",
        "entities": PACK,
    }
    return opened("generic_odata", {**base, "client": "100", **fields})


def to_mock(mock: ODataMock, **fields: Any) -> Connector:
    base = {"url": mock.service_url, "username": mock.user, "password": mock.password, "entities": PACK}
    return opened("generic_odata", {**base, "client": None, **fields})


def key(entity: str, *parts: str) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, parts)


def day(milliseconds: str) -> str | None:
    """`/Date(ms)/` as a time in UTC."""
    if not milliseconds:
        return None
    moment = datetime.fromtimestamp(int(milliseconds[6:].partition("+")[0].rstrip(")/")) / 1000, UTC)
    whole = moment.microsecond == 0
    return moment.isoformat(timespec="seconds" if whole else "milliseconds").replace("+00:00", "Z")


def expected_order(row: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    """The unified order of a row as the service sends it, and its items."""
    return {
        "key": key("PurchaseOrder", row["PurchaseOrder"]),
        "organizationKey": key("Organization", row["CompanyCode"]),
        "orderDate": day(row["PurchaseOrderDate"]),
        "vendorKey": key("Vendor", row["Supplier"]),
        "userRequestedKey": key("User", row["CreatedByUser"]),
        "orderNo": row["PurchaseOrder"],
        "statusKey": key("Status", "purchase-orders", row["PurchasingProcessingStatus"]),
        "title": row["CorrespncExternalReference"] or None,
        "terms": row["PaymentTerms"] or None,
        "currencyKey": key("Currency", row["DocumentCurrency"]),
        "updatedAt": day(row.get("LastChangeDateTime") or row["CreationDate"]),
        "lineItems": [expected_line(row, item) for item in items],
    }


def expected_line(order: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": key("LineItem", item["PurchaseOrder"], item["PurchaseOrderItem"]),
        "locationKey": key("Location", item["Plant"], item["StorageLocation"]),
        "vendorKey": key("Vendor", order["Supplier"]),
        "materialKey": key("Part", item["Material"]),
        "productKey": key("Product", item["Material"]),
        "lineNo": item["PurchaseOrderItem"],
        "code": item["Material"] or None,
        "type": item.get("PurchaseOrderItemCategory") or None,
        "name": item["PurchaseOrderItemText"] or None,
        "description": item["PurchaseOrderItemText"] or None,
        "quantity": Digits(item["OrderQuantity"]),
        "uomKey": key("UnitOfMeasure", item["PurchaseOrderQuantityUnit"]),
        "currencyKey": key("Currency", item["DocumentCurrency"]),
        # SAP's price is for a number of units.
        "price": Digits(f"{(Decimal(item['NetPriceAmount']) / int(item['NetPriceQuantity'])).normalize():f}"),
    }


def compare(record: dict[str, Any], expected: dict[str, Any]) -> None:
    """All mapped fields are as expected, digits included, and all others are null."""
    assert list(record) == list(MODEL.entities["PurchaseOrder"].fields)
    assert {name: record[name] for name in expected if name != "lineItems"} == {
        name: value for name, value in expected.items() if name != "lineItems"
    }
    assert all(record[name] is None for name in record if name not in expected)
    assert len(record["lineItems"]) == len(expected["lineItems"])
    for line, wanted in zip(record["lineItems"], expected["lineItems"], strict=True):
        price = f"{Decimal(line['price']).normalize():f}"
        shown = {**line, "quantity": Digits(line["quantity"]), "price": Digits(price)}
        assert {name: shown[name] for name in wanted} == wanted
        assert all(shown[name] is None for name in shown if name not in wanted)


# The strict gateway


def test_every_order_of_the_gateway_with_its_lines_field_by_field(gateway: Gateway) -> None:
    connector = to_gateway(gateway)
    pages = all_pages(connector, "PurchaseOrder")
    assert [len(page.rows) for page in pages] == [100, 100, 30]
    records = all_records(connector, "PurchaseOrder")
    rows = raw(gateway, "A_PurchaseOrder")
    items = raw(gateway, "A_PurchaseOrderItem")
    assert set(records) == {key("PurchaseOrder", row["PurchaseOrder"]) for row in rows}
    assert len(rows) == 230
    for row in rows:
        own = [item for item in items if item["PurchaseOrder"] == row["PurchaseOrder"]]
        compare(records[str(key("PurchaseOrder", row["PurchaseOrder"]))], expected_order(row, own))


def raw(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    """All rows of a set, asked for with a client that shares nothing with the connector."""
    rows: list[dict[str, Any]] = []
    url: str | None = gateway.service_url() + name + "?$format=json&$top=5000"
    while url:
        answer = requests.get(url, auth=("SYNC", "Welcome1"), timeout=10).json()["d"]
        rows += answer["results"]
        url = answer.get("__next")
    return rows


def test_only_what_was_touched_or_made_since(gateway: Gateway) -> None:
    connector = to_gateway(gateway)
    before = set(all_records(connector, "PurchaseOrder", Since(NOW)))
    order = gateway.order_numbers()[5]
    gateway.touch(order, CorrespncExternalReference="changed")
    new = gateway.insert()
    try:
        after = all_records(connector, "PurchaseOrder", Since(NOW))
        assert set(after) - before == {key("PurchaseOrder", order), key("PurchaseOrder", new)}
        assert after[str(key("PurchaseOrder", order))]["title"] == "changed"
    finally:
        gateway.archive(new)


def probe_of(connector: Connector) -> Report:
    try:
        return probed(connector, outbound())
    finally:
        connector.close()


def test_the_probe_of_the_gateway(gateway: Gateway) -> None:
    report = probe_of(to_gateway(gateway))
    assert (report.failure, report.readable) == (None, ("PurchaseOrder",))
    assert "Readable." in [stage.message for stage in report.stages]


def test_a_wrong_password_at_the_gateway_is_noticed_with_and_without_reading(gateway: Gateway) -> None:
    connector = to_gateway(gateway, password="Plant-2025!")
    for read in (True, False):
        report = probed(connector, outbound(), read=read)
        assert isinstance(report.failure, SourceCredentialsRejected)
        assert "Plant-2025!" not in str(report.as_dicts())
    gateway.users["SYNC"].failed_logons = 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"client": "200"}, "rejects the credentials"),
        ({"url": "/sap/opu/odata/sap/API_NOTHING_SRV"}, "refused the request|denies access"),
        ({"url": "/sap/opu/odata/sap"}, "refused the request|not readable XML|denies access"),
    ],
)
def test_what_people_enter_wrongly(gateway: Gateway, fields: dict[str, Any], says: str) -> None:
    if "url" in fields:
        fields = {"url": gateway.url + fields["url"]}
    report = probe_of(to_gateway(gateway, **fields))
    assert isinstance(report.failure, ApplianceError)
    assert re.search(says, report.failure.message)


WRITTEN = """
Vendor:
  read:
    service: API_BUSINESS_PARTNER
    set: A_Supplier
    select: [Supplier, SupplierName, CreationDate]
    changed: [CreationDate]
  key: [Supplier]
  modified: CreationDate
  map: {code: Supplier, name: SupplierName, createdAt: CreationDate}
Site:
  read: {service: API_PLANT_SRV, set: A_Plant}
  incremental: compare
  key: [Plant]
  map: {code: Plant, name: PlantName}
"""


def test_entities_of_several_services_written_by_hand(gateway: Gateway) -> None:
    connector = to_gateway(gateway, url=gateway.url + "/sap/opu/odata/sap", entities=WRITTEN)
    vendors, sites = all_records(connector, "Vendor"), all_records(connector, "Site")
    assert vendors
    assert sites
    assert all(vendor["code"] and vendor["name"] and vendor["createdAt"] for vendor in vendors.values())
    assert all(site["code"] and site["name"] for site in sites.values())


def test_a_name_that_is_not_right_is_told_with_those_there_are(gateway: Gateway) -> None:
    written = WRITTEN.replace("SupplierName", "SupplierNmae")
    report = probe_of(to_gateway(gateway, url=gateway.url + "/sap/opu/odata/sap", entities=written))
    assert report.failure is None, "the other entity can be read"
    (warning,) = [stage for stage in report.stages if stage.name == "read Vendor"]
    assert "has no 'SupplierNmae'. There are: " in warning.message
    assert "SupplierName" in warning.message


# SAP's own mock server


@pytest.mark.real
def test_every_order_of_the_mock_server_with_its_lines_field_by_field(odata_mock: ODataMock) -> None:
    records = all_records(to_mock(odata_mock), "PurchaseOrder")
    rows = odata_mock.results("A_PurchaseOrder")
    items = odata_mock.results("A_PurchaseOrderItem")
    assert set(records) == {key("PurchaseOrder", row["PurchaseOrder"]) for row in rows}
    assert len(rows) == 25
    for row in rows:
        own = [item for item in items if item["PurchaseOrder"] == row["PurchaseOrder"]]
        compare(records[str(key("PurchaseOrder", row["PurchaseOrder"]))], expected_order(row, own))
    first = records[str(key("PurchaseOrder", "4500000001"))]["lineItems"][0]
    assert (first["quantity"], first["price"]) == ("121.500", "136.22")


@pytest.mark.real
def test_the_mock_server_filters_by_the_time_of_the_change(odata_mock: ODataMock) -> None:
    connector = to_mock(odata_mock)
    since = datetime(2025, 3, 6, 7, 0, tzinfo=UTC)
    found = all_records(connector, "PurchaseOrder", Since(since))
    day_before = datetime(2025, 3, 5, tzinfo=UTC)

    def milliseconds(value: str) -> int:
        return int(value[6:].partition("+")[0].rstrip(")/"))

    rows = odata_mock.results("A_PurchaseOrder")
    expected = {
        key("PurchaseOrder", row["PurchaseOrder"])
        for row in rows
        if milliseconds(row["LastChangeDateTime"]) >= since.timestamp() * 1000
        or milliseconds(row["CreationDate"]) >= day_before.timestamp() * 1000
    }
    assert set(found) == expected
    assert 0 < len(expected) < len(rows)


@pytest.mark.real
def test_the_probe_of_the_mock_server(odata_mock: ODataMock) -> None:
    assert probe_of(to_mock(odata_mock)).failure is None
    assert isinstance(probe_of(to_mock(odata_mock, password="wrong")).failure, SourceCredentialsRejected)
