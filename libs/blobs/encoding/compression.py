"""Streams of zstd frames: on their way in, and range by range on their way out."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from threading import local

import zstandard

from libs.blobs.contract import Chunks
from libs.blobs.encoding.computing import computed
from libs.blobs.encoding.damage import Damaged
from libs.blobs.encoding.layers import Derived, Layer, gathered, in_pieces_of, no_chunks, one_chunk
from libs.blobs.encoding.seek_table import (
    FRAME_BYTES,
    FrameRange,
    SeekTable,
    frame_count,
    table_size,
)
from libs.blobs.failures import BlobDamaged

LEVEL = 3
"""zstd's own default: on text 280 MiB/s and a fifth of the size; level 5 takes twice the time for
2 % less, level 1 saves a tenth of it (one core, ``python -m bench encodings``)."""

_MAGIC = b"\x28\xb5\x2f\xfd"
# RFC 8878 §3.1.1.1.1: one segment and a checksum are ours; unused, reserved and dictionary never.
_DESCRIPTOR_BITS, _DESCRIPTOR = 0b0011_1111, 0b0010_0100

Beside = Callable[[bytes], Awaitable[None]]

_contexts = local()  # a context is a megabyte or two, and for one thread at a time


def compress_frame(piece: bytes | bytearray) -> bytes:
    """Return one frame that knows its size and its checksum."""
    context: zstandard.ZstdCompressor | None = getattr(_contexts, "compressor", None)
    if context is None:
        context = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        _contexts.compressor = context
    return context.compress(piece)


def decompress_frame(frame: bytes | bytearray, length: int) -> bytes:
    """Return the ``length`` bytes that the frame holds, or raise ``Damaged``."""
    if frame[:4] != _MAGIC or len(frame) < 5 or frame[4] & _DESCRIPTOR_BITS != _DESCRIPTOR:
        raise Damaged("a compressed frame does not begin as one of ours")
    context: zstandard.ZstdDecompressor | None = getattr(_contexts, "decompressor", None)
    if context is None:
        context = _contexts.decompressor = zstandard.ZstdDecompressor()
    try:
        # Compared first: a size that lies would have its memory allocated.
        if zstandard.frame_content_size(frame) != length:
            raise Damaged("a compressed frame has another size")
        return context.decompress(frame, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Damaged(f"a compressed frame does not decompress: {error}") from None


def compress_whole(body: bytes) -> bytes:
    """Return a small body compressed: its frames and their table."""
    frames = [
        compress_frame(body[at : at + FRAME_BYTES]) for at in range(0, len(body), FRAME_BYTES)
    ]
    table = SeekTable([len(frame) for frame in frames], len(body))
    return b"".join([*frames, table.encode()])


async def compressed(pieces: Chunks) -> AsyncGenerator[bytes, None]:
    """Yield ``pieces`` as zstd frames, then their table."""
    stored_sizes: list[int] = []
    size = 0
    async with aclosing(in_pieces_of(FRAME_BYTES, pieces)) as originals:
        async for original in originals:
            frame = await computed(len(original), compress_frame, original)
            stored_sizes.append(len(frame))
            size += len(original)
            yield frame
    yield SeekTable(stored_sizes, size).encode()


class CompressedLayer:
    """The original, ``size`` bytes of it, out of the layer that holds the frames."""

    def __init__(self, below: Layer, size: int) -> None:
        self.key = below.key
        self.size = size
        self._below = below

    async def open(self, start: int, end: int) -> Chunks:
        """See ``Layer.open``; no byte comes out of a frame whose checksum is wrong."""
        if start == end:
            return no_chunks()
        if frame_count(self.size) == 1:
            chunks, table = await self._whole()
            frames = table.frames_of(start, end)
        else:
            table = await self.table()
            frames = table.frames_of(start, end)
            chunks = await self._below.open(frames.stored_start, frames.stored_end)
        return Derived(self._originals(chunks, table, frames, start, end), chunks)

    async def open_stored(self, beside: Beside) -> Chunks:
        """Return all frames as they are, without their table; each is decompressed to prove it.

        ``beside`` is given the original of each frame before the frame itself comes.
        """
        if frame_count(self.size) == 1:
            chunks, table = await self._whole()
        else:
            table = await self.table()
            chunks = await self._below.open(0, table.frames_end)
        return Derived(self._proven(chunks, table, beside), chunks)

    async def _proven(
        self, chunks: Chunks, table: SeekTable, beside: Beside
    ) -> AsyncGenerator[bytes, None]:
        number = 0
        whole = FrameRange(0, frame_count(self.size), 0, table.frames_end)
        async with aclosing(_frames_in(chunks, table, whole)) as frames:
            async for frame in frames:
                await beside(await self._original(frame, table.length(number)))
                number += 1
                yield bytes(frame)

    async def table(self) -> SeekTable:
        """Read where the frames lie; raises ``BlobDamaged``."""
        ends_at = self._below.size
        begins_at = max(0, ends_at - table_size(self.size))
        return self._read_table(await gathered(await self._below.open(begins_at, ends_at)))

    def _read_table(self, stored: bytes) -> SeekTable:
        try:
            return SeekTable.decode(stored, size=self.size, stored_size=self._below.size)
        except Damaged as error:
            raise BlobDamaged(self.key, str(error)) from None

    async def _whole(self) -> tuple[Chunks, SeekTable]:
        """Read a blob of one frame: it and its table cost a single question to the store."""
        stored = await gathered(await self._below.open(0, self._below.size))
        frame, table = stored[: -table_size(self.size)], stored[-table_size(self.size) :]
        return one_chunk(frame), self._read_table(table)

    async def _originals(
        self, chunks: Chunks, table: SeekTable, frames: FrameRange, start: int, end: int
    ) -> AsyncGenerator[bytes, None]:
        number = frames.first
        async for frame in _frames_in(chunks, table, frames):
            length = table.length(number)
            original = await self._original(frame, length)
            at = number * FRAME_BYTES
            number += 1
            if at < start or at + length > end:
                original = original[max(0, start - at) : end - at]
            yield original

    async def _original(self, frame: bytearray, length: int) -> bytes:
        try:
            return await computed(length, decompress_frame, frame, length)
        except Damaged as error:
            raise BlobDamaged(self.key, str(error)) from None


async def _frames_in(
    chunks: Chunks, table: SeekTable, frames: FrameRange
) -> AsyncGenerator[bytearray, None]:
    """Cut ``chunks`` where the table says that frames end."""
    waiting = bytearray()
    number = frames.first
    async for chunk in chunks:
        waiting += chunk
        while number < frames.behind_last and len(waiting) >= table.stored_length(number):
            behind = table.stored_length(number)
            yield waiting[:behind]
            del waiting[:behind]
            number += 1
