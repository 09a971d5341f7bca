"""Sessions of the admin page: a random cookie, kept as a hash, that ends when idle or old."""

import hashlib
import secrets
from dataclasses import dataclass

from appliance.clock import Clock, new_secret
from appliance.store.database import Database
from appliance.users.accounts import Account


@dataclass(frozen=True, slots=True)
class Session:
    """`csrf` is the token that every form of this session carries."""

    account: Account
    csrf: str
    cookie: str


class Sessions:
    def __init__(self, database: Database, clock: Clock, *, idle_minutes: int, hours: int) -> None:
        self._database = database
        self._clock = clock
        self._idle_ms = idle_minutes * 60_000
        self._longest_ms = hours * 3_600_000

    def open(self, account: Account) -> Session:
        """A new session; `cookie` is the value the browser keeps."""
        now = self._clock.now_ms()
        session = Session(account, secrets.token_urlsafe(24), new_secret("ses"))
        # Whoever is to make room signs in first.
        self._database.make_room()
        with self._database.write():
            self._database.run("DELETE FROM session WHERE expires_at < ?", (now,))
            self._database.insert(
                "session",
                hash=_hash(session.cookie),
                account_id=account.id,
                csrf=session.csrf,
                created_at=now,
                seen_at=now,
                expires_at=now + self._longest_ms,
            )
        return session

    def find(self, cookie: str) -> Session | None:
        """The live session of a cookie, or None."""
        now = self._clock.now_ms()
        row = self._database.row(
            "SELECT s.csrf, s.seen_at, s.expires_at, a.id, a.name, a.role FROM session s"
            " JOIN account a ON a.id = s.account_id WHERE s.hash = ? AND a.disabled_at IS NULL",
            (_hash(cookie),),
        )
        if row is None or row["expires_at"] < now or row["seen_at"] + self._idle_ms < now:
            return None
        if now - row["seen_at"] > 30_000:
            self._database.run_if_room("UPDATE session SET seen_at = ? WHERE hash = ?", (now, _hash(cookie)))
        return Session(Account(row["id"], row["name"], row["role"]), row["csrf"], cookie)

    def end(self, cookie: str) -> None:
        self._database.run("DELETE FROM session WHERE hash = ?", (_hash(cookie),))


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).digest()
