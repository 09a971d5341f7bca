"""The backup that an upgrade makes of the data in use: a copy of the sealed files, looked at closely."""

import shutil
from pathlib import Path

from appliance.operations.upgrades.installation import own_like
from appliance.store.copying import Pinned, check
from appliance.vault.files import sync_file
from appliance.vault.keyring import DATABASE_NAME, KEYRING_NAME


def copy_aside(data_dir: Path, key: bytes, folder: Path) -> Path:
    """Database and keyring in `folder`, which is made; both are sealed by keys that are not in it.

    Raises DatabaseDamaged when the copy cannot be relied on, OSError.
    """
    folder.mkdir(mode=0o700, parents=True)
    with Pinned(data_dir / DATABASE_NAME, key) as pinned:
        pinned.copy_to(folder / DATABASE_NAME)
    check(folder / DATABASE_NAME, key)
    sync_file(folder / DATABASE_NAME)
    shutil.copy2(data_dir / KEYRING_NAME, folder / KEYRING_NAME)
    sync_file(folder / KEYRING_NAME)
    own_like(folder, data_dir)
    return folder
