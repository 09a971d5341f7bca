"""What the NetSuite connector writes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from tests.connectors.expecting import key
from tests.connectors.netsuite.test_netsuite import by_token, filled
from tests.connectors.writing import REFERENCE, read_back, shown, written
from tests.simulators.netsuite import NetSuite


@pytest.fixture
def suite() -> NetSuite:
    return filled()


@pytest.fixture
def connector(suite: NetSuite) -> Iterator[Connector]:
    with suite.served() as server:
        made = by_token(server.url, subsidiary="1")
        yield made
        made.close()


# Keys are texts, as SuiteQL gives them.
LINE = {"materialKey": "50", "quantity": Decimal("2.5"), "storeroomKey": "2"}
ORDER: dict[str, Any] = {
    "vendorKey": "9",
    "title": "Winter",
    "description": "Bearings",
    "orderDate": datetime(2026, 1, 8, tzinfo=UTC),
    "dueAt": datetime(2026, 2, 1, tzinfo=UTC),
    "currencyKey": "1",
    "userRequestedKey": "-5",
    "lineItems": [
        {**LINE, "price": Decimal("12.345"), "description": "Sealed"},
        {**LINE, "quantity": Decimal(1)},
    ],
}


def test_an_order_is_made_with_its_lines_and_changed(connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    expected = {
        "key": key("PurchaseOrder", *made),
        "vendorKey": key("Vendor", 9),
        "organizationKey": key("Organization", 1),
        "title": "Winter",
        "description": "Bearings",
        "orderDate": "2026-01-08T00:00:00Z",
        "dueAt": "2026-02-01T00:00:00Z",
        "currencyKey": key("Currency", 1),
        "userRequestedKey": key("User", -5),
        "statusKey": key("Status", "purchase-orders", "A"),
        "lineItems": [
            {
                "materialKey": key("Part", 50),
                "quantity": "2.5",
                "price": "12.345",
                "description": "Sealed",
                "storeroomKey": key("Storeroom", 2),
            },
            {"quantity": "1", "price": None},
        ],
    }
    before = read_back(connector, "PurchaseOrder", made)
    assert shown(before, expected) == expected
    assert before["customFields"]["externalId"] == REFERENCE
    written(connector, "PurchaseOrder", "update", {"title": "Spring", "description": NULL}, key=made)
    after = read_back(connector, "PurchaseOrder", made)
    assert after == {**before, "title": "Spring", "description": None}


def test_a_reference_makes_one_order_only(suite: NetSuite, connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    assert written(connector, "PurchaseOrder", "create", ORDER, retried=True) == made
    with pytest.raises(SourceError, match="This record already exists"):
        written(connector, "PurchaseOrder", "create", ORDER)
    assert written(connector, "PurchaseOrder", "create", ORDER, retried=True, reference="other") != made


def test_the_words_of_netsuite_are_kept(suite: NetSuite, connector: Connector) -> None:
    with pytest.raises(SourceError, match="Invalid reference key 999 for entity"):
        written(connector, "PurchaseOrder", "create", {**ORDER, "vendorKey": "999"})
    with pytest.raises(SourceError, match="at least one line item"):
        written(connector, "PurchaseOrder", "create", {**ORDER, "lineItems": []})
    with pytest.raises(SourceError, match="does not exist"):
        written(connector, "PurchaseOrder", "update", {"title": "x"}, key=["999"])
    suite.records.forbidden = True
    with pytest.raises(SourceAccessDenied):
        written(connector, "PurchaseOrder", "create", ORDER)
