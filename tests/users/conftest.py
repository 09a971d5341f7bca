from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.app import Appliance
from tests.support.appliance import Appliances
from tests.support.clock import ManualClock
from tests.support.quick import quick as quick

PASSWORD = "a long enough passphrase"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def appliance(tmp_path: Path, clock: ManualClock) -> Iterator[Appliance]:
    with Appliances(tmp_path) as appliances:
        yield appliances.open(clock)
