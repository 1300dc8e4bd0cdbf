"""Bodies to store, and a depot in memory to store them in."""

from uuid import UUID, uuid4

from libs.blobs.depot import Depot, Plan, Written
from libs.blobs.encoding.keyring import Keyring
from libs.blobs.fallback import Backends
from libs.blobs.memory import MemoryStore
from libs.contracts.storage import BlobPlace

KEYS = Keyring({"k1": b"\x01" * 32})
"""What the tests wrap data keys with."""

PLANS = {
    "plain": Plan(),
    "zstd": Plan(compression="zstd"),
    "sealed": Plan(encryption="aes-256-gcm"),
    "zstd-sealed": Plan(compression="zstd", encryption="aes-256-gcm"),
}


def a_text(size: int) -> bytes:
    """Return text that compresses, in which no two places look alike."""
    line = "{:08d} the quick brown fox jumps over the lazy dog\n"
    return "".join(line.format(number) for number in range(size // 48 + 1)).encode()[:size]


def a_place(key: str, body_size: int, written: Written, *, blob_id: UUID) -> BlobPlace:
    """Return the place that storage would keep."""
    return BlobPlace(
        blob_id=blob_id,
        key=key,
        size=body_size,
        sha256="0" * 64,
        stored_size=written.stored_size,
        codec=written.codec,
        sealed=written.sealed,
        backend=written.backend,
    )


class Shelf:
    """A depot, the memory below it, and places of what was put there."""

    def __init__(self, keys: Keyring = KEYS) -> None:
        self.store = MemoryStore()
        self.depot = Depot(Backends(self.store), keys)

    async def put(self, body: bytes, plan: Plan, *, key: str = "blobs/a") -> BlobPlace:
        """Store ``body``; return where it lies."""
        blob_id = uuid4()
        written = await self.depot.write(key, body, blob_id=blob_id, plan=plan)
        return a_place(key, len(body), written, blob_id=blob_id)

    async def stored(self, place: BlobPlace) -> bytes:
        """Return the bytes that lie in the store."""
        return await (await self.store.get(place.key)).read()

    async def replace(self, place: BlobPlace, stored: bytes) -> None:
        """Put other bytes where the blob lies."""
        await self.store.put(place.key, stored)

    async def read(self, place: BlobPlace, start: int = 0, end: int | None = None) -> bytes:
        """Return original bytes."""
        return await (await self.depot.read(place, start=start, end=end)).read()
