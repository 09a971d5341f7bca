"""The ledger of credits: append-only; available = granted - taken + returned.

Every take and give-back happens inside the caller's write transaction. There is one writer at a time, so two
connects can never take the same last credit.
"""

from dataclasses import dataclass
from typing import Any

from appliance.clock import Clock, iso
from appliance.credits.errors import InsufficientCredits
from appliance.store.database import Database

EVALUATION = "evaluation"


@dataclass(frozen=True, slots=True)
class Balance:
    granted: int
    used: int

    @property
    def available(self) -> int:
        """Never negative: a pool that was made smaller than what is in use only stops new connections."""
        return max(0, self.granted - self.used)


class Ledger:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def balance(self) -> Balance:
        sums = {
            row["kind"]: row["total"]
            for row in self._database.rows(
                "SELECT kind, sum(amount) AS total FROM credit_entry GROUP BY kind"
            )
        }
        return Balance(
            granted=sums.get("grant", 0) - sums.get("revoke", 0),
            used=sums.get("take", 0) - sums.get("return", 0),
        )

    def entries(self, *, limit: int = 200, before: int | None = None) -> list[dict[str, Any]]:
        """Newest first; `before` is the id to go on from."""
        rows = self._database.rows(
            "SELECT e.id, e.at, e.kind, e.amount, e.connection_id, c.name AS connection_name, e.note"
            " FROM credit_entry e LEFT JOIN connection c ON c.id = e.connection_id"
            " WHERE e.id < ? ORDER BY e.id DESC LIMIT ?",
            (before or 2**62, limit),
        )
        return [{**row, "at": iso(row["at"])} for row in rows]

    def require(self, amount: int) -> None:
        """Raise InsufficientCredits when `amount` is not available now."""
        balance = self.balance()
        if amount > balance.available:
            missing = amount - balance.available
            raise InsufficientCredits(
                f"This connection needs {amount} credits and {balance.available} are available: {missing} missing. "
                "Disconnect a connection that is no longer needed, or import an entitlement with more credits.",
                details={"needed": amount, "available": balance.available, "missing": missing},
            )

    def take(self, connection_id: str, amount: int, note: str) -> None:
        """Take credits for a connection, once. Raises InsufficientCredits; takes nothing then."""
        with self._database.write():
            self.require(amount)
            self._append("take", amount, note, connection_id=connection_id)

    def give_back(self, connection_id: str) -> int:
        """Return exactly what the connection took; nothing when it was returned before. The amount returned."""
        with self._database.write():
            kinds = {
                row["kind"]: row["amount"]
                for row in self._database.rows(
                    "SELECT kind, amount FROM credit_entry WHERE connection_id = ?", (connection_id,)
                )
            }
            if "return" in kinds or "take" not in kinds:
                return 0
            amount: int = kinds["take"]
            self._append("return", amount, "disconnected", connection_id=connection_id)
            return amount

    def set_pool(self, source: str, amount: int, note: str) -> None:
        """Make the credits granted by `source` be `amount`, by one more grant or revocation, or nothing."""
        with self._database.write():
            held: int = self._database.value(
                "SELECT coalesce(sum(CASE kind WHEN 'grant' THEN amount ELSE -amount END), 0)"
                " FROM credit_entry WHERE source = ?",
                (source,),
            )
            if amount > held:
                self._append("grant", amount - held, note, source=source)
            elif amount < held:
                self._append("revoke", held - amount, note, source=source)

    def sources(self) -> list[str]:
        """Where credits were ever granted from."""
        return [
            row["source"]
            for row in self._database.rows(
                "SELECT DISTINCT source FROM credit_entry WHERE source IS NOT NULL"
            )
        ]

    def _append(
        self,
        kind: str,
        amount: int,
        note: str,
        *,
        connection_id: str | None = None,
        source: str | None = None,
    ) -> None:
        self._database.insert(
            "credit_entry",
            at=self._clock.now_ms(),
            kind=kind,
            amount=amount,
            connection_id=connection_id,
            source=source,
            note=note,
        )
