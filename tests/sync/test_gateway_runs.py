"""Synchronizing the gateway simulator through the product's own connector and transport."""

from collections.abc import Iterator

import pytest

from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances, connect_gateway, entity_of, synchronize, work


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=250, lines=2) as running:
        yield running


def test_the_first_run_takes_every_order(appliances: Appliances, gateway: Gateway) -> None:
    appliance = appliances.open()
    connection = connect_gateway(appliance, gateway).connection
    work(appliance)
    stream = appliance.records.find_stream(connection.id, "PurchaseOrder")
    assert stream is not None
    assert appliance.records.count(stream) == 250
    again = synchronize(appliance, connection.id, mode="full")
    assert again["state"] == "completed"
    assert entity_of(again, "PurchaseOrder")["unchanged"] == 250
