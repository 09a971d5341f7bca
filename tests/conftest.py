"""Real outside systems for the tests, started once per run; how they are started is in tests/real/."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.real.cache import Unavailable
from tests.real.odata_mock import ODataMock
from tests.real.tryton import Tryton
from tests.support.appliance import Appliances

System = TypeVar("System")


def started(start: Callable[[], System]) -> System:
    """The started system; skips the test where it cannot run, but fails in CI, where it has to."""
    try:
        return start()
    except Unavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def tryton() -> Iterator[Tryton]:
    with started(Tryton) as server:
        yield server


@pytest.fixture(scope="session")
def odata_mock() -> Iterator[ODataMock]:
    with started(ODataMock) as server:
        yield server


@pytest.fixture
def appliances(tmp_path: Path) -> Iterator[Appliances]:
    with Appliances(tmp_path) as opened:
        yield opened
