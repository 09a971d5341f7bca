from pathlib import Path

import pytest

from appliance.clock import SystemClock
from appliance.store.database import Database
from appliance.vault.keyring import DATABASE_NAME, Keyring
from appliance.vault.secrets import SecretStore
from appliance.vault.sources import DefaultKeyFile, MasterKeySource


class Vault:
    """One process's view of a data directory: keyring, database and secrets, opened as the program does."""

    def __init__(self, data_dir: Path, source: MasterKeySource | None = None) -> None:
        self.data_dir = data_dir
        self.keyring = Keyring.open(data_dir, source or DefaultKeyFile(data_dir), SystemClock())
        self.database = Database(data_dir / DATABASE_NAME, self.keyring.database_key, cache_kib=1024)
        self.secrets = SecretStore(self.database, self.keyring)

    def close(self) -> None:
        self.database.close()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def open_vault(data_dir: Path):
    opened = []

    def open_one(source: MasterKeySource | None = None) -> Vault:
        opened.append(Vault(data_dir, source))
        return opened[-1]

    yield open_one
    for vault in opened:
        vault.close()


@pytest.fixture
def vault(open_vault) -> Vault:
    return open_vault()


@pytest.fixture
def snapshot(data_dir: Path):
    """What a directory holds: name, bytes, mode and modification time of every file, and of itself."""

    def take(directory: Path = data_dir) -> dict[str, tuple[bytes, int, int]]:
        paths = [directory, *sorted(directory.rglob("*"))]
        return {
            str(path): (
                path.read_bytes() if path.is_file() else b"",
                path.stat().st_mode,
                path.stat().st_mtime_ns,
            )
            for path in paths
            if path.exists()
        }

    return take
