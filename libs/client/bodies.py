"""What is uploaded: bytes at hand, a file, or a stream that can be read only once."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import BinaryIO, Protocol

from libs.client.digests import PIECE_BYTES
from libs.client.failures import ChangedMeanwhile

SMALL_BYTES = 4 << 20
"""A file up to this size is read at once, so that its digest can be said before its bytes."""


class Body(Protocol):
    """The bytes of one upload; ``open`` starts them, once for every try."""

    size: int | None
    """None when only the end of the stream will tell."""
    sha256: str | None
    """Known before the first byte, or after the last."""
    repeatable: bool

    def open(self) -> AsyncIterator[bytes]: ...


class Bytes:
    """Bytes in memory."""

    repeatable = True

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size: int | None = len(content)
        self.sha256: str | None = hashlib.sha256(content).hexdigest()

    async def open(self) -> AsyncIterator[bytes]:
        """Yield everything."""
        for start in range(0, len(self._content), PIECE_BYTES):
            yield self._content[start : start + PIECE_BYTES]


class LargeFile:
    """A file that is read while it is sent, and hashed on the way."""

    repeatable = True

    def __init__(self, path: Path, size: int, sha256: str | None = None) -> None:
        self._path = path
        self.size: int | None = size
        self.sha256 = sha256

    async def open(self) -> AsyncIterator[bytes]:
        """Yield the file's pieces; raises ``ChangedMeanwhile`` when it shrinks or grows."""
        digest = hashlib.sha256()
        left = self.size or 0
        with await asyncio.to_thread(self._path.open, "rb") as file:
            while piece := await asyncio.to_thread(_read, file, digest):
                left -= len(piece)
                if left < 0:
                    break
                yield piece
        if left:
            raise ChangedMeanwhile(f"{self._path} changed while it was being sent")
        self.sha256 = digest.hexdigest()


class Stream:
    """Bytes that come from elsewhere and pass only once."""

    size: int | None = None
    sha256: str | None = None
    repeatable = False

    def __init__(self, source: AsyncIterable[bytes]) -> None:
        self._source = source

    async def open(self) -> AsyncIterator[bytes]:
        """Yield what comes, and know its digest at the end."""
        digest = hashlib.sha256()
        async for piece in self._source:
            digest.update(piece)
            yield piece
        self.sha256 = digest.hexdigest()


async def body_of(source: Path | bytes | AsyncIterable[bytes], sha256: str | None = None) -> Body:
    """Return the body for ``source``; a large file's digest may be told if it is known."""
    if isinstance(source, bytes):
        return Bytes(source)
    if not isinstance(source, Path):
        return Stream(source)
    return await asyncio.to_thread(_file, source, sha256)


def _file(path: Path, sha256: str | None) -> Body:
    size = path.stat().st_size
    return Bytes(path.read_bytes()) if size <= SMALL_BYTES else LargeFile(path, size, sha256)


def _read(file: BinaryIO, digest: "hashlib._Hash") -> bytes:
    piece = file.read(PIECE_BYTES)
    digest.update(piece)
    return piece
