"""Bytes are hashed wherever they flow, and wrong ones never come to an end."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from libs.contracts.values import Sha256

# Below this, handing over to a thread costs more than hashing here.
THREAD_FROM_BYTES = 256 * 1024


class BytesDamaged(Exception):
    """The bytes are not those that their digest promises."""


class Digest:
    """The sha256 and the size of what was fed; large pieces are hashed beside the event loop."""

    def __init__(self) -> None:
        self._hash: Any = hashlib.sha256()
        self.size = 0

    async def feed(self, piece: bytes) -> None:
        if len(piece) < THREAD_FROM_BYTES:
            self._hash.update(piece)
        else:
            await asyncio.to_thread(self._hash.update, piece)
        self.size += len(piece)

    @property
    def sha256(self) -> Sha256:
        """Of all that was fed until now."""
        digest: str = self._hash.hexdigest()
        return digest


async def promised(pieces: AsyncIterable[bytes], sha256: Sha256) -> AsyncIterator[bytes]:
    """Pass ``pieces`` on; raise ``BytesDamaged`` in place of their end when they are others.

    A store that is given this as a body therefore keeps the right bytes or none.
    """
    digest = Digest()
    async for piece in pieces:
        await digest.feed(piece)
        yield piece
    if digest.sha256 != sha256:
        raise BytesDamaged(f"{digest.size} bytes with the digest {digest.sha256}, not {sha256}")
