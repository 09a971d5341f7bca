from collections.abc import Iterator

import pytest

from tests.simulators.sap_s4hana import S4
from tests.simulators.sap_s4hana.rows import plant
from tests.transport.servers import Server


@pytest.fixture
def s4() -> S4:
    return S4(plant())


@pytest.fixture
def server(s4: S4) -> Iterator[Server]:
    with s4.served() as running:
        yield running
