from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances
from tests.support.quick import quick as quick


@pytest.fixture
def appliances(tmp_path: Path) -> Iterator[Appliances]:
    with Appliances(tmp_path) as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder where backups go."""
    return tmp_path / "backups"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=12, latency=0) as running:
        yield running
