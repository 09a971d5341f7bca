"""Keys of the account, for `/api/system` and for reading: 256 random bits, shown once, only their SHA-256 kept."""

import hashlib
from dataclasses import dataclass
from typing import Any

from appliance.clock import Clock, iso, new_id, new_secret
from appliance.errors import InvalidInput
from appliance.store.database import Database
from appliance.users.errors import ApiKeyUnknown
from appliance.users.scopes import Scope

PREFIX = "apk"
EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str
    name: str
    scope: Scope = EVERYTHING


class ApiKeys:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, name: str, scope: Scope = EVERYTHING, expires_at: int | None = None) -> str:
        """A new key; it is shown once. `expires_at` is in milliseconds since 1970, None for never.

        Raises InvalidInput for a name that is not one, or an end that has passed.
        """
        if not 1 <= len(name.strip()) <= 60 or not name.isprintable():
            raise InvalidInput("A key's name has 1 to 60 printable characters.")
        now = self._clock.now_ms()
        if expires_at is not None and expires_at <= now:
            raise InvalidInput(
                "The key would have expired already.", details={"fields": {"expires_at": "in the future"}}
            )
        key = new_secret(PREFIX)
        self._database.insert(
            "api_key",
            id=new_id("key"),
            name=name.strip(),
            hash=_hash(key),
            hint=f"{key[:7]}…{key[-4:]}",
            created_at=now,
            expires_at=expires_at,
            scope=scope.write(),
        )
        return key

    def revoke(self, key_id: str) -> None:
        """The key stops working at once. Raises InvalidInput when there is none of that id."""
        if (
            self._database.run(
                "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (self._clock.now_ms(), key_id),
            )
            == 0
        ):
            raise InvalidInput(f"There is no key {key_id[:60]!r}.")

    def ending(self) -> list[dict[str, Any]]:
        """Id, name, hint and times of the keys that end by themselves, or did within the last week."""
        return self._database.rows(
            "SELECT id, name, hint, created_at, expires_at FROM api_key"
            " WHERE revoked_at IS NULL AND expires_at > ?",
            (self._clock.now_ms() - 7 * 86_400_000,),
        )

    def list(self) -> list[dict[str, Any]]:
        """Newest first. `state` is active, expired or revoked; `scope` holds the limited parts only."""
        rows = self._database.rows(
            "SELECT id, name, hint, scope, created_at, expires_at, revoked_at, last_used_at FROM api_key"
            " ORDER BY created_at DESC"
        )
        return [self._described(row) for row in rows]

    def authenticate(self, key: str) -> ApiKey:
        """Raises ApiKeyUnknown."""
        now = self._clock.now_ms()
        row = self._database.row(
            "SELECT id, name, scope, last_used_at FROM api_key WHERE hash = ? AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > ?)",
            (_hash(key), now),
        )
        if row is None:
            raise ApiKeyUnknown(
                "The account key is not known, has expired or was revoked. "
                "An administrator makes one with `appliance apikey add`."
            )
        if row["last_used_at"] is None or now - row["last_used_at"] > 60_000:
            self._database.run_if_room("UPDATE api_key SET last_used_at = ? WHERE id = ?", (now, row["id"]))
        return ApiKey(row["id"], row["name"], Scope.read(row["scope"]))

    def _described(self, row: dict[str, Any]) -> dict[str, Any]:
        expired = row["expires_at"] is not None and row["expires_at"] <= self._clock.now_ms()
        state = "revoked" if row["revoked_at"] is not None else "expired" if expired else "active"
        return {
            **{name: iso(value) if name.endswith("_at") else value for name, value in row.items()},
            "scope": Scope.read(row["scope"]).as_dict(),
            "state": state,
        }


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
