"""Digests beside the stream: large pieces in a thread, where hashing lets the others run."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

PIECE_BYTES = 1024 * 1024
INLINE_BYTES = 64 * 1024


class Digest(Protocol):
    """What hashlib and blake3 have in common."""

    def update(self, piece: bytes, /) -> object:
        """Take the next bytes in."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""


class StreamHash:
    """Running digests of one stream; one piece is hashed while the next is fetched."""

    def __init__(self, *digests: Digest) -> None:
        self._digests = digests
        self._hashing: asyncio.Future[None] | None = None
        self.size = 0

    async def update(self, piece: bytes) -> None:
        """Hash ``piece`` after those before it; it may still be going on when this returns."""
        await self._settle()
        self.size += len(piece)
        if len(piece) <= INLINE_BYTES:
            self._take(piece)
            return
        loop = asyncio.get_running_loop()
        self._hashing = loop.run_in_executor(None, self._take, piece)

    async def hexdigests(self) -> list[str]:
        """Return the digests of all pieces, in the order they were asked for."""
        await self._settle()
        return [digest.hexdigest() for digest in self._digests]

    def _take(self, piece: bytes) -> None:
        for digest in self._digests:
            digest.update(piece)

    async def _settle(self) -> None:
        if self._hashing is not None:
            hashing, self._hashing = self._hashing, None
            await hashing


async def in_large_pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join ``chunks`` into pieces worth a thread; the last one may be small."""
    gathered: list[bytes] = []
    size = 0
    async for chunk in chunks:
        gathered.append(chunk)
        size += len(chunk)
        if size >= PIECE_BYTES:
            size = 0
            yield _joined(gathered)
    if gathered:
        yield _joined(gathered)


def _joined(gathered: list[bytes]) -> bytes:
    """Return one piece and let go of its chunks, which would be held as long as it is stored."""
    piece = b"".join(gathered)
    gathered.clear()
    return piece
