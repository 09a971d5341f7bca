"""Applications: programs of integrators with a client id and a client secret, and the account tokens they get for it.

Secrets and tokens are 256 random bits, shown once, only their SHA-256 kept. A token is found by its hash; a secret
is compared in constant time, since it is looked up by the public client id.
"""

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from appliance.clock import Clock, iso, new_id, new_secret
from appliance.errors import InvalidInput
from appliance.store.database import Database, Row
from appliance.users.errors import ApiKeyUnknown, ApplicationNotFound, ClientRejected
from appliance.users.scopes import Scope

SECRET_PREFIX = "aps"  # noqa: S105 - what a secret begins with
TOKEN_PREFIX = "apt"  # noqa: S105 - what a token begins with
TOKEN_SECONDS = 3600
MOST_REDIRECTS = 20
LONGEST_ADDRESS = 500


@dataclass(frozen=True, slots=True)
class Application:
    """`id` is the client id. `redirects` are the exact addresses that the link flow may return to."""

    id: str
    name: str
    redirects: tuple[str, ...]
    email: str | None
    logo_url: str | None
    scope: Scope
    created_at: int


@dataclass(frozen=True, slots=True)
class AccountToken:
    """`token` is in here once and nowhere else."""

    token: str
    expires_in: int
    expires_at: int


class Applications:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        name: str,
        *,
        redirects: Sequence[str] = (),
        email: str | None = None,
        logo_url: str | None = None,
        scope: Scope | None = None,
    ) -> tuple[Application, str]:
        """A new application and its client secret, which is shown once. Raises InvalidInput."""
        if not 1 <= len(name.strip()) <= 60 or not name.isprintable():
            raise InvalidInput(
                "An application's name has 1 to 60 printable characters.",
                details={"fields": {"name": "1 to 60 printable characters"}},
            )
        checked = _redirects(redirects)
        if logo_url is not None:
            _check_address(logo_url, "logo_url")
        secret = new_secret(SECRET_PREFIX)
        application = Application(
            new_id("app"), name.strip(), checked, email, logo_url, scope or Scope(), self._clock.now_ms()
        )
        self._database.insert(
            "application",
            id=application.id,
            name=application.name,
            secret_hash=_hash(secret),
            secret_hint=_hint(secret),
            redirects=json.dumps(checked),
            email=email,
            logo_url=logo_url,
            scope=application.scope.write(),
            created_at=application.created_at,
        )
        return application, secret

    def new_secret(self, application_id: str) -> str:
        """Another secret in place of the former one, which stops working with every token got for it.

        Raises ApplicationNotFound.
        """
        secret = new_secret(SECRET_PREFIX)
        with self._database.write():
            self.get(application_id)
            self._database.run(
                "UPDATE application SET secret_hash = ?, secret_hint = ? WHERE id = ?",
                (_hash(secret), _hint(secret), application_id),
            )
            self._database.run("DELETE FROM account_token WHERE application_id = ?", (application_id,))
        return secret

    def revoke(self, application_id: str) -> None:
        """Secret and tokens stop working at once, and what customers granted to it. Raises ApplicationNotFound."""
        now = self._clock.now_ms()
        with self._database.write():
            if (
                self._database.run(
                    "UPDATE application SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                    (now, application_id),
                )
                == 0
            ):
                raise _no_application(application_id)
            self._database.run("DELETE FROM account_token WHERE application_id = ?", (application_id,))
            self._database.run(
                "UPDATE token SET revoked_at = ?, revoked_reason = 'application revoked' WHERE revoked_at IS NULL"
                " AND grant_id IN (SELECT id FROM link_grant WHERE application_id = ?)",
                (now, application_id),
            )
            self._database.run(
                "UPDATE link_grant SET revoked_at = ?, revoked_reason = 'application revoked'"
                " WHERE application_id = ? AND revoked_at IS NULL",
                (now, application_id),
            )

    def get(self, application_id: str) -> Application:
        """One that is not revoked. Raises ApplicationNotFound."""
        row = self._database.row(
            "SELECT * FROM application WHERE id = ? AND revoked_at IS NULL", (application_id,)
        )
        if row is None:
            raise _no_application(application_id)
        return _application(row)

    def list(self) -> list[dict[str, Any]]:
        """All, newest first, as plain data."""
        rows = self._database.rows("SELECT * FROM application ORDER BY created_at DESC, id")
        return [
            {
                "id": row["id"],
                "name": row["name"],
                "hint": row["secret_hint"],
                "redirects": json.loads(row["redirects"]),
                "email": row["email"],
                "logo_url": row["logo_url"],
                "scope": Scope.read(row["scope"]).as_dict(),
                "created_at": iso(row["created_at"]),
                "last_used_at": iso(row["last_used_at"]),
                "revoked_at": iso(row["revoked_at"]),
                "state": "active" if row["revoked_at"] is None else "revoked",
            }
            for row in rows
        ]

    def first(self) -> Application | None:
        """The oldest that is not revoked: whom the account is called after where no application asks."""
        row = self._database.row(
            "SELECT * FROM application WHERE revoked_at IS NULL ORDER BY created_at, id LIMIT 1"
        )
        return None if row is None else _application(row)

    def authenticate(self, client_id: str, secret: str) -> Application:
        """Raises ClientRejected without telling which of the two was wrong."""
        row = self._database.row("SELECT * FROM application WHERE id = ?", (client_id,))
        # Compared also for an unknown id, so that the time tells nothing.
        expected = b"\0" * 32 if row is None else row["secret_hash"]
        same = hmac.compare_digest(expected, _hash(secret))
        if row is None or not same or row["revoked_at"] is not None:
            raise ClientRejected(
                "client_id or client_secret is wrong, or the application was revoked. "
                "An administrator makes a new secret on the page Applications."
            )
        self._note_use(row["id"], row["last_used_at"])
        return _application(row)

    def issue(self, application: Application) -> AccountToken:
        """A token for the account's calls, good for an hour. Expired ones are forgotten here."""
        token, now = new_secret(TOKEN_PREFIX), self._clock.now_ms()
        expires_at = now + TOKEN_SECONDS * 1000
        with self._database.write():
            self._database.run("DELETE FROM account_token WHERE expires_at <= ?", (now,))
            self._database.insert(
                "account_token",
                hash=_hash(token),
                application_id=application.id,
                created_at=now,
                expires_at=expires_at,
            )
        return AccountToken(token, TOKEN_SECONDS, expires_at)

    def authenticate_token(self, token: str) -> Application:
        """Whose account token this is. Raises ApiKeyUnknown."""
        row = self._database.row(
            "SELECT a.* FROM account_token t JOIN application a ON a.id = t.application_id"
            " WHERE t.hash = ? AND t.expires_at > ? AND a.revoked_at IS NULL",
            (_hash(token), self._clock.now_ms()),
        )
        if row is None:
            raise ApiKeyUnknown(
                "The account token is not known or has expired. Get a new one with client_credentials at /link/token."
            )
        self._note_use(row["id"], row["last_used_at"])
        return _application(row)

    def revoke_token(self, application: Application, token: str) -> None:
        """End an account token of the application; nothing happens for another's or an unknown one."""
        self._database.run(
            "DELETE FROM account_token WHERE hash = ? AND application_id = ?", (_hash(token), application.id)
        )

    def _note_use(self, application_id: str, last_used_at: int | None) -> None:
        now = self._clock.now_ms()
        if last_used_at is None or now - last_used_at > 60_000:
            self._database.run_if_room(
                "UPDATE application SET last_used_at = ? WHERE id = ?", (now, application_id)
            )


def _application(row: Row) -> Application:
    return Application(
        row["id"],
        row["name"],
        tuple(json.loads(row["redirects"])),
        row["email"],
        row["logo_url"],
        Scope.read(row["scope"]),
        row["created_at"],
    )


def _redirects(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > MOST_REDIRECTS:
        raise InvalidInput(f"An application has at most {MOST_REDIRECTS} redirect addresses.")
    for address in given:
        _check_address(address, "redirects")
    return tuple(dict.fromkeys(given))


def _check_address(address: str, name: str) -> None:
    """HTTPS, or plain HTTP to this machine for development; no fragment, since the answer is added behind it."""
    rule = "an https address, or http on localhost, without a fragment"
    try:
        parts = urlsplit(address)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_one = urlsplit(""), False
    host = parts.hostname or ""
    fits = (
        bool(host)
        and port_is_one
        and len(address) <= LONGEST_ADDRESS
        and address.isprintable()
        and " " not in address
        and "@" not in parts.netloc
        and "#" not in address
        and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))
    )
    if not fits:
        raise InvalidInput(f"{address[:100]!r} is not {rule}.", details={"fields": {name: rule}})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _no_application(application_id: str) -> ApplicationNotFound:
    return ApplicationNotFound(f"There is no application {application_id[:60]!r}.")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _hint(secret: str) -> str:
    return f"{secret[:7]}…{secret[-4:]}"
