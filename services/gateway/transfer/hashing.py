"""SHA-256 beside the stream: large pieces in a thread, as hashlib lets the others run meanwhile."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

PIECE_BYTES = 1024 * 1024
INLINE_BYTES = 64 * 1024


class StreamHash:
    """A running SHA-256; one piece is hashed while the next is fetched."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._hashing: asyncio.Future[None] | None = None
        self.size = 0

    async def update(self, piece: bytes) -> None:
        """Hash ``piece`` after those before it; it may still be going on when this returns."""
        await self._settle()
        self.size += len(piece)
        if len(piece) <= INLINE_BYTES:
            self._sha256.update(piece)
            return
        loop = asyncio.get_running_loop()
        self._hashing = loop.run_in_executor(None, self._sha256.update, piece)

    async def hexdigest(self) -> str:
        """Return the digest of all pieces."""
        await self._settle()
        return self._sha256.hexdigest()

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
