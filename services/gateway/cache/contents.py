"""Contents of small blobs that are asked for again and again.

A blob never changes and its bytes were proven when they were read, so nothing here can be stale;
whether a file still has this blob is asked of its record each time.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from libs.contracts.storage import BlobPlace
from services.gateway.cache.fetches import Fetches
from services.gateway.cache.figures import CacheFigures
from services.gateway.cache.lru import Lru

MOST_ITEM_BYTES = 256 * 1024
"""A larger blob would push out many small ones, and gains less."""

ENTRY_BYTES = 300


class Contents:
    """The original bytes of blobs, in memory."""

    def __init__(self, *, most_bytes: int) -> None:
        self._known: Lru[UUID, bytes] = Lru("contents", most_bytes=most_bytes)
        self._fetches: Fetches[UUID, bytes] = Fetches()

    @property
    def figures(self) -> CacheFigures:
        """How the cache does."""
        return CacheFigures.of(self._known)

    def takes(self, blob: BlobPlace) -> bool:
        """Tell whether ``blob`` is small enough to be remembered, and may be given out."""
        return blob.size <= MOST_ITEM_BYTES and not blob.quarantined

    async def get(self, blob: BlobPlace, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the bytes of ``blob``; ``read`` reads and proves them where they are not known."""
        known = self._known.find(blob.blob_id)
        if known is not None:
            return known
        return await self._fetches.run(
            blob.blob_id, read, lambda found: self._remember(blob.blob_id, found)
        )

    def _remember(self, blob_id: UUID, found: bytes) -> None:
        self._known.remember(blob_id, found, ENTRY_BYTES + len(found))
