"""The encrypted stream: whatever was put in comes out, and no byte of it can be changed, left out or moved."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.operations.backups.errors import BackupBroken
from appliance.operations.backups.stream import Header, Opening, Sealing, read_header
from appliance.vault.archive_key import WrappedKey
from appliance.vault.sources import Derivation

KEY = bytes(range(32))
CHUNK = 64
PIECE = CHUNK + 16


def header(chunk: int = CHUNK) -> Header:
    wrapped = WrappedKey("mk_1", Derivation(b"salt of sixteen.", 600_000), b"sealed")
    return Header("0a1b2c3d", "0.1.0", 14, "2026-01-05T08:00:00Z", wrapped, chunk)


def sealed(content: bytes, *, pieces: int = 1) -> bytes:
    out = io.BytesIO()
    sealing = Sealing(out, header(), KEY)
    step = max(1, len(content) // pieces)
    for start in range(0, len(content), step):
        sealing.write(content[start : start + step])
    sealing.finish()
    return out.getvalue()


def opened(archive: bytes) -> bytes:
    source = io.BytesIO(archive)
    read, written = read_header(source)
    return io.BufferedReader(Opening(source, written, read.chunk, KEY)).read()


START = len(header().to_bytes())

contents = st.integers(0, 5 * CHUNK).flatmap(lambda size: st.binary(min_size=size, max_size=size))


@given(contents, st.integers(1, 9))
def test_what_is_put_in_comes_out(content: bytes, pieces: int) -> None:
    archive = sealed(content, pieces=pieces)
    assert opened(archive) == content
    assert content[:20] not in archive[START:] or len(content) < 8
    assert read_header(io.BytesIO(archive))[0] == header()


@given(contents, st.data())
def test_a_flipped_bit_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    archive = bytearray(sealed(content))
    archive[data.draw(st.integers(0, len(archive) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ApplianceError):
        opened(bytes(archive))


@given(contents, st.data())
def test_an_archive_that_was_cut_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    archive = sealed(content)
    with pytest.raises(BackupBroken):
        opened(archive[: data.draw(st.integers(0, len(archive) - 1))])


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_an_archive_that_was_cut_between_two_chunks_is_refused(chunks: int) -> None:
    archive = sealed(bytes(4 * CHUNK))
    with pytest.raises(BackupBroken):
        opened(archive[: START + chunks * PIECE])


@given(contents, st.binary(min_size=1, max_size=2 * PIECE))
def test_what_was_added_at_the_end_is_refused(content: bytes, more: bytes) -> None:
    with pytest.raises(BackupBroken):
        opened(sealed(content) + more)


@settings(max_examples=50)
@given(st.data())
def test_chunks_that_changed_places_or_came_twice_are_refused(data: st.DataObject) -> None:
    archive = sealed(bytes(range(256)) + bytes(CHUNK))
    chunks = [archive[at : at + PIECE] for at in range(START, len(archive), PIECE)]
    order = data.draw(st.lists(st.integers(0, len(chunks) - 1), min_size=1, max_size=7))
    if order == list(range(len(chunks))):
        return
    with pytest.raises(BackupBroken):
        opened(archive[:START] + b"".join(chunks[one] for one in order))


def test_a_chunk_of_another_archive_is_refused() -> None:
    out = io.BytesIO()
    other = Header("0a1b2c3d", "0.1.0", 14, "2026-01-06T08:00:00Z", header().key, CHUNK)
    sealing = Sealing(out, other, KEY)
    sealing.write(b"x" * 200)
    sealing.finish()
    foreign = out.getvalue()[len(other.to_bytes()) :]
    with pytest.raises(BackupBroken):
        opened(sealed(b"x" * 200)[:START] + foreign)


@pytest.mark.parametrize(
    "start", [b"", b"appliance backup", b"PK\x03\x04" * 10, b"appliance backup\xff\xff\xff\xff"]
)
def test_any_other_file_is_told_apart(start: bytes) -> None:
    with pytest.raises(BackupBroken):
        read_header(io.BytesIO(start))


@given(st.binary(max_size=300))
def test_no_header_however_damaged_raises_anything_unexpected(noise: bytes) -> None:
    with pytest.raises(BackupBroken):
        read_header(io.BytesIO(b"appliance backup" + len(noise).to_bytes(4, "big") + noise))


def test_memory_does_not_grow_with_the_content() -> None:
    class Nowhere:
        longest = 0

        def write(self, content: bytes) -> int:
            self.longest = max(self.longest, len(content))
            return len(content)

    nowhere = Nowhere()
    sealing = Sealing(nowhere, header(), KEY)
    for _ in range(100):
        sealing.write(bytes(1000))
        assert len(sealing._pending) <= CHUNK
    assert nowhere.longest < 1000
