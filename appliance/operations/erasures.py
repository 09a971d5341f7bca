"""The statements of retention: each deletes some of what is older than a moment, and tells how many rows went.

They stand together, so that it can be seen at one place what the appliance forgets. Each searches an index or the
oldest ids, so that finding nothing costs next to nothing.
"""

from appliance.connections.link import REFRESH_SECONDS
from appliance.store.database import Database

# A run has a row for each entity, and notices.
_ROWS_OF_A_RUN = 20


class Erasures:
    """`before` is in milliseconds since 1970, `limit` bounds the rows of one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, before: int, limit: int) -> int:
        """Runs that are over, with their entities, notices and what they could undo.

        Never the last run of a connection, nor one whose failed pass is to be taken up again.
        """
        with self._database.write():
            ids = [
                (row[0],)
                for row in self._database.tuples(
                    "SELECT r.id FROM run AS r INDEXED BY run_state"
                    " WHERE r.state IN ('completed', 'partially_failed', 'failed', 'cancelled')"
                    " AND r.created_at < ? AND EXISTS (SELECT 1 FROM run AS n WHERE"
                    " n.connection_id = r.connection_id AND n.created_at > r.created_at)"
                    " AND NOT EXISTS (SELECT 1 FROM schedule AS s WHERE s.connection_id = r.connection_id"
                    " AND s.resume_run_id = r.id) LIMIT ?",
                    (before, max(1, limit // _ROWS_OF_A_RUN)),
                )
            ]
            if ids:
                self._database.run_many("DELETE FROM tombstone WHERE run_id = ?", ids)
                self._database.run_many("DELETE FROM run_notice WHERE run_id = ?", ids)
                self._database.run_many("DELETE FROM run_entity WHERE run_id = ?", ids)
                self._database.run_many("DELETE FROM tombstone WHERE run_id = ?", ids)
                self._database.run_many("DELETE FROM run WHERE id = ?", ids)
            return len(ids)

    def issues(self, before: int, limit: int) -> int:
        """Issues that are resolved, and held deletions about which a word was said."""
        resolved = self._delete(
            "DELETE FROM issue WHERE id IN (SELECT id FROM issue WHERE resolved_at < ? LIMIT ?)",
            before,
            limit,
        )
        return resolved + self._delete(
            "DELETE FROM deletion_hold WHERE id IN"
            " (SELECT id FROM deletion_hold WHERE state <> 'open' AND updated_at < ? LIMIT ?)",
            before,
            limit,
        )

    def writes(self, before: int, limit: int) -> int:
        """Writes that are over; what the engine is still to look at stays."""
        return self._delete(
            "DELETE FROM write_order WHERE id IN (SELECT w.id FROM connection AS c CROSS JOIN write_order AS w"
            " INDEXED BY write_order_connection ON w.connection_id = c.id AND w.created_at < ?"
            " WHERE w.due_at IS NULL AND w.state IN ('done', 'failed', 'unknown') LIMIT ?)",
            before,
            limit,
        )

    def passthrough_calls(self, before: int, limit: int) -> int:
        """Requests handed on to sources; their ids grow with time."""
        return self._delete(
            "DELETE FROM passthrough_call WHERE id IN (SELECT id FROM"
            " (SELECT id, at FROM passthrough_call ORDER BY id LIMIT ?2) WHERE at < ?1)",
            before,
            limit,
        )

    def tokens(self, before: int, limit: int) -> int:
        """Tokens of connections that ended before the moment, by revocation or by age."""
        return self._delete(
            "DELETE FROM token WHERE id IN (SELECT id FROM token"
            " WHERE coalesce(revoked_at, expires_at) < ? LIMIT ?)",
            before,
            limit,
        )

    def grants(self, before: int, limit: int) -> int:
        """Grants that nothing hangs on any more, with no token, code or refresh token left."""
        return self._delete(
            "DELETE FROM link_grant WHERE id IN (SELECT g.id FROM link_grant AS g WHERE g.created_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM token WHERE grant_id = g.id)"
            " AND NOT EXISTS (SELECT 1 FROM link_code WHERE grant_id = g.id)"
            " AND NOT EXISTS (SELECT 1 FROM link_refresh WHERE grant_id = g.id) LIMIT ?)",
            before,
            limit,
        )

    def expired(self, now: int, limit: int) -> int:
        """Sessions, account tokens, codes, refresh tokens and set-up links that have expired.

        Used codes stay as long as refresh tokens live, so that one that is used twice ends what came of it.
        """
        codes = now - REFRESH_SECONDS * 1000
        with self._database.write():
            return sum(
                self._delete(
                    f"DELETE FROM {table} WHERE hash IN"
                    f" (SELECT hash FROM {table} WHERE expires_at < ? LIMIT ?)",
                    end,
                    limit // 5,
                )
                for table, end in (
                    ("session", now),
                    ("account_token", now),
                    ("link_code", codes),
                    ("link_refresh", now),
                    ("bootstrap", now),
                )
            )

    def mapping_versions(self, keep: int, limit: int) -> int:
        """Versions of a mapping that are not in force, but for the newest `keep` of each."""
        return self._delete(
            "DELETE FROM mapping_version WHERE (connection_id, entity, number) IN ("
            " SELECT connection_id, entity, number FROM (SELECT connection_id, entity, number,"
            " row_number() OVER (PARTITION BY connection_id, entity ORDER BY number DESC) AS place"
            " FROM mapping_version WHERE NOT in_force) WHERE place > ? LIMIT ?)",
            keep,
            limit,
        )

    def _delete(self, sql: str, first: int, limit: int) -> int:
        return self._database.run(sql, (first, limit))
