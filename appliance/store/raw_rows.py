"""Compression of the source's rows, which are kept beside the unified records.

Rows of one entity repeat the same names, so a dictionary trained on the first page makes each a quarter of what
it compresses to alone, in a third of the time. Every compressed row names its dictionary.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence

import zstandard

from appliance.store.database import Database

LEVEL = 3
DICTIONARY_BYTES = 16 * 1024
# With fewer samples a dictionary learns the rows instead of what they have in common.
FEWEST_SAMPLES = 50
# A compressor takes some hundred kilobytes; each thread keeps those of the streams it works on.
KEPT = 16
# In place of a row that is no longer kept; it reads as null.
NOT_KEPT = b""


class RawRows:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._local = threading.local()
        database.function("raw_text", 1, lambda raw: None if raw is None else self.decompress(raw).decode())

    def compress(self, stream_id: int, rows: Sequence[bytes]) -> list[bytes]:
        """The rows of a stream compressed, in order. Called once, in the transaction that stores them."""
        compressor = self._compressor(stream_id, rows)
        return [compressor.compress(row) for row in rows]

    def decompress(self, compressed: bytes) -> bytes:
        """A row as it came from the source, `null` for one that is no longer kept."""
        if compressed == NOT_KEPT:
            return b"null"
        return self._decompressor(zstandard.get_frame_parameters(compressed).dict_id).decompress(compressed)

    def _decompressor(self, dictionary_id: int) -> zstandard.ZstdDecompressor:
        """Of this thread, since one cannot be used by two at a time."""
        kept: OrderedDict[int, zstandard.ZstdDecompressor] | None = getattr(self._local, "reading", None)
        if kept is None:
            kept = self._local.reading = OrderedDict()
        if dictionary_id not in kept:
            kept[dictionary_id] = _decompressor(self._content(dictionary_id))
        kept.move_to_end(dictionary_id)
        if len(kept) > KEPT:
            kept.popitem(last=False)
        return kept[dictionary_id]

    def _content(self, dictionary_id: int) -> bytes | None:
        if dictionary_id == 0:
            return None
        content: bytes = self._database.value(
            "SELECT content FROM raw_dictionary WHERE id = ?", (dictionary_id,)
        )
        return content

    def _compressor(self, stream_id: int, rows: Sequence[bytes]) -> zstandard.ZstdCompressor:
        kept: OrderedDict[int, zstandard.ZstdCompressor] | None = getattr(self._local, "kept", None)
        if kept is None:
            kept = self._local.kept = OrderedDict()
        if stream_id in kept:
            kept.move_to_end(stream_id)
            return kept[stream_id]
        content = self._database.value("SELECT content FROM raw_dictionary WHERE stream_id = ?", (stream_id,))
        if content is None:
            # Not kept: this transaction may still be rolled back, and the dictionary with it.
            return _compressor(self._learn(stream_id, rows))
        kept[stream_id] = _compressor(content)
        if len(kept) > KEPT:
            kept.popitem(last=False)
        return kept[stream_id]

    def _learn(self, stream_id: int, rows: Sequence[bytes]) -> bytes | None:
        """Train and store the dictionary of a stream; None when these rows are too few or too much alike."""
        content = _train(rows) if len(rows) >= FEWEST_SAMPLES else None
        if content is not None:
            number = zstandard.ZstdCompressionDict(content).dict_id()
            self._database.insert("raw_dictionary", id=number, stream_id=stream_id, content=content)
        return content


def _compressor(dictionary: bytes | None) -> zstandard.ZstdCompressor:
    if dictionary is None:
        return zstandard.ZstdCompressor(level=LEVEL)
    prepared = zstandard.ZstdCompressionDict(dictionary)
    prepared.precompute_compress(level=LEVEL)
    return zstandard.ZstdCompressor(level=LEVEL, dict_data=prepared)


def _decompressor(dictionary: bytes | None) -> zstandard.ZstdDecompressor:
    if dictionary is None:
        return zstandard.ZstdDecompressor()
    return zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary))


def _train(rows: Sequence[bytes]) -> bytes | None:
    try:
        # The format reserves the lowest ids and those of 32 bits with the highest bit set.
        trained = zstandard.train_dictionary(
            DICTIONARY_BYTES, list(rows), level=LEVEL, dict_id=32768 + secrets.randbelow(2**31 - 32768)
        )
    except zstandard.ZstdError:
        # Rows too short or too much alike to learn from.
        return None
    return trained.as_bytes()
