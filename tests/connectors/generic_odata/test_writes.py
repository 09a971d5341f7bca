"""Writes that a customer declares in the entities of the generic OData connector, against the strict gateway."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.writing.writer import WriteConflict
from tests.connectors.generic_odata.test_generic_odata import key
from tests.runtime.opened import opened
from tests.runtime.written import read_back, source_row, write
from tests.simulators.gateway import Gateway
from tests.support.clock import ManualClock

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
ENTITIES = """
PurchaseOrder:
  read: {set: A_PurchaseOrder, expand: [to_PurchaseOrderItem]}
  key: [PurchaseOrder]
  incremental: compare
  map:
    vendorKey: Supplier
    orderNo: PurchaseOrder
    terms: PaymentTerms
    lineItems:
      each: to_PurchaseOrderItem.results
      map: {lineNo: PurchaseOrderItem, materialKey: Material, quantity: OrderQuantity}
  write:
    create:
      required: [vendorKey, lineItems]
      id: [number]
      steps:
        - protocol: http
          take: {number: d.PurchaseOrder}
          request:
            method: POST
            path: A_PurchaseOrder
            json:
              PurchaseOrderType: NB
              CompanyCode: "${record.customFields.company}"
              PurchasingOrganization: "${record.customFields.organization}"
              PurchasingGroup: "001"
              Supplier: "${record.vendorKey}"
              DocumentCurrency: EUR
              PurchaseOrderDate: "${record.orderDate|midnight|odata2}"
              to_PurchaseOrderItem:
                results:
                  $each: record.lineItems
                  step: 10
                  do:
                    PurchaseOrderItem: "${number|text}"
                    Plant: "${record.siteKey}"
                    Material: "${item.materialKey}"
                    OrderQuantity: "${item.quantity|text}"
                    PurchaseOrderQuantityUnit: "${item.uomKey}"
    update:
      steps:
        - protocol: http
          etag: true
          request:
            method: PATCH
            path: A_PurchaseOrder('${key.0|quote|url}')
            json: {PaymentTerms: "${record.terms}"}
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def gateway(clock: ManualClock) -> Iterator[Gateway]:
    with Gateway(orders=20, lines=2, days=300, clock=clock) as running:
        yield running


@pytest.fixture
def connector(gateway: Gateway) -> Iterator[Connector]:
    fields = {"url": gateway.service_url().rstrip("/"), "username": "SYNC", "password": "Welcome1"}
    one = opened("generic_odata", {**fields, "client": "100", "entities": ENTITIES})
    yield one
    one.close()


@pytest.fixture
def order(gateway: Gateway, connector: Connector) -> dict[str, Any]:
    """An order of the service, to take what it knows from."""
    return source_row(connector, "PurchaseOrder", [gateway.order_numbers()[0]])


def asked(order: dict[str, Any], **differs: Any) -> dict[str, Any]:
    line = order["to_PurchaseOrderItem"]["results"][0]
    item = {
        "materialKey": line["Material"],
        "quantity": Decimal("2.5"),
        "uomKey": line["PurchaseOrderQuantityUnit"],
    }
    return {
        "vendorKey": order["Supplier"],
        "siteKey": line["Plant"],
        "orderDate": NOW,
        "lineItems": [item],
        "customFields": {"company": order["CompanyCode"], "organization": order["PurchasingOrganization"]},
        **differs,
    }


def test_an_order_is_made_with_a_token_and_read_back(connector: Connector, order: dict[str, Any]) -> None:
    number = write(connector, "PurchaseOrder", "create", asked(order))
    record = read_back(connector, "PurchaseOrder", number)
    (line,) = record["lineItems"]
    assert (record["orderNo"], record["vendorKey"]) == (number[0], key("Vendor", order["Supplier"]))
    assert Decimal(str(line["quantity"])) == Decimal("2.5")
    assert line["materialKey"] == key("Part", order["to_PurchaseOrderItem"]["results"][0]["Material"])


def test_only_what_is_given_changes(connector: Connector, order: dict[str, Any]) -> None:
    before = read_back(connector, "PurchaseOrder", [order["PurchaseOrder"]])
    write(connector, "PurchaseOrder", "update", {"terms": "0009"}, key=[order["PurchaseOrder"]])
    after = read_back(connector, "PurchaseOrder", [order["PurchaseOrder"]])
    assert {**after, "updatedAt": None} == {**before, "terms": "0009", "updatedAt": None}


def test_the_service_refuses_in_its_own_words(connector: Connector, order: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match="0000999999"):
        write(connector, "PurchaseOrder", "create", asked(order, vendorKey="0000999999"))
    with pytest.raises(SourceError, match="contains no items"):
        write(connector, "PurchaseOrder", "create", asked(order, lineItems=[]))


def test_a_stale_etag_is_a_conflict(
    clock: ManualClock,
    gateway: Gateway,
    connector: Connector,
    order: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway.settings.etag_sets = frozenset({"A_PurchaseOrder"})
    number = order["PurchaseOrder"]
    write(connector, "PurchaseOrder", "update", {"terms": "0008"}, key=[number])
    send = connector.source.send

    def meanwhile(request: Any, **options: Any) -> Any:
        answer = send(request, **options)
        if request.method == "GET":
            clock.advance(60)
            gateway.touch(number)
        return answer

    monkeypatch.setattr(connector.source, "send", meanwhile)
    with pytest.raises(WriteConflict):
        write(connector, "PurchaseOrder", "update", {"terms": "0009"}, key=[number])
