"""Secrets of owners (connections, accounts, webhooks ...) in the database, sealed under the owner's data key.

Owners and fields are names from code and ids, never secret. Every method that writes joins an outer
`Database.write()`.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping

from appliance.clock import new_id
from appliance.store.database import Database, Row
from appliance.vault.envelope import KEY_BYTES, associated_data, key_id_of, seal, unseal
from appliance.vault.errors import KeyUnknown, SealBroken
from appliance.vault.files import sync_file
from appliance.vault.keyring import Keyring
from appliance.vault.sources import MasterKeySource

REWRAP_BATCH = 100
READ_ATTEMPTS = 3

Progress = Callable[[int, int], None]


class SecretStore:
    """Safe to share between threads, and to use from several processes on one data directory."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def put(self, owner: str, values: Mapping[str, str]) -> None:
        """Add or overwrite fields of an owner; its other fields stay. The data key is made at first use."""
        if not values:
            return
        with self._database.write():
            row = self._data_key_row(owner)
            key_id, key = self._make_data_key(owner) if row is None else (row["id"], self._unwrap(row))
            self._database.run_many(
                "INSERT INTO secret (owner, field, sealed) VALUES (?, ?, ?) "
                "ON CONFLICT (owner, field) DO UPDATE SET sealed = excluded.sealed",
                [
                    (owner, field, seal(key, key_id, value.encode(), _secret_context(owner, field)))
                    for field, value in values.items()
                ],
            )

    def get(self, owner: str) -> dict[str, str]:
        """All fields of an owner; empty when it has none. Raises SealBroken, KeyUnknown."""
        for _ in range(READ_ATTEMPTS - 1):
            try:
                return self._get(owner)
            except KeyUnknown:
                # Two rotations of another process may pass between reading the row and reading its key.
                continue
        return self._get(owner)

    def replace(self, owner: str, values: Mapping[str, str]) -> None:
        """Exactly these fields from now on, under a new data key. The former ones need not open."""
        with self._database.write():
            self.destroy(owner)
            self.put(owner, values)

    def destroy(self, owner: str) -> None:
        """Erase the secrets of an owner with the data key that opens them.

        What remains in the write-ahead log or a backup stays wrapped by a KEK; `rotate` retires that as well.
        """
        with self._database.write():
            self._database.run("DELETE FROM data_key WHERE owner = ?", (owner,))
            self._database.run("DELETE FROM secret WHERE owner = ?", (owner,))

    def fingerprint(self, owner: str) -> str | None:
        """16 hexadecimal digits that change when the secrets do, for the audit trail; None without secrets.

        Keyed, and different for two owners with the same secrets, so that neither guessing nor comparing
        works. It survives rotation and `replace` with the same values.
        """
        values = self.get(owner)
        if not values:
            return None
        key = hmac.digest(self._keyring.database_key, b"appliance secret fingerprint", "sha256")
        parts = [part for field in sorted(values) for part in (field, values[field])]
        return hmac.new(key, associated_data((owner, *parts)), hashlib.sha256).hexdigest()[:16]

    def rotate(self, progress: Progress) -> None:
        """Wrap every data key under a new KEK, then retire the former ones. Sealed secrets stay as they are.

        The new KEK is in the file before a row uses it, and a former one leaves the file only when no row
        uses it, so a process may be killed anywhere: run again, it finishes the same rotation. Others read
        and write between the batches. `progress(done, total)` counts data keys and is called after each
        batch, at least once. Call it outside of any transaction.
        """
        with self._database.write():
            self._keyring.refresh()
            # More than one KEK: an earlier rotation was interrupted.
            if len(self._keyring.kek_ids) == 1:
                self._keyring.add_kek()
        done = 0
        while True:
            wrapped, waiting = self._rewrap_batch()
            done += wrapped
            progress(done, done + waiting)
            if not waiting and self._retire():
                return

    def rotate_master(self, new_source: MasterKeySource) -> bool:
        """Seal the keyring under the key of `new_source`; False when it is under that key already.

        No row is touched. `Keyring.change_master` tells the order of the steps. Backups made before need the
        former key: keep it as long as you keep them. With the default key file, running processes
        follow by themselves; otherwise change the settings and restart the service: until then it reads and
        writes the secrets of known owners, and refuses new ones.
        """
        with self._database.write():
            self._keyring.refresh()
            return self._keyring.change_master(new_source)

    def _get(self, owner: str) -> dict[str, str]:
        with self._database.snapshot():
            row = self._data_key_row(owner)
            sealed = self._database.tuples("SELECT field, sealed FROM secret WHERE owner = ?", (owner,))
        if row is None:
            if sealed:
                raise SealBroken(_data_key_context(owner))
            return {}
        key = self._unwrap(row)
        return {
            field: unseal(key, bytes(content), _secret_context(owner, field)).decode()
            for field, content in sealed
        }

    def _data_key_row(self, owner: str) -> Row | None:
        return self._database.row("SELECT id, owner, kek_id, wrapped FROM data_key WHERE owner = ?", (owner,))

    def _make_data_key(self, owner: str) -> tuple[str, bytes]:
        # The KEK known here may have been retired by another process; under the write lock this is exact.
        self._keyring.refresh()
        key_id, key = new_id("dek"), os.urandom(KEY_BYTES)
        self._database.insert(
            "data_key",
            id=key_id,
            owner=owner,
            kek_id=self._keyring.active,
            wrapped=self._wrap(owner, key),
            created_at=self._keyring.clock.now_ms(),
        )
        return key_id, key

    def _wrap(self, owner: str, key: bytes) -> bytes:
        active = self._keyring.active
        return seal(self._keyring.kek(active), active, key, _data_key_context(owner))

    def _unwrap(self, row: Row) -> bytes:
        context = _data_key_context(row["owner"])
        wrapped = bytes(row["wrapped"])
        # Rotation goes by the column, opening by the envelope: they must agree.
        if key_id_of(wrapped, context) != row["kek_id"]:
            raise SealBroken(context)
        return unseal(self._keyring.kek(row["kek_id"]), wrapped, context)

    def _rewrap_batch(self) -> tuple[int, int]:
        """How many data keys were wrapped anew, and how many still wait."""
        with self._database.write():
            self._keyring.refresh()
            active = self._keyring.active
            rows = self._database.rows(
                "SELECT id, owner, kek_id, wrapped FROM data_key WHERE kek_id <> ? LIMIT ?",
                (active, REWRAP_BATCH),
            )
            self._database.run_many(
                "UPDATE data_key SET kek_id = ?, wrapped = ? WHERE id = ?",
                [(active, self._wrap(row["owner"], self._unwrap(row)), row["id"]) for row in rows],
            )
            return len(rows), self._waiting()

    def _retire(self) -> bool:
        """Retire every KEK but the active one; False when a row uses one."""
        with self._database.write():
            self._keyring.refresh()
            if self._waiting():
                return False
            self._make_commits_durable()
            self._keyring.retire_others()
            return True

    def _make_commits_durable(self) -> None:
        # With synchronous=normal a commit may be lost in a power failure until the next checkpoint. Rows that
        # fell back to a KEK which the keyring, written with fsync, no longer has would never open again.
        log = self._database.path.with_name(f"{self._database.path.name}-wal")
        if log.exists():
            sync_file(log)

    def _waiting(self) -> int:
        count: int = self._database.value(
            "SELECT count(*) FROM data_key WHERE kek_id <> ?", (self._keyring.active,)
        )
        return count


def _secret_context(owner: str, field: str) -> tuple[str, ...]:
    return ("secret", owner, field)


def _data_key_context(owner: str) -> tuple[str, ...]:
    return ("data key", owner)
