"""Data put back to an earlier state, by a restore or a rollback; callers and sources have seen what came after it.

Readers of the change feed begin anew, and nothing that waited then is sent again: it may have been sent since.
"""

from typing import NamedTuple

from appliance.runtime.writing.writer import OutcomeUnknown
from appliance.store.database import Database
from appliance.store.feed import Feed
from appliance.webhooks.queue import DeliveryQueue
from appliance.writes.service import told
from appliance.writes.tables import WriteTable


class GoneBack(NamedTuple):
    """The epoch of the change feed that begins, and how many webhooks and writes are not sent any more."""

    epoch: int
    webhooks_ended: int
    writes_ended: int


def go_back(database: Database, what: str, now: int) -> GoneBack:
    """`what` was done, such as "a backup was restored"; `now` in milliseconds."""
    with database.write():
        return GoneBack(
            # The time in seconds: going back twice to the same state gives an epoch of its own each time.
            Feed(database).begin_epoch(now // 1000),
            DeliveryQueue(database).stop_all(
                f"Not sent: {what}. What was to be told may have been told before.", now
            ),
            WriteTable(database).stop_all(
                told(
                    OutcomeUnknown(
                        f"{what[0].upper()}{what[1:]}, from a time before this write was done. Look in the source "
                        "whether it is there; if not, send it again with a new Idempotency-Key."
                    )
                ),
                now,
            ),
        )
