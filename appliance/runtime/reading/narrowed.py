"""Other reads of the same rows: only their keys, only documents that are not finished; and what a pass proves."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs
from msgspec.structs import asdict

from appliance.runtime.definition import (
    AlternativesRead,
    DeclaredRead,
    FilesRead,
    HttpRead,
    KeysetPaging,
    NoPaging,
    ODataRead,
    Read,
    RfcRead,
    SoapRead,
    SqlRead,
    TableRead,
    TellingTable,
    TouchingTable,
    Way,
)
from appliance.runtime.protocols.sql.changes import COUNTED
from appliance.runtime.reading.ways import in_way


def only_keys(read: Read, key: Sequence[str], gone: Sequence[str] = ()) -> Read | None:
    """The read that gives the rows' keys and little else; None where only whole rows can be asked for.

    `gone` are the paths by which rows say that they are deleted; they come along. A database is asked for fewer
    columns by its protocol, so its read stays as it is.
    """
    wanted = tuple(dict.fromkeys((*key, *gone)))
    match read:
        case SqlRead():
            return read
        case ODataRead() if not read.distinct and not any("." in name for name in wanted):
            return structs.replace(read, select=wanted, expand=(), custom=())
        case TableRead() if not any("." in name for name in wanted):
            beside = tuple(name for name in wanted if name not in read.key)
            return structs.replace(read, fields=beside, related=(), amounts={}, shown={})
        case AlternativesRead():
            ways = [only_keys(way, key, gone) for way in read.of]
            if all(isinstance(way, ODataRead) for way in ways):
                return structs.replace(read, of=tuple(ways))
        case HttpRead(keys=Way() as way):
            return _instead(read, way, detail=None, children=way.children or ())
    return None


def only_open(read: Read) -> Read | None:
    """The read of documents that are not finished, whenever they changed; None where the connector knows of none."""
    match read:
        case SqlRead() if read.open:
            return read
        case ODataRead() if read.open:
            both = f"({read.filter}) and ({read.open})" if read.filter else read.open
            return structs.replace(read, filter=both, window=None)
        case TableRead(open_by=TellingTable() as telling):
            touching = TouchingTable(**asdict(telling), changed=())
            return structs.replace(read, changed=(), touching=(touching,))
        case TableRead() if read.open:
            return structs.replace(
                read, where=f"( {read.where} ) AND ( {read.open} )" if read.where else read.open
            )
        case AlternativesRead():
            ways = [only_open(way) or way for way in read.of]
            if any(way is not of for way, of in zip(ways, read.of, strict=True)):
                return structs.replace(read, of=tuple(ways), window=None)
        case HttpRead(open=Way() as way):
            return _instead(read, way, window=None)
    return None


def _instead(read: HttpRead, way: Way, **also: Any) -> HttpRead:
    """The read with what a way says, in whichever of its own ways a form field chooses."""
    said = {name: value for name, value in asdict(way).items() if value is not None and name != "vars"}
    said |= {"children": also["children"]} if "children" in also else {}
    ways = {
        name: structs.replace(one, **said, vars={**one.vars, **way.vars}) for name, one in read.ways.items()
    }
    return structs.replace(in_way(read, way), **also, ways=ways)


def compares(read: Read) -> bool:
    """Whether a pass from the beginning meets every row there is, so that absent ones can be told at all.

    Lists that stand in a definition are joined by statuses that only the rows knew, and a file that was moved away
    is no longer there to be compared with.
    """
    if isinstance(read, FilesRead):
        return read.mode == "snapshot" and not read.archive
    return not isinstance(read, DeclaredRead)


def proves_absence(read: Read, key: Sequence[str], *, since: bool) -> bool:
    """Whether one such pass is enough to say of a row that it is gone. `since` tells whether it begins at a time.

    Pages that count rows may pass over one while others before it vanish; behind a key or a row read before, they
    cannot. In the order of the time of change, or in slices of it, a row may get behind what was read: some get the
    time at which their transaction began. The same holds for a row that moves from one list to another. Tokens and
    links of a source may be anything.
    """
    match read:
        case ODataRead():
            return read.paging != "server" and not (since and read.window)
        case AlternativesRead():
            return all(proves_absence(way, key, since=since) for way in read.of)
        case HttpRead():
            ways = [read, *(in_way(read, way) for way in read.ways.values())]
            return not read.each and all(_pages_by_key(way, key, since) for way in ways)
        case SoapRead() | RfcRead():
            return isinstance(read.paging, NoPaging)
        case TableRead():
            return read.paging == "key"
        case SqlRead():
            return not since or read.cursor is None or read.cursor.kind in COUNTED
        case FilesRead() | DeclaredRead():
            return True
    return False


def _pages_by_key(read: HttpRead, key: Sequence[str], since: bool) -> bool:
    if since and read.window is not None:
        return False
    if isinstance(read.paging, KeysetPaging):
        by = [read.paging.by] if isinstance(read.paging.by, str) else read.paging.by
        return set(by) <= set(key)
    return isinstance(read.paging, NoPaging)
