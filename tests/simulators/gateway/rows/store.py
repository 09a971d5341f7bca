"""Rendered rows in a temporary file, so that a row is rendered once however it is filtered and paged."""

import os
import tempfile
import threading
from collections.abc import Callable, Hashable, Sequence


class RowStore:
    """Rendered rows by shape, position and version of the row; emptied when the file reaches `limit` bytes.

    Memory holds only where each row lies. Safe for several threads.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._end = 0
        self._places: dict[Hashable, dict[int, tuple[int, int, int]]] = {}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the store
        self._lock = threading.Lock()

    def rows(
        self, shape: Hashable, wanted: Sequence[tuple[int, int]], render: Callable[[int], bytes]
    ) -> list[bytes]:
        """The rendered rows of `wanted` (position and version each); missing ones are rendered and kept."""
        with self._lock:
            known = self._places.setdefault(shape, {})
            found = [self._read(known.get(position), version) for position, version in wanted]
        if None not in found:
            return [row for row in found if row is not None]
        rows = [render(wanted[n][0]) if row is None else row for n, row in enumerate(found)]
        with self._lock:
            self._keep(shape, [(*wanted[n], rows[n]) for n, row in enumerate(found) if row is None])
        return rows

    def close(self) -> None:
        self._file.close()

    def _read(self, place: tuple[int, int, int] | None, version: int) -> bytes | None:
        if place is None or place[0] != version:
            return None
        return os.pread(self._file.fileno(), place[2], place[1])

    def _keep(self, shape: Hashable, rendered: Sequence[tuple[int, int, bytes]]) -> None:
        together = b"".join([row for _, _, row in rendered])
        if len(together) > self._limit:
            return
        if self._end + len(together) > self._limit:
            self._places.clear()
            self._end = 0
        os.pwrite(self._file.fileno(), together, self._end)
        known = self._places.setdefault(shape, {})
        for position, version, row in rendered:
            known[position] = (version, self._end, len(row))
            self._end += len(row)
