"""The one-time link of the first run: whoever can read this machine's log or file may make the administrator.

The token is single use, lives 30 minutes and stands in a file only the service's user can read. It is gone with
the first administrator.
"""

import hashlib
import os
from pathlib import Path

from appliance.clock import Clock, new_secret
from appliance.store.database import Database
from appliance.users.accounts import Account, Accounts
from appliance.users.errors import AlreadySetUp, BootstrapRefused

MINUTES = 30
FILE_NAME = "setup-token"


class Bootstrap:
    def __init__(self, database: Database, accounts: Accounts, data_dir: Path, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts
        self._file = data_dir / FILE_NAME
        self._clock = clock

    def offer(self) -> str | None:
        """A new token while there is no administrator, None afterwards. An earlier token stops working."""
        if self._accounts.any():
            self.withdraw()
            return None
        token = new_secret("set")
        with self._database.write():
            self._database.run("DELETE FROM bootstrap")
            self._database.insert(
                "bootstrap", hash=_hash(token), expires_at=self._clock.now_ms() + MINUTES * 60_000
            )
        self._file.unlink(missing_ok=True)
        descriptor = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(token + "\n")
        return token

    def check(self, token: str) -> None:
        """Raise BootstrapRefused unless the token opens the set-up page now; AlreadySetUp when that is over."""
        if self._accounts.any():
            raise AlreadySetUp("The appliance is set up. Sign in with an administrator's account.")
        expires_at = self._database.value("SELECT expires_at FROM bootstrap WHERE hash = ?", (_hash(token),))
        if expires_at is None or expires_at < self._clock.now_ms():
            raise BootstrapRefused(
                f"The set-up link is not valid any more: it lives {MINUTES} minutes and works once. "
                "Restart the appliance for a new one, or run `appliance setup --admin NAME --password-file FILE`."
            )

    def set_up(self, token: str, name: str, password: str) -> Account:
        """Make the administrator and burn the token. Raises as `check` and `Accounts.set_up` do."""
        with self._database.write():
            self.check(token)
            account = self._accounts.set_up(name, password)
        self.withdraw()
        return account

    def withdraw(self) -> None:
        """Remove the file of a token that no longer works, since there is an administrator."""
        self._file.unlink(missing_ok=True)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
