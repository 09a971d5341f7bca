"""The OAuth 2.0 side of connections: a consent becomes a code, a code becomes a pair of tokens, a pair a new pair.

A code works once, for the application and redirect address it was made for, and with PKCE (S256) only for whoever
knows the verifier. A refresh token works once, too: the next one comes with the new pair. A code or refresh token
that is presented a second time was seen by somebody else, so the whole grant ends then (RFC 6749, 4.1.2 and 10.4).
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from appliance.clock import Clock, new_id, new_secret
from appliance.connections.errors import ConnectionClosed, GrantInvalid
from appliance.connections.tables import ConnectionTable
from appliance.connections.tokens import Tokens
from appliance.errors import InvalidInput
from appliance.store.database import Database, Row
from appliance.users.applications import Application
from appliance.users.scopes import Scope

CODE_PREFIX = "apc"
REFRESH_PREFIX = "apr"
CODE_SECONDS = 60
ACCESS_SECONDS = 30 * 86_400
REFRESH_SECONDS = 31 * 86_400

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class Pair:
    """Both tokens are in here once and nowhere else. `expires_at` is in milliseconds since 1970."""

    connection_id: str
    access_token: str
    refresh_token: str
    expires_in: int
    expires_at: int


class Links:
    def __init__(self, database: Database, tokens: Tokens, clock: Clock) -> None:
        self._database = database
        self._tokens = tokens
        self._connections = ConnectionTable(database)
        self._clock = clock

    def consent(
        self,
        application: Application,
        connection_id: str,
        redirect_uri: str,
        *,
        challenge: str | None,
        method: str | None = "S256",
        scope: Scope | None = None,
    ) -> str:
        """A code for the application, after the customer agreed; it goes back in the redirect, once.

        Raises InvalidInput for an address that is not registered or a challenge that is none, ConnectionClosed.
        """
        if redirect_uri not in application.redirects:
            raise InvalidInput(
                "The redirect address is not one of the application's.",
                details={"fields": {"redirect_uri": "exactly as registered"}},
            )
        if challenge is not None and (method != "S256" or not _CHALLENGE.fullmatch(challenge)):
            raise InvalidInput(
                "The code challenge is the base64url text of a SHA-256, by the method S256.",
                details={"fields": {"code_challenge": "43 characters, method S256"}},
            )
        code = new_secret(CODE_PREFIX)
        with self._database.write():
            grant_id = self._grant(connection_id, application.id, scope or Scope())
            self._database.insert(
                "link_code",
                hash=_hash(code),
                grant_id=grant_id,
                redirect_uri=redirect_uri,
                challenge=challenge,
                expires_at=self._clock.now_ms() + CODE_SECONDS * 1000,
            )
        return code

    def exchange(self, application: Application, code: str, redirect_uri: str, verifier: str | None) -> Pair:
        """The pair for a code. Raises GrantInvalid, which does not tell what was wrong to whoever tries."""
        pair = None
        with self._database.write():
            row = self._database.row(
                "SELECT c.*, g.application_id, g.connection_id, g.scope, g.revoked_at FROM link_code c"
                " JOIN link_grant g ON g.id = c.grant_id WHERE c.hash = ?",
                (_hash(code),),
            )
            if row is None or row["application_id"] != application.id:
                raise _invalid("code")
            now = self._clock.now_ms()
            if row["used_at"] is not None:
                self._end(row["grant_id"], "code used twice")
            else:
                # Also after a wrong try: whoever holds the code without the rest of it shall not try again.
                self._database.run("UPDATE link_code SET used_at = ? WHERE hash = ?", (now, _hash(code)))
                if (
                    row["expires_at"] > now
                    and row["revoked_at"] is None
                    and row["redirect_uri"] == redirect_uri
                    and _proves(verifier, row["challenge"])
                ):
                    pair = self._issue(row)
        if pair is None:
            raise _invalid("code")
        return pair

    def open(self, connection_id: str, application_id: str | None) -> Pair:
        """The first pair of a connection that was made over the API. Raises ConnectionClosed."""
        with self._database.write():
            grant_id = self._grant(connection_id, application_id, Scope())
            return self._issue({"grant_id": grant_id, "connection_id": connection_id, "scope": "{}"})

    def refresh(self, application: Application | None, refresh_token: str) -> Pair:
        """The next pair; the former one is void. `application` is None for a grant that has none.

        Raises GrantInvalid; for a refresh token that was used before also ends the whole grant.
        """
        with self._database.write():
            row = self._database.row(
                "SELECT r.*, g.application_id, g.connection_id, g.scope, g.revoked_at FROM link_refresh r"
                " JOIN link_grant g ON g.id = r.grant_id WHERE r.hash = ?",
                (_hash(refresh_token),),
            )
            owner = None if application is None else application.id
            if row is None or row["application_id"] != owner:
                raise _invalid("refresh token")
            now = self._clock.now_ms()
            pair = None
            if row["used_at"] is not None:
                self._end(row["grant_id"], "refresh token used twice")
            elif row["expires_at"] > now and row["revoked_at"] is None:
                self._database.run(
                    "UPDATE link_refresh SET used_at = ? WHERE hash = ?", (now, _hash(refresh_token))
                )
                self._tokens.revoke_grant(row["grant_id"], "replaced by a refresh")
                pair = self._issue(row)
        if pair is None:
            raise _invalid("refresh token")
        return pair

    def revoke(self, application: Application, token: str) -> None:
        """End the grant of an access or refresh token of the application; nothing for another's (RFC 7009)."""
        with self._database.write():
            row = self._database.row(
                "SELECT g.id FROM link_grant g LEFT JOIN link_refresh r ON r.grant_id = g.id AND r.hash = ?"
                " LEFT JOIN token t ON t.grant_id = g.id AND t.hash = ?"
                " WHERE g.application_id = ? AND (r.hash IS NOT NULL OR t.hash IS NOT NULL)",
                (_hash(token), _hash(token), application.id),
            )
            if row is not None:
                self._end(row["id"], "revoked by the application")

    def _grant(self, connection_id: str, application_id: str | None, scope: Scope) -> str:
        connection = self._connections.find(connection_id)
        if connection is None or not connection.is_open:
            raise ConnectionClosed("The connection is disconnected.")
        grant_id = new_id("gra")
        self._database.insert(
            "link_grant",
            id=grant_id,
            connection_id=connection_id,
            application_id=application_id,
            scope=scope.write(),
            created_at=self._clock.now_ms(),
        )
        return grant_id

    def _issue(self, grant: Row) -> Pair:
        """A pair for a grant that is in force."""
        now = self._clock.now_ms()
        refresh = new_secret(REFRESH_PREFIX)
        self._forget(now)
        self._database.insert(
            "link_refresh",
            hash=_hash(refresh),
            grant_id=grant["grant_id"],
            expires_at=now + REFRESH_SECONDS * 1000,
        )
        access = self._tokens.issue(
            grant["connection_id"],
            kind="access",
            seconds=ACCESS_SECONDS,
            scope=Scope.read(grant["scope"]),
            grant_id=grant["grant_id"],
        )
        return Pair(grant["connection_id"], access, refresh, ACCESS_SECONDS, now + ACCESS_SECONDS * 1000)

    def _end(self, grant_id: str, reason: str) -> None:
        self._database.run(
            "UPDATE link_grant SET revoked_at = ?, revoked_reason = ? WHERE id = ? AND revoked_at IS NULL",
            (self._clock.now_ms(), reason, grant_id),
        )
        self._tokens.revoke_grant(grant_id, reason)

    def _forget(self, now: int) -> None:
        """Delete what nobody could use any more."""
        self._database.run("DELETE FROM link_refresh WHERE expires_at <= ?", (now,))
        self._database.run("DELETE FROM link_code WHERE expires_at <= ?", (now - REFRESH_SECONDS * 1000,))


def _proves(verifier: str | None, challenge: str | None) -> bool:
    """Whether the verifier belongs to the challenge (RFC 7636); without a challenge there must be none."""
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())


def _invalid(what: str) -> GrantInvalid:
    return GrantInvalid(
        f"The {what} is unknown, used, expired, or was made for another application or address. "
        "Go through the link flow again."
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
