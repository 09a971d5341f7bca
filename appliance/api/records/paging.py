"""One page of a list: by number or by cursor, with its total and the cursor of the next."""

from typing import Any, NamedTuple

from appliance.api.records.cursors import Cursors
from appliance.api.records.query import ListQuery
from appliance.store.lists import Lists, Rows
from appliance.store.records import ListedRow
from appliance.store.selection import Selection


class Paged(NamedTuple):
    """`total` is None where it is not known or was not asked for, `next_cursor` on the last page."""

    rows: list[ListedRow]
    more: bool
    total: int | None
    next_cursor: str | None


class Pager:
    def __init__(self, lists: Lists, cursors: Cursors) -> None:
        self._lists = lists
        self._cursors = cursors

    def page(
        self, query: ListQuery, selection: Selection, rows: Rows, scope: list[Any], *, live: int | None
    ) -> Paged:
        """`scope` is what cursors are bound to beside the selection; `live` the known number of records, if any.

        Raises CursorInvalid, QueryTooLong.
        """
        bound = [*scope, selection]
        counted: int | None = None
        after: list[Any] | None = None
        if query.cursor is not None:
            counted, *after = self._cursors.read(bound, query.cursor)
        offset = 0 if after is not None else (query.page - 1) * query.per_page
        found = self._lists.page(
            rows, selection, query.per_page, after=after, offset=offset, with_raw=query.include_raw
        )
        total: int | None = None
        if query.counted:
            # What reads documents is counted once; its cursors bring the number along.
            known = counted if selection.reads_documents else None
            total = self._lists.count(rows, selection, live=live) if known is None else known
        following = self._cursors.write(bound, [total, *(found.last or [])]) if found.more else None
        return Paged(found.rows, found.more, total, following)
