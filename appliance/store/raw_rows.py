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


class RawRows:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._local = threading.local()

    def compress(self, stream_id: int, rows: Sequence[bytes]) -> list[bytes]:
        """The rows of a stream compressed, in order. Called once, in the transaction that stores them."""
        compressor = self._compressor(stream_id, rows)
        return [compressor.compress(row) for row in rows]

    def decompress(self, compressed: bytes) -> bytes:
        """A row as it came from the source."""
        dictionary_id = zstandard.get_frame_parameters(compressed).dict_id
        if dictionary_id == 0:
            return zstandard.ZstdDecompressor().decompress(compressed)
        content = self._database.value("SELECT content FROM raw_dictionary WHERE id = ?", (dictionary_id,))
        dictionary = zstandard.ZstdCompressionDict(content)
        return zstandard.ZstdDecompressor(dict_data=dictionary).decompress(compressed)

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
