"""Streams of sealed frames: on their way in, and range by range on their way out."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from libs.blobs.contract import Chunks
from libs.blobs.encoding.computing import computed
from libs.blobs.encoding.damage import Damaged
from libs.blobs.encoding.frames import (
    FRAME_BYTES,
    SEALED_FRAME_BYTES,
    FrameCipher,
    FrameRange,
    frame_count,
    frames_of,
    opened_size,
)
from libs.blobs.encoding.layers import Derived, Layer, in_pieces_of, no_chunks
from libs.blobs.failures import BlobDamaged

FRAMES_AT_ONCE = 16
"""A mebibyte: worth a thread, and what stores like as a piece."""


async def sealed(pieces: Chunks, cipher: FrameCipher) -> AsyncGenerator[bytes, None]:
    """Yield ``pieces`` in sealed frames; the last is known only when nothing comes behind it."""
    first = 0
    held = b""
    async with aclosing(in_pieces_of(FRAMES_AT_ONCE * FRAME_BYTES, pieces)) as whole_frames:
        async for piece in whole_frames:
            if held:
                yield await computed(len(held), cipher.seal, first, held, ends=False)
                first += FRAMES_AT_ONCE
            held = piece
    yield await computed(len(held), cipher.seal, first, held, ends=True)


class SealedLayer:
    """What was sealed, out of the layer that holds the frames."""

    def __init__(self, below: Layer, cipher: FrameCipher) -> None:
        """Raises ``BlobDamaged`` when ``below`` has a size that nothing sealed has."""
        self.key = below.key
        try:
            self.size = opened_size(below.size)
        except Damaged as error:
            raise BlobDamaged(below.key, str(error)) from None
        self._below = below
        self._cipher = cipher

    async def open(self, start: int, end: int) -> Chunks:
        """See ``Layer.open``; no byte comes out of a frame that did not open as a whole."""
        if start == end:
            return no_chunks()
        frames = frames_of(start, end, self.size)
        chunks = await self._below.open(frames.stored_start, frames.stored_end)
        return Derived(self._opened(chunks, frames, end - start), chunks)

    async def _opened(
        self, chunks: Chunks, frames: FrameRange, length: int
    ) -> AsyncGenerator[bytes, None]:
        number, skip, left = frames.first, frames.skip, length
        last = frame_count(self.size) - 1
        async for piece in in_pieces_of(FRAMES_AT_ONCE * SEALED_FRAME_BYTES, chunks):
            try:
                opened = await computed(len(piece), self._cipher.open, number, piece, last=last)
            except Damaged as error:
                raise BlobDamaged(self.key, str(error)) from None
            number += FRAMES_AT_ONCE
            wanted = opened[skip : skip + left] if skip or len(opened) > left else opened
            skip, left = 0, left - len(wanted)
            yield wanted
