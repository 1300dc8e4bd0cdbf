"""The seek table of the Zstandard Seekable Format, and which frames a range needs.

https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md
Ours is stricter than the format asks: every frame but the last holds ``FRAME_BYTES``, and frames
carry their own checksums, not the table. So a blob's size says how long its table is.
"""

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, Self

from libs.blobs.encoding.damage import Damaged

FRAME_BYTES = 512 * 1024
"""Of the original: what has to be decompressed for one byte of it."""

_HEADER = struct.Struct("<II")
_ENTRY = struct.Struct("<II")
_FOOTER = struct.Struct("<IBI")
_SKIPPABLE_MAGIC = 0x184D2A5E
_SEEKABLE_MAGIC = 0x8F92EAB1
_NO_CHECKSUMS = 0


def frame_count(size: int) -> int:
    """Return how many frames ``size`` bytes of original are compressed in."""
    return -(-size // FRAME_BYTES)


def table_size(size: int) -> int:
    """Return how many bytes the table takes that ends ``size`` compressed bytes of original."""
    return _HEADER.size + _ENTRY.size * frame_count(size) + _FOOTER.size


class FrameRange(NamedTuple):
    """The frames that hold a range, and where they lie."""

    first: int
    behind_last: int
    stored_start: int
    stored_end: int


class SeekTable:
    """Where the frames of one blob begin."""

    def __init__(self, stored_sizes: Sequence[int], size: int) -> None:
        """``size`` is that of the original, ``stored_sizes`` are those of its frames."""
        self.size = size
        self._starts = [0, *accumulate(stored_sizes)]

    @classmethod
    def decode(cls, table: bytes, *, size: int, stored_size: int) -> Self:
        """Read the table of ``size`` bytes that are ``stored_size`` with it; raises ``Damaged``."""
        count = frame_count(size)
        if len(table) != table_size(size):
            raise Damaged("the seek table has another length")
        behind_header = len(table) - _HEADER.size
        if _HEADER.unpack_from(table) != (_SKIPPABLE_MAGIC, behind_header):
            raise Damaged("the seek table does not begin as one")
        footer = (count, _NO_CHECKSUMS, _SEEKABLE_MAGIC)
        if _FOOTER.unpack_from(table, len(table) - _FOOTER.size) != footer:
            raise Damaged("the seek table does not end as one")
        entries = list(_ENTRY.iter_unpack(table[_HEADER.size : -_FOOTER.size]))
        found = cls([stored for stored, _ in entries], size)
        if [original for _, original in entries] != [found.length(n) for n in range(count)]:
            raise Damaged("the seek table tells of other frames")
        if found.frames_end + len(table) != stored_size:
            raise Damaged("the seek table tells of another size")
        return found

    def encode(self) -> bytes:
        """Return the skippable frame that ends the blob."""
        count = frame_count(self.size)
        entries = b"".join(_ENTRY.pack(self.stored_length(n), self.length(n)) for n in range(count))
        header = _HEADER.pack(_SKIPPABLE_MAGIC, len(entries) + _FOOTER.size)
        return header + entries + _FOOTER.pack(count, _NO_CHECKSUMS, _SEEKABLE_MAGIC)

    @property
    def frames_end(self) -> int:
        """Where the table itself begins."""
        return self._starts[-1]

    def length(self, number: int) -> int:
        """Return how many bytes of original the frame holds."""
        return min(FRAME_BYTES, self.size - number * FRAME_BYTES)

    def stored_length(self, number: int) -> int:
        """Return how many bytes the frame has."""
        return self._starts[number + 1] - self._starts[number]

    def frames_of(self, start: int, end: int) -> FrameRange:
        """Return where ``start`` to before ``end`` of the original lies; it is not empty."""
        first, behind_last = start // FRAME_BYTES, frame_count(end)
        return FrameRange(first, behind_last, self._starts[first], self._starts[behind_last])
