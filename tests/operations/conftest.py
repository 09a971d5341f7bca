from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import started
from tests.support.clock import ManualClock
from tests.support.plant import Plant
from tests.support.small_disk import SmallDisk


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def plant(clock: ManualClock) -> Plant:
    return Plant(clock)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with started(lambda: SmallDisk(tmp_path / "disk", 48)) as disk:
        yield disk
