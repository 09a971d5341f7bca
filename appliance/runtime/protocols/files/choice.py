"""Which files of a folder are to be taken now."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from appliance.runtime.definition import FilesRead
from appliance.runtime.protocols.files.ledger import Ledger
from appliance.transport.files import Entry

# What programs call files that are still being transferred.
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload")


class Choice(NamedTuple):
    """`due`: files to take, in their order. `present`: all that match. `unfinished`: those to look at again."""

    due: list[Entry]
    present: list[Entry]
    unfinished: dict[str, tuple[int, int]]


def choose(files: Iterable[Entry], read: FilesRead, ledger: Ledger, now: int) -> Choice:
    """`now` in seconds since 1970."""
    listed = list(files)
    names = {entry.name for entry in listed}
    matching = [entry for entry in listed if matches(entry.name, read.files)]
    finished = [entry for entry in matching if _is_finished(entry, read, names, ledger, now)]
    unfinished = {entry.name: (entry.size, entry.modified) for entry in matching if entry not in finished}
    finished.sort(key=lambda entry: (entry.modified, entry.name))
    if read.mode == "snapshot":
        finished = finished[-1:]
    return Choice([entry for entry in finished if not ledger.is_taken(entry)], matching, unfinished)


def matches(name: str, pattern: str) -> bool:
    lowered = name.lower()
    if name.startswith(".") or lowered.endswith(_UNFINISHED):
        return False
    return fnmatchcase(lowered, pattern.lower())


def _is_finished(entry: Entry, read: FilesRead, names: set[str], ledger: Ledger, now: int) -> bool:
    if read.marker:
        return entry.name + read.marker in names
    age = now - entry.modified
    if age >= 0:
        return age >= read.stable_seconds
    # The server's clock is ahead of ours: then it must look the same as at the last pass.
    return read.stable_seconds == 0 or ledger.seen.get(entry.name) == (entry.size, entry.modified)
