import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.store.database import Database
from appliance.store.records import Records

KEY = secrets.token_bytes(32)


@pytest.fixture
def open_database(tmp_path: Path) -> Iterator[Callable[..., Database]]:
    """Opens the same file again and again, as the processes of the program do."""
    opened: list[Database] = []

    def open_one(key: bytes = KEY) -> Database:
        opened.append(Database(tmp_path / "appliance.db", key, cache_kib=1024))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(open_database: Callable[..., Database]) -> Database:
    return open_database()


@pytest.fixture
def records(database: Database) -> Records:
    return Records(database)
