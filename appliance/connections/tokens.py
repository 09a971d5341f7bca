"""Bearer tokens of connections: 256 random bits, shown once, only their SHA-256 kept.

A token is found by its hash, so no comparison of secrets happens in our code at all; a guess has to hit a
256-bit value.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from appliance.clock import Clock, new_id, new_secret
from appliance.connections.errors import ReauthorizationRequired, TokenUnknown
from appliance.connections.tables import DISCONNECTED, REAUTHORIZATION_REQUIRED
from appliance.store.database import Database
from appliance.users.scopes import Scope

PREFIX = "apl"
EVERYTHING = Scope()
REMEMBERED_MS = 7 * 86_400_000
"""An expired token is told from an unknown one so long; then its row goes."""

Kind = Literal["current", "issued", "access"]


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token speaks for."""

    token_id: str
    connection_id: str
    system: str
    part: str
    scope: Scope = EVERYTHING


class Tokens:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def issue(
        self,
        connection_id: str,
        *,
        kind: Kind = "current",
        seconds: int | None = None,
        scope: Scope = EVERYTHING,
        grant_id: str | None = None,
    ) -> str:
        """A new token of the connection; the caller shows it once, it cannot be had again.

        It lives for `seconds`, or until it is revoked. `grant_id` is the grant an access token belongs to.
        """
        token, now = new_secret(PREFIX), self._clock.now_ms()
        with self._database.write():
            self._database.run(
                "DELETE FROM token WHERE connection_id = ? AND expires_at < ?",
                (connection_id, now - REMEMBERED_MS),
            )
            self._database.insert(
                "token",
                id=new_id("tok"),
                connection_id=connection_id,
                hash=_hash(token),
                hint=f"{token[:7]}…{token[-4:]}",
                created_at=now,
                expires_at=None if seconds is None else now + seconds * 1000,
                kind=kind,
                scope=scope.write(),
                grant_id=grant_id,
            )
        return token

    def revoke_all(self, connection_id: str, reason: str) -> int:
        """Every token of the connection stops working at once, refresh tokens too; how many others there were."""
        now = self._clock.now_ms()
        with self._database.write():
            self._database.run(
                "UPDATE link_grant SET revoked_at = ?, revoked_reason = ?"
                " WHERE connection_id = ? AND revoked_at IS NULL",
                (now, reason, connection_id),
            )
            return self._database.run(
                "UPDATE token SET revoked_at = ?, revoked_reason = ?"
                " WHERE connection_id = ? AND revoked_at IS NULL",
                (now, reason, connection_id),
            )

    def revoke_grant(self, grant_id: str, reason: str) -> None:
        """The access tokens of a grant stop working at once."""
        self._database.run(
            "UPDATE token SET revoked_at = ?, revoked_reason = ? WHERE grant_id = ? AND revoked_at IS NULL",
            (self._clock.now_ms(), reason, grant_id),
        )

    def hint(self, connection_id: str) -> str | None:
        """First and last characters of the current token, to recognize it by."""
        hint: str | None = self._database.value(
            "SELECT hint FROM token WHERE connection_id = ? AND kind = 'current' AND revoked_at IS NULL"
            " ORDER BY created_at DESC LIMIT 1",
            (connection_id,),
        )
        return hint

    def authenticate(self, token: str) -> Bearer:
        """Whom the token speaks for. One query.

        Raises TokenUnknown for a token that is wrong, expired or revoked, ReauthorizationRequired while the
        source rejects the connection's credentials.
        """
        now = self._clock.now_ms()
        row = self._database.row(
            "SELECT t.id, t.connection_id, t.expires_at, t.revoked_at, t.revoked_reason, t.last_used_at,"
            " t.scope, c.status, c.system, c.part FROM token t JOIN connection c ON c.id = t.connection_id"
            " WHERE t.hash = ?",
            (_hash(token),),
        )
        if row is None:
            raise TokenUnknown("The bearer token is not known. Use the token that was shown when connecting.")
        if row["revoked_at"] is not None or row["status"] == DISCONNECTED:
            raise TokenUnknown(
                f"The bearer token was revoked ({row['revoked_reason'] or 'disconnected'}). "
                "Use the connection's current token, or connect again."
            )
        if row["expires_at"] is not None and row["expires_at"] <= now:
            raise TokenUnknown("The bearer token has expired. Issue a new one.")
        if row["status"] == REAUTHORIZATION_REQUIRED:
            raise ReauthorizationRequired(
                "The source system rejects this connection's credentials. "
                "Reauthorize the connection with valid credentials; a new token is issued then.",
                details={"connection_id": row["connection_id"]},
            )
        # Once a minute is enough to see that a token is in use, and spares a write a request.
        if row["last_used_at"] is None or now - row["last_used_at"] > 60_000:
            self._database.run_if_room("UPDATE token SET last_used_at = ? WHERE id = ?", (now, row["id"]))
        return Bearer(row["id"], row["connection_id"], row["system"], row["part"], Scope.read(row["scope"]))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
