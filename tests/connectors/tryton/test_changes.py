"""What the Tryton connector reads again after a change."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from tests.connectors.tryton.asking import BY_ID, COMPANY, LINE, PURCHASE, ids, key, moment
from tests.real.tryton import Tryton
from tests.runtime.opened import all_pages, all_records

pytestmark = pytest.mark.real


def test_a_changed_order_is_read_again_from_its_very_second(
    tryton: Tryton, connector: Connector, new_order: Callable[[], int]
) -> None:
    number = new_order()
    tryton.call(f"{PURCHASE}.write", [number], {"description": "changed"}, context=COMPANY)
    changed = moment(tryton, PURCHASE, number)
    assert number in ids(connector, "PurchaseOrder", Since(changed))
    assert number not in ids(connector, "PurchaseOrder", Since(changed + timedelta(seconds=1)))


def test_a_line_changed_alone_brings_its_order(
    tryton: Tryton, connector: Connector, new_order: Callable[[], int]
) -> None:
    number = new_order()
    (row,) = tryton.call(f"{PURCHASE}.read", [number], ["lines"])
    # Tryton stamps rows itself; wait for its clock to leave the second in which the order was made.
    header = moment(tryton, PURCHASE, number)
    while True:
        tryton.call(f"{LINE}.write", row["lines"], {"quantity": 7.0}, context=COMPANY)
        line = moment(tryton, LINE, row["lines"][0])
        if line.replace(microsecond=0) > header:
            break
        threading.Event().wait(0.1)
    assert moment(tryton, PURCHASE, number) == header
    (record,) = (
        record
        for found, record in all_records(
            connector, "PurchaseOrder", Since(line.replace(microsecond=0))
        ).items()
        if found == key("PurchaseOrder", number)
    )
    assert record["lineItems"][0]["quantity"] == "7.0"


def test_a_changed_template_brings_its_variants(tryton: Tryton, connector: Connector) -> None:
    (product,) = tryton.call("model.product.product.search_read", [], 0, 1, BY_ID, ["template"])
    tryton.call(
        "model.product.template.write",
        [product["template"]],
        {"list_price": {"__class__": "Decimal", "decimal": "99.9900"}},
        context=COMPANY,
    )
    since = Since(moment(tryton, "model.product.template", product["template"]))
    for entity in ("Part", "Product"):
        assert ids(connector, entity, since) == {product["id"]}
    (record,) = all_records(connector, "Product", since).values()
    assert record["price"] == "99.9900"


def test_nothing_is_read_when_nothing_changed(connector: Connector) -> None:
    tomorrow = Since(datetime.now(UTC) + timedelta(days=1))
    for entity, definition in connector.definition.entities.items():
        if definition.incremental == "changed":
            pages = all_pages(connector, entity, tomorrow)
            assert [(len(page.rows), page.expected) for page in pages] == [(0, 0)], entity
