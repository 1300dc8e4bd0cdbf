"""Blobs in this process's memory: for tests and demos. Nothing survives the process."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Self

from libs.blobs.bodies import CHUNK_BYTES, check_range, clip_range, pieces_of
from libs.blobs.contract import (
    BlobBody,
    BlobStat,
    Body,
    Durability,
    DurabilityLevel,
    SignedMethod,
)
from libs.blobs.failures import BlobExists, BlobNotFound
from libs.blobs.keys import check_key, check_prefix, is_under


class MemoryStore:
    """A blob store in a dictionary; holds everything it is given, so keep it small."""

    put_headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self) -> None:
        self.label = "memory://"
        self.durability = Durability(
            DurabilityLevel.BEST_EFFORT, "blobs live in this process's memory and end with it"
        )
        self._blobs: dict[str, tuple[bytes, datetime]] = {}

    async def put(
        self, key: str, body: Body, *, size: int | None = None, if_absent: bool = False
    ) -> int:
        """See ``BlobStore.put``."""
        check_key(key)
        data = b"".join([piece async for piece in pieces_of(key, body, size)])
        if if_absent and key in self._blobs:
            raise BlobExists(key)
        self._blobs[key] = (data, datetime.now(UTC))
        return len(data)

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> BlobBody:
        """See ``BlobStore.get``."""
        check_range(key, start, end)
        data, _ = self._find(key)
        stop = clip_range(key, start, end, len(data))
        return BlobBody(key, _slices(data, start, stop), size=len(data), start=start, end=stop)

    async def head(self, key: str) -> BlobStat:
        """See ``BlobStore.head``."""
        data, modified_at = self._find(key)
        return BlobStat(key, len(data), modified_at)

    async def delete(self, key: str) -> None:
        """See ``BlobStore.delete``."""
        self._blobs.pop(check_key(key), None)

    async def list(
        self, prefix: str = "", *, start_after: str | None = None
    ) -> AsyncIterator[BlobStat]:
        """See ``BlobStore.list``."""
        folder = check_prefix(prefix)
        for key in sorted(self._blobs):
            if is_under(key, folder) and (start_after is None or key > start_after):
                found = self._blobs.get(key)
                if found is not None:
                    yield BlobStat(key, len(found[0]), found[1])

    async def sign(self, method: SignedMethod, key: str, expires_s: int) -> str | None:
        """See ``BlobStore.sign``; nobody else can ask this process."""
        return None

    async def check(self) -> None:
        """See ``BlobStore.check``; memory is always there."""

    async def close(self) -> None:
        """See ``BlobStore.close``."""
        self._blobs.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    def _find(self, key: str) -> tuple[bytes, datetime]:
        found = self._blobs.get(check_key(key))
        if found is None:
            raise BlobNotFound(key)
        return found


async def _slices(data: bytes, start: int, end: int) -> AsyncGenerator[bytes, None]:
    for at in range(start, end, CHUNK_BYTES):
        yield data[at : min(at + CHUNK_BYTES, end)]
