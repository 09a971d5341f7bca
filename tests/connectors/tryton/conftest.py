from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.runtime.connector import Connector
from tests.connectors.tryton.asking import BY_ID, COMPANY, PURCHASE, connected
from tests.real.tryton import Tryton
from tests.runtime.opened import all_records


@pytest.fixture(scope="module")
def connector(tryton: Tryton) -> Iterator[Connector]:
    made = connected(tryton)
    yield made
    made.close()


@pytest.fixture(scope="module")
def everything(connector: Connector) -> dict[str, dict[str, dict[str, Any]]]:
    """All records of all entities, by entity and key."""
    return {entity: all_records(connector, entity) for entity in connector.definition.entities}


@pytest.fixture
def new_order(tryton: Tryton) -> Callable[[], int]:
    """Makes a draft order of one line and returns its id."""

    def make() -> int:
        (party,) = tryton.call(
            "model.party.party.search_read", [["name", "=", "Supplier 001"]], 0, 1, None, ["addresses"]
        )
        (warehouse,) = tryton.call("model.stock.location.search", [["code", "=", "WH"]], 0, 1, None)
        (product,) = tryton.call("model.product.product.search_read", [], 0, 1, BY_ID, ["default_uom"])
        line = {"product": product["id"], "unit": product["default_uom"], "quantity": 2.5}
        line["unit_price"] = {"__class__": "Decimal", "decimal": "3.5000"}
        order = {"party": party["id"], "warehouse": warehouse, "lines": [["create", [line]]]}
        order["invoice_address"] = party["addresses"][0]
        (number,) = tryton.call(f"{PURCHASE}.create", [order], context=COMPANY)
        return int(number)

    return make
