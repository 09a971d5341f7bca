"""A small gateway and a client of it."""

from collections.abc import Iterator

import pytest

from tests.simulators.gateway import Gateway
from tests.test_simulators.client import Client


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=250, days=300) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Client]:
    made = Client(gateway)
    made.http.auth = ("SYNC", "Welcome1")
    yield made
    made.http.close()
