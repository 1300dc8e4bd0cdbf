"""Layers of bytes: what is stored, what that is when opened, what that is when decompressed.

Each layer reads ranges of the one below it and offers ranges of its own.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol, Self

from libs.blobs.contract import BlobBody, BlobStore, Chunks
from libs.blobs.failures import BlobTruncated, RangeNotSatisfiable


class Layer(Protocol):
    """Bytes of a known size that can be read in ranges, several at once."""

    key: str
    size: int

    async def open(self, start: int, end: int) -> Chunks:
        """Return the bytes ``start`` to before ``end``, which lie within ``size``.

        Raises what can be known before the first byte; the chunks raise the rest, and never give
        other bytes than were written.
        """


class StoredLayer:
    """``size`` bytes at ``offset`` of an object, as the store has them."""

    def __init__(self, store: BlobStore, key: str, *, offset: int, size: int) -> None:
        self.key = key
        self.size = size
        self._store = store
        self._offset = offset

    async def open(self, start: int, end: int) -> Chunks:
        """See ``Layer.open``; raises ``BlobTruncated`` when the object ends before ``end``."""
        first, behind_last = self._offset + start, self._offset + end
        try:
            body = await self._store.get(self.key, start=first, end=behind_last)
        except RangeNotSatisfiable as error:
            got = max(0, (error.size or 0) - self._offset)
            raise BlobTruncated(self.key, expected=self.size, got=got) from None
        if body.end - body.start != end - start:
            await body.close()
            raise BlobTruncated(self.key, expected=self.size, got=body.size - self._offset)
        return _BodyChunks(body)


class Derived:
    """The chunks that ``pieces`` makes of those ``below``.

    A generator that was never started frees nothing when it is closed; this does.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None], below: Chunks) -> None:
        self._pieces = pieces
        self._below = below

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """Let go of this and of what is below."""
        await self._pieces.aclose()
        await self._below.aclose()


class _BodyChunks:
    """A store's body as chunks: it raises by itself when the store breaks off."""

    def __init__(self, body: BlobBody) -> None:
        self._body = body
        self._pieces = aiter(body)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        await self._body.close()


async def in_pieces_of(size: int, chunks: Chunks) -> AsyncGenerator[bytes, None]:
    """Yield the same bytes in pieces of exactly ``size``, the last one excepted; none is empty."""
    waiting: list[memoryview] = []
    missing = size
    async with aclosing(chunks):
        async for chunk in chunks:
            view = memoryview(chunk)
            while len(view) >= missing:
                yield b"".join([*waiting, view[:missing]])
                view, waiting, missing = view[missing:], [], size
            if view:
                waiting.append(view)
                missing -= len(view)
    if waiting:
        yield b"".join(waiting)


async def no_chunks() -> AsyncGenerator[bytes, None]:
    """Yield nothing."""
    return
    yield b""


async def one_chunk(chunk: bytes) -> AsyncGenerator[bytes, None]:
    """Yield ``chunk`` alone."""
    yield chunk


async def gathered(chunks: Chunks) -> bytes:
    """Return all of ``chunks`` at once and let go of them."""
    async with aclosing(chunks):
        return b"".join([chunk async for chunk in chunks])
