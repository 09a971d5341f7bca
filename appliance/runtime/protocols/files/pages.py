"""Pages of the rows of files.

A file is copied to an unnamed temporary file before its first row is taken: so it is known to be whole, and whether
its content was taken before under another time. Then it is read row by row. What is kept between two calls is only
this copy, and where it was read to; a position alone is enough to go on without it.
"""

import hashlib
import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

from appliance.clock import Clock
from appliance.errors import ConfigurationError
from appliance.runtime.definition import FilesRead
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.protocols.files.broken import FileBroken, Rejected
from appliance.runtime.protocols.files.choice import Choice, choose
from appliance.runtime.protocols.files.ledger import Ledger, Taken
from appliance.runtime.protocols.files.rows import Row, grouped, rows_of
from appliance.runtime.select import encode
from appliance.transport.files import Entry, Folder

log = logging.getLogger(__name__)

FILES_A_PASS = 1000
FILE_BYTES = 4 * 1024 * 1024 * 1024
IN_MEMORY = 4 * 1024 * 1024


@dataclass(slots=True)
class _Open:
    """A file being read: its copy, and the rows behind the first `row` ones."""

    entry: Entry
    sha: str
    row: int
    copy: IO[bytes]
    rows: Iterator[Row | Rejected]


class FilesPages:
    def __init__(
        self, folder: Folder, fields: Mapping[str, Any], clock: Clock, read: FilesRead, *, where: str
    ) -> None:
        if read.mode == "append" and read.group is not None:
            raise ConfigurationError(
                f"{where}: `group` does not go with mode append, which may cut a group in two."
            )
        self._folder = folder
        self._fields = fields
        self._clock = clock
        self._read = read
        self._where = where
        self._choice: Choice | None = None
        self._open: _Open | None = None

    def first(self) -> Position:
        return {"file": None, "row": 0, "sha": "", "taken": {}, "passed": []}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        ledger = Ledger.read(since.mark, position["taken"])
        if position["file"] is None:
            self._choice = None
            if not sample:
                self._archive(ledger)
        choice = self._choice = self._choice or self._chosen(ledger)
        due = self._due(choice, ledger, position)
        if due is None:
            return Page([], None, mark=self._mark(ledger, choice))
        if sample:
            return self._sample(due)
        return self._page(due, position, ledger, choice)

    def _page(self, entry: Entry, position: Position, ledger: Ledger, choice: Choice) -> Page:
        """A page of one file; what goes wrong with the file is noticed, and the pass goes on with the next."""
        try:
            opened = self._opened(entry, position, ledger)
            if opened is None:
                return self._follow(entry, position, ledger, choice, self._same(entry, ledger), [], ())
            found = list(islice(opened.rows, self._read.size))
        except FileBroken as failure:
            self._close()
            notice = f"{entry.name} is left for later: {failure.message}."
            return self._follow(entry, position, ledger, choice, None, [], (notice,))
        opened.row += len(found)
        if len(found) == self._read.size:
            following = {**position, "file": entry.name, "row": opened.row, "sha": opened.sha}
            return self._with(found, following, None, ())
        taken = Taken(entry.size, entry.modified, opened.sha, opened.row)
        self._close()
        return self._follow(entry, position, ledger, choice, taken, found, ())

    def _follow(
        self,
        entry: Entry,
        position: Position,
        ledger: Ledger,
        choice: Choice,
        taken: Taken | None,
        found: list[Row | Rejected],
        notices: tuple[str, ...],
    ) -> Page:
        """The last page of a file, and where the pass goes on; `taken` is None for a file that is left for later."""
        further, passed = dict(position["taken"]), list(position["passed"])
        if taken is None:
            passed.append(entry.name)
        else:
            further[entry.name] = list(taken)
            ledger.taken[entry.name] = taken
        following: Position = {**self.first(), "taken": further, "passed": passed}
        due = self._due(choice, ledger, following)
        if due is not None and len(further) >= FILES_A_PASS:
            notices = (*notices, f"{FILES_A_PASS} files were taken; the others wait for the next time.")
            due = None
        if due is None:
            return self._with(found, None, self._mark(ledger, choice), notices)
        return self._with(found, {**following, "file": due.name}, None, notices)

    def _with(
        self, found: list[Row | Rejected], following: Position | None, mark: Any, notices: tuple[str, ...]
    ) -> Page:
        rows = [encode(row) for row in found if not isinstance(row, Rejected)]
        rejected = tuple(row.reason for row in found if isinstance(row, Rejected))
        return Page(rows, following, mark=mark, notices=notices, rejected=rejected)

    def _sample(self, entry: Entry) -> Page:
        copy, _ = self._copied(entry)
        with copy:
            found = list(islice(self._rows(copy), 1))
        return self._with(found, None, None, ())

    def _chosen(self, ledger: Ledger) -> Choice:
        return choose(self._folder.list(), self._read, ledger, self._clock.now_ms() // 1000)

    def _due(self, choice: Choice, ledger: Ledger, position: Position) -> Entry | None:
        """The file the position names, or the next one. Raises ResumeRefused when it is no longer there."""
        if position["file"] is not None:
            for entry in choice.due:
                if entry.name == position["file"]:
                    return entry
            raise ResumeRefused(f"{position['file']} was changed or is gone; the pass begins again.")
        waiting = (e for e in choice.due if not ledger.is_taken(e) and e.name not in position["passed"])
        return next(waiting, None)

    def _opened(self, entry: Entry, position: Position, ledger: Ledger) -> _Open | None:
        """The file at the row of the position; None when its content was taken before."""
        at = self._open
        if at is not None and (at.entry, at.row) == (entry, position["row"]) and position["row"]:
            return at
        self._close()
        copy, sha = self._copied(entry)
        known = ledger.taken.get(entry.name)
        if not position["row"] and known is not None and known.sha == sha:
            copy.close()
            return None
        if position["sha"] and position["sha"] != sha:
            copy.close()
            raise ResumeRefused(f"{entry.name} was changed; the pass begins again.")
        row = position["row"]
        if not row and self._read.mode == "append" and known is not None and entry.size > known.size:
            row = known.rows
        rows = self._rows(copy)
        # Read what comes before once more; only the position knows how far it got.
        for _ in islice(rows, row):
            pass
        self._open = _Open(entry, sha, row, copy, rows)
        return self._open

    def _rows(self, copy: IO[bytes]) -> Iterator[Row | Rejected]:
        rows = rows_of(copy, self._read.format, self._fields)
        return rows if self._read.group is None else grouped(rows, self._read.group)

    def _copied(self, entry: Entry) -> tuple[IO[bytes], str]:
        """A copy without a name, and its hash. Raises FileBroken when the file changed meanwhile."""
        if entry.size > FILE_BYTES:
            raise FileBroken("it is larger than 4 GiB")
        copy: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with the pass
        digest = hashlib.sha256()
        try:
            with self._folder.open(entry.name) as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
                    copy.write(piece)
            now = self._folder.entry(entry.name)
            if now != entry or copy.tell() != entry.size:
                raise FileBroken("it is still being written")
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return copy, digest.hexdigest()[:16]

    def _same(self, entry: Entry, ledger: Ledger) -> Taken:
        return ledger.taken[entry.name]._replace(size=entry.size, modified=entry.modified)

    def _mark(self, ledger: Ledger, choice: Choice) -> dict[str, Any]:
        return ledger.mark((entry.name for entry in choice.present), choice.unfinished)

    def _archive(self, ledger: Ledger) -> None:
        """Move away what earlier passes have taken: only now it is certain that its rows are stored."""
        if not self._read.archive:
            return
        for entry in self._folder.list():
            if not ledger.is_taken(entry):
                continue
            for name in (entry.name, entry.name + self._read.marker if self._read.marker else ""):
                if name and self._folder.entry(name) is not None:
                    self._move(name, entry.modified)

    def _move(self, name: str, modified: int) -> None:
        try:
            self._folder.move(name, self._read.archive, name)
        except FileExistsError:
            self._folder.move(name, self._read.archive, f"{modified}-{self._clock.now_ms()}-{name}")

    def _close(self) -> None:
        if self._open is not None:
            self._open.copy.close()
            self._open = None
