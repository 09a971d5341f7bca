"""Real outside systems for the tests, started once per run; how they are started is in tests/real/."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest

from tests.real.cache import Unavailable
from tests.real.mariadb import MariaDb
from tests.real.odata_mock import ODataMock
from tests.real.postgres import Postgres
from tests.real.samba import Samba
from tests.real.sftp import SftpServer
from tests.real.tryton import Tryton
from tests.support.appliance import Appliances
from tests.support.plant_database import PlantDatabase, on_mariadb, on_postgres

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


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder for servers that run under an account of their own, which reaches no folder of the tests."""
    with TemporaryDirectory(prefix="servers-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def postgres_plant(server_folder: Path) -> Iterator[PlantDatabase]:
    server = started(lambda: Postgres(server_folder / "postgres"))
    try:
        plant = on_postgres(server)
        yield plant
        plant.owner.close()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def mariadb_plant(server_folder: Path) -> Iterator[PlantDatabase]:
    with started(lambda: MariaDb(server_folder / "mariadb")) as server:
        plant = on_mariadb(server)
        yield plant
        plant.owner.close()


@pytest.fixture(scope="session")
def sftp_server(server_folder: Path) -> Iterator[SftpServer]:
    with started(lambda: SftpServer(server_folder / "sftp")) as server:
        yield server


@pytest.fixture(scope="session")
def samba(server_folder: Path) -> Iterator[Samba]:
    with started(lambda: Samba(server_folder / "samba")) as server:
        yield server


# Few tests that take long. Begun first, none of them is left to run alone at the end.
LONG = (
    "tests/crash/",
    "tests/sync/test_histories.py",
    "tests/test_canaries.py",
    "tests/test_readme.py",
    "tests/cli/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What has been loaded by now stays to the end: it need not be looked through each time memory is collected."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
