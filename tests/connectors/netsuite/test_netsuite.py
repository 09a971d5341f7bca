"""The NetSuite connector against a simulated account that enforces what is published of NetSuite."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected, SourceThrottled
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from appliance.runtime.select import decode
from tests.runtime.opened import MODEL, PART, all_pages, all_records, all_rows, opened, probed
from tests.simulators.netsuite import ACCOUNT, CERTIFICATE, CLIENT, TOKENS, NetSuite

CHANGED = "@2026-01-05 09:00:00"  # 08:00 UTC in Berlin


def filled() -> NetSuite:
    suite = NetSuite()
    suite.display = {
        ("status", "PurchOrd:B"): "Pending Receipt",
        ("item", "50"): "BRG-6204",
        ("units", "1"): "Each",
        ("itemtype", "InvtPart"): "Inventory Item",
        ("type", "ItemRcpt"): "Item Receipt",
        ("locationtype", "2"): "Warehouse",
    }
    put = suite.put
    put("subsidiary", id=1, name="Plant Ltd", fullname="Group : Plant Ltd", currency=1, isinactive="F")
    put("currency", id=1, name="Euro", symbol="EUR")
    put("account", id=8, acctnumber="4711", fullname="Maintenance", accttype="Expense")
    put("department", id=8, name="Shop", fullname="Works : Shop", isinactive="F")
    put("employee", id=-5, entityid="Ben Buyer", firstname="Ben", lastname="Buyer", title="Buyer",
        email="b@plant.example",
        isinactive="F")  # fmt: skip
    put("vendor", id=9, entityid="V9", companyname="Bearings Ltd", isinactive="F", datecreated=CHANGED,
        lastmodifieddate=CHANGED)  # fmt: skip
    put("location", id=2, name="Store", fullname="Plant : Store", isinactive="F", parent=1, locationtype=2,
        makeinventoryavailable="T", subsidiary=1, lastmodifieddate=CHANGED)  # fmt: skip
    put("location", id=1, name="Plant", isinactive="T", makeinventoryavailable="F", subsidiary=1)
    put("item", id=50, itemid="BRG-6204", displayname="Bearing", itemtype="InvtPart", averagecost="12.3456789",
        totalquantityonhand=4.5, isinactive="F", expenseaccount=8, createddate=CHANGED,
        lastmodifieddate=CHANGED)  # fmt: skip
    put("inventoryitemlocations", item=50, location=2, quantityonhand="4.50", quantityavailable=3)
    put("inventoryitemlocations", item=50, location=1, quantityonhand=0)
    dates = {"trandate": "@2026-01-04 00:00:00", "createddate": CHANGED, "lastmodifieddate": CHANGED}
    common = {"entity": 9, "currency": 1, "exchangerate": "1.1", **dates}
    put("transaction", id=100, type="PurchOrd", tranid="PO100", transactionnumber="PURCHORD100", otherrefnum="Spring",
        memo="Bearings", employee=-5, status="PurchOrd:B", foreigntotal="24.70",
        duedate="@2026-01-20 00:00:00", **common)  # fmt: skip
    put(
        "transaction",
        id=101,
        type="PurchReq",
        tranid="PR101",
        employee=-5,
        status="A",
        foreigntotal=5,
        **dates,
    )
    put("transaction", id=102, type="ItemRcpt", tranid="IR102", **common)
    put("transaction", id=103, type="VendBill", tranid="B-103", status="A", foreigntotal="24.70", **common)
    put("transaction", id=104, type="SalesOrd", tranid="SO104", **common)
    stock = {
        "item": 50,
        "itemtype": "InvtPart",
        "units": 1,
        "location": 2,
        "subsidiary": 1,
        "taxline": "F",
        "entity": 9,
    }
    stamp = {"linelastmodifieddate": CHANGED}
    put("transactionline", transaction=100, uniquekey=1000, mainline="T", **{**stock, "item": None}, **stamp)
    put("transactionline", transaction=100, uniquekey=1001, linesequencenumber=1, quantity="2.000",
        quantityshiprecv="0.5",
        rate="12.35", foreignamount="24.70", expenseaccount=8, department=8, mainline="F", **stock,
        **stamp)  # fmt: skip
    put(
        "transactionline", transaction=100, uniquekey=1002, mainline="F", **{**stock, "taxline": "T"}, **stamp
    )
    put(
        "transactionline",
        transaction=101,
        uniquekey=1011,
        quantity=3,
        department=8,
        mainline="F",
        **stock,
        **stamp,
    )
    put("transactionline", transaction=102, uniquekey=1021, quantity="0.5", createdfrom=100, mainline="F",
        isinventoryaffecting="T", **stock, **stamp)  # fmt: skip
    put("transactionline", transaction=103, uniquekey=1031, quantity=2, rate="12.35", foreignamount="24.70",
        createdfrom=100, mainline="F", **stock, **stamp)  # fmt: skip
    return suite


@pytest.fixture
def suite() -> NetSuite:
    return filled()


@pytest.fixture
def connector(suite: NetSuite) -> Iterator[Connector]:
    with suite.served() as server:
        made = by_token(server.url)
        yield made
        made.close()


FEATURES = {"time_zone": "Europe/Berlin", "one_world": True, "multi_currency": True, "departments": True}


def by_token(url: str, **fields: Any) -> Connector:
    return opened(
        "netsuite", {"url": url, "sign_in": "token", "account": ACCOUNT, **TOKENS, **FEATURES, **fields}
    )


def by_certificate(url: str, key: rsa.RSAPrivateKey, **fields: Any) -> Connector:
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    client = {"client_id": CLIENT, "certificate_id": CERTIFICATE, "private_key": pem}
    return opened("netsuite", {"url": url, "sign_in": "certificate", **client, **FEATURES, **fields})


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts])


AT, DAY = "2026-01-05T08:00:00Z", "2026-01-04T00:00:00Z"
EXPECTED: dict[tuple[str, tuple[object, ...]], dict[str, Any]] = {
    ("PurchaseOrder", (100,)): {
        "organizationKey": key("Organization", 1), "vendorKey": key("Vendor", 9), "userRequestedKey": key("User", -5),
        "orderNo": "PO100", "orderDate": DAY, "statusKey": key("Status", "purchase-orders", "B"), "title": "Spring",
        "description": "Bearings", "dueAt": "2026-01-20T00:00:00Z", "currencyKey": key("Currency", 1),
        "locationKey": key("Location", 2), "totalGrossValue": "24.70", "updatedAt": AT,
    },
    ("LineItem", (1001,)): {
        "materialKey": key("Part", 50), "locationKey": key("Location", 2), "vendorKey": key("Vendor", 9),
        "code": "BRG-6204",
        "quantity": "2.000", "receivedQuantity": "0.5", "price": "12.35", "lineTotalValue": "24.70", "updatedAt": AT,
    },
    ("PurchaseRequisition", (101,)): {
        "code": "PR101", "requesterKey": key("User", -5), "statusKey": key("Status", "purchase-requisitions", "A"),
        "accountKey": key("Account", "D8"), "totalGrossValue": "5",
    },
    ("Receipt", (102,)): {"code": "IR102", "poKey": key("PurchaseOrder", 100), "vendorKey": key("Vendor", 9)},
    ("Invoice", (103,)): {
        "invoiceNumber": "B-103", "poKey": key("PurchaseOrder", 100), "statusKey": key("Status", "invoices", "A"),
        "invoiceDate": "2026-01-04", "totalGrossValue": "24.70", "currencyKey": key("Currency", 1),
    },
    ("StockAdjustment", (1021,)): {
        "type": "Item Receipt", "adjustmentNumber": "IR102", "locationKey": key("Location", 2), "date": DAY,
    },
    ("Vendor", (9,)): {"code": "V9", "name": "Bearings Ltd", "createdAt": AT, "updatedAt": AT},
    ("Part", (50,)): {
        "code": "BRG-6204", "name": "Bearing", "categoryName": "Inventory Item", "accountKey": key("Account", "A8"),
        "isActive": True, "cost": "12.3456789", "updatedAt": AT,
    },
    ("Product", (50,)): {"code": "BRG-6204", "name": "Bearing", "type": "Inventory Item", "status": "active"},
    ("Stock", (50, 2)): {
        "materialKey": key("Part", 50), "storeroomKey": key("Storeroom", 2), "locationKey": key("Location", 2),
        "quantity": "4.50",
    },
    ("Location", (2,)): {
        "name": "Store", "parentKey": key("Location", 1), "organizationKey": key("Organization", 1),
        "type": "Warehouse",
        "isActive": True,
    },
    ("Storeroom", (2,)): {"name": "Store", "locationKey": key("Location", 2)},
    ("Organization", (1,)): {"name": "Plant Ltd", "currencyKey": key("Currency", 1)},
    ("Account", ("A8",)): {"code": "4711", "name": "Maintenance", "description": "Expense"},
    ("Currency", (1,)): {"code": "EUR", "name": "Euro"},
    ("User", (-5,)): {"name": "Ben Buyer", "roleName": "Buyer", "isActive": True},
    ("Labor", (-5,)): {"name": "Ben Buyer", "firstName": "Ben", "userKey": key("User", -5)},
    ("Status", ("invoices", "B")): {"name": "Paid In Full", "scope": "invoices"},
}  # fmt: skip


def test_every_entity_is_read_and_mapped(connector: Connector) -> None:
    assert {entity for entity, _ in EXPECTED} == set(connector.definition.entities)
    for (entity, parts), expected in EXPECTED.items():
        record = all_records(connector, entity)[str(key(entity, *parts))]
        assert {name: record[name] for name in expected} == expected, entity


def test_lines_stand_in_their_documents_without_those_of_head_and_tax(connector: Connector) -> None:
    (line,) = all_records(connector, "PurchaseOrder")[str(key("PurchaseOrder", 100))]["lineItems"]
    assert line["key"] == key("LineItem", 1001)
    assert line["accountKey"] == key("Account", "A8")
    assert (line["quantity"], line["receivedQuantity"], line["price"]) == ("2.000", "0.5", "12.35")
    (received,) = all_records(connector, "Receipt")[str(key("Receipt", 102))]["lineItems"]
    assert (received["receivedQuantity"], received["materialKey"]) == ("0.5", key("Part", 50))
    (billed,) = all_records(connector, "Invoice")[str(key("Invoice", 103))]["lineItems"]
    assert (billed["price"], billed["lineTotalValue"]) == ("12.35", "24.70")
    (moved,) = all_records(connector, "StockAdjustment")[str(key("StockAdjustment", 1021))]["lineItems"]
    assert (moved["materialKey"], moved["quantity"]) == (key("Part", 50), "0.5")


def test_every_status_is_known_and_another_passes_through(suite: NetSuite, connector: Connector) -> None:
    statuses = set(all_records(connector, "Status"))
    for number, letter in enumerate("ABCDEFGHPZ", start=500):
        suite.put(
            "transaction", id=number, type="PurchOrd", status=f"PurchOrd:{letter}" if number % 2 else letter
        )
    orders = all_records(connector, "PurchaseOrder")
    keys = [orders[str(key("PurchaseOrder", number))]["statusKey"] for number in range(500, 510)]
    assert keys == [key("Status", "purchase-orders", letter) for letter in "ABCDEFGHPZ"]
    assert set(keys[:-1]) <= statuses
    assert {key("Status", "invoices", letter) for letter in "ABCDE"} <= statuses
    assert {key("Status", "purchase-requisitions", letter) for letter in "AB"} <= statuses


def test_pages_go_on_by_id_beyond_what_offsets_reach(suite: NetSuite, connector: Connector) -> None:
    for number in range(2000, 4100):
        suite.put("transaction", id=number, type="PurchOrd", entity=9)
        suite.put(
            "transactionline", id=number, transaction=number, uniquekey=number, mainline="F", taxline="F"
        )
    suite.asked.clear()
    pages = all_pages(connector, "PurchaseOrder")
    assert [len(page.rows) for page in pages] == [1000, 1000, 101]
    rows = [decode(row) for page in pages for row in page.rows]
    assert [int(row["id"]) for row in rows] == [100, *range(2000, 4100)]
    assert all(len(row["lines"]) == 1 for row in rows)
    assert len(suite.asked) < 20
    assert [len(page.rows) for page in all_pages(connector, "LineItem")] == [1000, 1000, 101]


def test_lines_of_a_large_order_take_several_pages(suite: NetSuite, connector: Connector) -> None:
    for number in range(20_000, 22_500):
        suite.put("transactionline", id=number, transaction=100, uniquekey=number, mainline="F", taxline="F")
    (row,) = [decode(row) for row in all_rows(connector, "PurchaseOrder")]
    assert len({line["uniquekey"] for line in row["lines"]}) == len(row["lines"]) == 2501


def test_changes_are_asked_for_in_the_zone_of_the_user(suite: NetSuite, connector: Connector) -> None:
    suite.put("transaction", id=300, type="PurchOrd", lastmodifieddate="@2026-01-05 08:59:59")
    at = Since(datetime(2026, 1, 5, 8, 0, tzinfo=UTC))
    assert [decode(row)["id"] for row in all_rows(connector, "PurchaseOrder", at)] == ["100"]
    assert len(all_rows(connector, "PurchaseOrder")) == 2
    assert len(all_rows(connector, "LineItem", at)) == 1
    later = Since(datetime(2026, 1, 5, 8, 0, 1, tzinfo=UTC))
    for entity in ("PurchaseOrder", "LineItem", "Vendor", "Part", "Receipt", "Invoice", "StockAdjustment"):
        assert all_rows(connector, entity, later) == [], entity


def test_an_account_without_some_features_is_not_asked_for_them(suite: NetSuite) -> None:
    suite.absent = {"subsidiary", "currency", "exchangerate", "department"}
    with suite.served() as server:
        plain = by_token(server.url, one_world=False, multi_currency=False, departments=False)
        record = all_records(plain, "PurchaseOrder")[str(key("PurchaseOrder", 100))]
        assert (record["orderNo"], record["currencyKey"], record["organizationKey"]) == ("PO100", None, None)
        for entity in ("LineItem", "Location"):
            assert all_rows(plain, entity)
        report = probed(by_token(server.url))
        assert report.failure is not None
        assert "those that can be switched off" in report.failure.message


@pytest.mark.parametrize("wrong", ["consumer_key", "consumer_secret", "token_id", "token_secret", "account"])
def test_a_wrong_token_is_told_as_such(suite: NetSuite, wrong: str) -> None:
    with suite.served() as server:
        connector = by_token(server.url, **{wrong: "another"})
        for read in (True, False):
            assert isinstance(probed(connector, read=read).failure, SourceCredentialsRejected)


def test_the_certificate_gives_tokens_that_are_renewed(suite: NetSuite) -> None:
    key_pair = rsa.generate_private_key(65537, 2048)
    suite.key = key_pair.public_key()
    with suite.served() as server:
        connector = by_certificate(server.url, key_pair)
        assert probed(connector).failure is None
        suite.expired = True
        assert len(all_rows(connector, "Vendor")) == 1
        for wrong in ({"client_id": "another"}, {"certificate_id": "another"}):
            other = by_certificate(server.url, key_pair, **wrong)
            assert isinstance(probed(other, read=False).failure, SourceCredentialsRejected)


def test_a_table_the_role_may_not_see_is_a_warning_but_orders_are_needed(
    suite: NetSuite, connector: Connector
) -> None:
    suite.hidden = {"inventoryitemlocations"}
    report = probed(connector)
    assert report.failure is None
    (warning,) = [stage for stage in report.stages if stage.state == "warning" and stage.code]
    assert warning.name == "read Stock"
    assert "Record 'inventoryitemlocations' was not found." in warning.message
    suite.hidden = {"transaction"}
    assert isinstance(probed(connector).failure, SourceAccessDenied)


def test_too_many_requests_at_a_time_are_throttling(suite: NetSuite, connector: Connector) -> None:
    suite.busy = 1
    with pytest.raises(SourceThrottled):
        all_rows(connector, "Vendor")
    assert len(all_rows(connector, "Vendor")) == 1
