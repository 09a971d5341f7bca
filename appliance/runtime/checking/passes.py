"""Checks of how the rows of an entity come: pages, keys, going on after a break, and changes since a moment."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from appliance.clock import iso
from appliance.errors import ApplianceError
from appliance.runtime.checking.report import Check, State, number
from appliance.runtime.connector import Connector
from appliance.runtime.definition import FilesRead
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.mapping.projection import Projection, RowRejected
from appliance.runtime.protocols import EVERYTHING, Page, Pages, Position, Since

_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Pass:
    """The pages of a pass over an entity, up to a limit of rows; `complete` when the source has no more.

    `failure` is what ended it; the pages before it are there.
    """

    pages: list[Page]
    complete: bool
    failure: ApplianceError | None = None

    @property
    def rows(self) -> list[bytes]:
        return [row for page in self.pages for row in page.rows]


class Mapped(NamedTuple):
    """A row that became a record."""

    key: str
    modified_at: int | None
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mapping:
    """The rows of a pass through the mapping; `rejected` counts the reasons of those that do not fit."""

    mapped: list[Mapped]
    rejected: Counter[str]


def read_pass(connector: Connector, entity: str, since: Since, limit: int) -> Pass:
    """Read pages until there are `limit` rows, or a page fails. Raises ConfigurationError."""
    return read_pages(connector.pages(entity), since, limit)


def read_pages(pages: Pages, since: Since, limit: int) -> Pass:
    """Raises nothing expected; a page that fails ends the pass."""
    position: Position | None = pages.first()
    found: list[Page] = []
    count = 0
    while position is not None and count < limit:
        try:
            page = pages.fetch(position, since, resuming=False, sample=False)
        except ApplianceError as failure:
            return Pass(found, False, failure)
        found.append(page)
        count += len(page.rows)
        position = None if page.next is None else kept(page.next)
    return Pass(found, position is None)


def kept(position: Position) -> Position:
    """A position as it comes out of the database."""
    again: Position = msgspec.json.decode(msgspec.json.encode(position))
    return again


def through(projection: Projection, rows: list[bytes]) -> Mapping:
    mapped: list[Mapped] = []
    rejected: Counter[str] = Counter()
    for raw in rows:
        try:
            record = projection.record(raw)
            mapped.append(
                Mapped(projection.key(raw), record.modified_at, msgspec.json.decode(record.payload))
            )
        except RowRejected as rejection:
            rejected[rejection.message] += 1
    return Mapping(mapped, rejected)


def check_first_page(entity: str, seen: Pass) -> Check:
    first = seen.pages[0]
    notices = "".join(f" {notice}" for notice in first.notices)
    if not first.rows:
        return Check(
            "first page", "warning", f"There are no rows, or none the user may see.{notices}", entity
        )
    state: State = "warning" if first.notices else "passed"
    return Check("first page", state, f"{number(len(first.rows), 'row')}.{notices}", entity)


def check_paging(entity: str, seen: Pass, projection: Projection) -> Check:
    """Every row once: a page that comes twice, or rows that move between pages, show as the same row again."""
    times = Counter(projection.hash(row) for row in seen.rows)
    again = sum(count - 1 for count in times.values())
    read = f"{number(len(seen.rows), 'row')} on {number(len(seen.pages), 'page')}"
    expected = next((page.expected for page in seen.pages if page.expected is not None), None)
    details = {
        "rows": len(seen.rows),
        "pages": len(seen.pages),
        "complete": seen.complete,
        "expected": expected,
    }
    if again:
        message = (
            f"{number(again, 'row')} of {read} came more than once: the order of the pages is not fixed. "
            "Ask the source to sort by a unique key."
        )
        return Check("paging", "failed", message, entity, details)
    if seen.failure is not None:
        message = f"After {read} the next one fails: {seen.failure.message}"
        return Check("paging", "failed", message, entity, details)
    if seen.complete and expected is not None and expected != len(seen.rows):
        message = (
            f"The source counts {number(expected, 'row')}, but {read} were read. Compare `count` and `until`."
        )
        return Check("paging", "warning", message, entity, details)
    if len(seen.pages) == 1:
        return Check("paging", "skipped", f"{read}: there is nothing to page through.", entity, details)
    more = "all of them" if seen.complete else "as many as the limit"
    return Check("paging", "passed", f"{read}, {more}; every row once.", entity, details)


def check_keys(entity: str, seen: Pass, projection: Projection) -> Check:
    """Different rows have different keys."""
    rows: dict[str, set[bytes]] = {}
    unreadable = 0
    for raw in seen.rows:
        try:
            rows.setdefault(projection.key(raw), set()).add(projection.hash(raw))
        except RowRejected:
            unreadable += 1
    shared = [key for key, different in rows.items() if len(different) > 1]
    if shared:
        message = (
            f"{number(len(shared), 'key')} stand for several different rows, such as {shared[0]}: one would replace "
            "the other. Add a path to `key`."
        )
        return Check("keys", "failed", message, entity, {"shared": shared[:10]})
    if unreadable:
        return Check(
            "keys", "failed", f"{number(unreadable, 'row')} without a key. Check the paths of `key`.", entity
        )
    if not rows:
        return Check("keys", "skipped", "There are no rows.", entity)
    return Check("keys", "passed", f"{number(len(rows), 'key')}, each of one row.", entity)


def check_resume(connector: Connector, entity: str, seen: Pass, projection: Projection) -> Check:
    """The second page again, from its position alone, as after a restart in the middle of a pass."""
    if len(seen.pages) < 2 or seen.pages[0].next is None:
        return Check("resume", "skipped", "There is only one page.", entity)
    try:
        again = connector.pages(entity).fetch(
            kept(seen.pages[0].next), EVERYTHING, resuming=True, sample=False
        )
    except ResumeRefused:
        message = "The source no longer knows the position; an interrupted pass begins again from its start."
        return Check("resume", "warning", message, entity)
    except ApplianceError as failure:
        return Check("resume", "failed", f"Going on after the first page fails: {failure.message}", entity)
    before = {projection.hash(row) for row in seen.pages[1].rows}
    missing = len(before - {projection.hash(row) for row in again.rows})
    if missing:
        message = (
            f"{missing} of {number(len(before), 'row')} of the second page are missing when it is asked for again by "
            "its position: an interrupted pass would lose rows."
        )
        return Check("resume", "failed", message, entity)
    return Check("resume", "passed", "A pass goes on after its first page and misses nothing.", entity)


def check_changes(
    connector: Connector, entity: str, seen: Pass, mapping: Mapping, projection: Projection, limit: int
) -> Check:
    """What is asked for at the next synchronization: rows changed at or after a moment, or after a mark."""
    definition = connector.definition.entities[entity]
    name = "changes"
    try:
        if definition.incremental == "compare":
            return Check(name, "skipped", "All rows are read each time and compared.", entity)
        if isinstance(definition.read, FilesRead) and definition.read.archive:
            message = f"Going on would move the files to {definition.read.archive}, though nothing is stored."
            return Check(name, "skipped", message, entity)
        if definition.incremental == "mark":
            return _check_mark(connector, entity, seen, limit)
        dated = [(row.modified_at, row.key) for row in mapping.mapped if row.modified_at is not None]
        if definition.modified is None:
            message = (
                "`modified` is not named, so that it cannot be seen whether a pass includes its first moment."
            )
            return Check(name, "warning", message, entity)
        if not dated:
            state: State = "warning" if mapping.mapped else "skipped"
            return Check(name, state, "No row tells when it was changed.", entity)
        return _check_moment(connector, entity, seen, dated, projection, limit)
    except ApplianceError as failure:
        return Check(name, "failed", f"Asking for changes fails: {failure.message}", entity)


def _check_moment(
    connector: Connector,
    entity: str,
    seen: Pass,
    dated: list[tuple[int, str]],
    projection: Projection,
    limit: int,
) -> Check:
    moments = sorted(moment for moment, _ in dated)
    # In the middle of what is known in full; else the end, since rows that were not seen follow any other moment.
    watermark = moments[len(moments) // 2] if seen.complete else moments[-1]
    said = iso(watermark)
    since = Since(datetime.fromtimestamp(watermark / 1000, UTC))
    again = read_pass(connector, entity, since, limit)
    if again.failure is not None:
        raise again.failure
    answered = through(projection, again.rows)
    given = {row.key for row in answered.mapped}
    wanted = {key for moment, key in dated if moment >= watermark}
    at = {key for moment, key in dated if moment == watermark}
    lost = wanted - given
    older = sum(
        row.modified_at < watermark - _DAY_MS for row in answered.mapped if row.modified_at is not None
    )
    could_be_older = sum(moment < watermark - _DAY_MS for moment in moments)
    details = {"since": said, "rows": len(again.rows), "lost": sorted(lost)[:10], "older": older}
    if lost and again.complete:
        message = (
            f"Asked for rows since {said}, the source leaves out {number(len(lost), 'row')} changed then or later"
            f"{', also at that very moment' if lost & at else ''}. The request must include the moment (at or "
            "after), and be in the source's time zone."
        )
        return Check("changes", "failed", message, entity, details)
    if older:
        message = (
            f"Asked for rows since {said}, the source gives {number(older, 'row')} changed more than a day before: "
            "it does not filter, and every pass reads everything. Check the parameter, or say `incremental: compare`."
        )
        return Check("changes", "warning", message, entity, details)
    if lost:
        message = (
            f"Rows changed at {said} did not come within the limit of {limit} rows; raise it to be sure."
        )
        return Check("changes", "warning", message, entity, details)
    tail = (
        ""
        if could_be_older
        else " No row is older by a day, so that it is not seen whether others are left out."
    )
    message = f"{number(len(again.rows), 'row')} since {said}, those changed at that moment among them.{tail}"
    return Check("changes", "passed", message, entity, details)


def _check_mark(connector: Connector, entity: str, seen: Pass, limit: int) -> Check:
    mark = next((page.mark for page in reversed(seen.pages) if page.mark is not None), None)
    if mark is None or not seen.complete:
        reason = "The source left no mark to go on from." if seen.complete else "The pass ended at the limit."
        return Check("changes", "warning" if seen.complete else "skipped", reason, entity)
    again = read_pass(connector, entity, Since(mark=mark), limit)
    if again.failure is not None:
        raise again.failure
    details = {"rows": len(again.rows)}
    if len(again.rows) >= len(seen.rows) > 1:
        message = "Asked for what came after the last mark, the source gives all rows again."
        return Check("changes", "warning", message, entity, details)
    return Check(
        "changes", "passed", f"{number(len(again.rows), 'row')} after the last mark.", entity, details
    )
