"""Real outside systems for the tests, started once per run; how they are started is in tests/real/."""

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.real.cache import Unavailable
from tests.real.odata_mock import ODataMock
from tests.real.tryton import Tryton

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
