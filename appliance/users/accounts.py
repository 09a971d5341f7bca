"""Local accounts: Argon2id password hashes, lockout, and the first administrator."""

from dataclasses import dataclass
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from appliance.clock import Clock, new_id
from appliance.errors import Conflict, InvalidInput
from appliance.store.database import Database
from appliance.users.errors import AccountLocked, AlreadySetUp, SignInRefused

ADMINISTRATOR = "administrator"
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
TRIES = 5
LOCK_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    role: str


class Accounts:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._hasher = PasswordHasher()

    def any(self) -> bool:
        """Whether the first administrator exists."""
        return self._database.value("SELECT 1 FROM account LIMIT 1") is not None

    def set_up(self, name: str, password: str) -> Account:
        """Make the first administrator. Raises AlreadySetUp, InvalidInput."""
        checked = _name(name)
        hashed = self._hasher.hash(_password(password, checked))
        with self._database.write():
            if self.any():
                raise AlreadySetUp("The appliance is set up. Sign in with an administrator's account.")
            self._database.run("DELETE FROM bootstrap")
            return self._insert(checked, hashed)

    def add(self, name: str, password: str) -> Account:
        """Make another administrator. Raises InvalidInput, Conflict for a name that is taken."""
        checked = _name(name)
        hashed = self._hasher.hash(_password(password, checked))
        with self._database.write():
            if self._database.value("SELECT 1 FROM account WHERE name = ?", (checked,)) is not None:
                raise Conflict(f"There already is an account {checked!r}.")
            return self._insert(checked, hashed)

    def set_password(self, name: str, password: str) -> None:
        """Replace a password, lift the lock and end all sessions of the account. Raises InvalidInput."""
        hashed = self._hasher.hash(_password(password, name))
        with self._database.write():
            if (
                self._database.run(
                    "UPDATE account SET password_hash = ?, failures = 0, locked_until = NULL WHERE name = ?",
                    (hashed, name),
                )
                == 0
            ):
                raise InvalidInput(f"There is no account {name[:60]!r}.")
            self._database.run(
                "DELETE FROM session WHERE account_id = (SELECT id FROM account WHERE name = ?)", (name,)
            )

    def sign_in(self, name: str, password: str) -> Account:
        """Raises SignInRefused without telling whether name or password was wrong, AccountLocked after five."""
        now = self._clock.now_ms()
        self._database.make_room()
        row = self._database.row(
            "SELECT * FROM account WHERE name = ? AND disabled_at IS NULL", (name.strip(),)
        )
        if row is not None and row["locked_until"] is not None and row["locked_until"] > now:
            wait = (row["locked_until"] - now) / 1000
            raise AccountLocked(
                f"Too many wrong passwords. Try again in {wait:.0f} seconds.", retry_after=wait
            )
        if (
            not self._verify(self._no_account if row is None else row["password_hash"], password)
            or row is None
        ):
            if row is not None:
                self._count_failure(row["id"], now)
            raise SignInRefused("Name or password is wrong.")
        if row["failures"]:
            self._database.run(
                "UPDATE account SET failures = 0, locked_until = NULL WHERE id = ?", (row["id"],)
            )
        return Account(row["id"], row["name"], row["role"])

    def _insert(self, name: str, hashed: str) -> Account:
        account = Account(new_id("acc"), name, ADMINISTRATOR)
        self._database.insert(
            "account",
            id=account.id,
            name=account.name,
            role=account.role,
            password_hash=hashed,
            created_at=self._clock.now_ms(),
        )
        return account

    def _count_failure(self, account_id: str, now: int) -> None:
        self._database.run(
            "UPDATE account SET locked_until = CASE WHEN failures + 1 >= ? THEN ? END,"
            " failures = CASE WHEN failures + 1 >= ? THEN 0 ELSE failures + 1 END WHERE id = ?",
            (TRIES, now + LOCK_SECONDS * 1000, TRIES, account_id),
        )

    @cached_property
    def _no_account(self) -> str:
        """Verified when the name is unknown, so that a guess takes as long as for a known one."""
        return self._hasher.hash("no account has this password")

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password[:LONGEST_PASSWORD])
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def _name(name: str) -> str:
    stripped = name.strip()
    if not 1 <= len(stripped) <= 60 or not stripped.isprintable():
        raise InvalidInput(
            "An account name has 1 to 60 printable characters.", details={"fields": {"name": "1 to 60"}}
        )
    return stripped


def _password(password: str, name: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput(
            f"A password has at least {SHORTEST_PASSWORD} characters.",
            details={"fields": {"password": f"at least {SHORTEST_PASSWORD} characters"}},
        )
    if name.lower() in password.lower() or len(set(password)) < 5:
        raise InvalidInput(
            "The password is too easy to guess: it holds the account's name or too few different characters.",
            details={"fields": {"password": "too easy to guess"}},
        )
    return password
