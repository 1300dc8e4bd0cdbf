"""The depot: original bytes in, original bytes out, whatever is done to them in between."""

from uuid import UUID

from libs.blobs.bodies import check_range, clip_range
from libs.blobs.contract import BlobBody, BlobStore, Body
from libs.blobs.depot.plan import PLAIN, Encoded, Plan, Written
from libs.blobs.encoding.layers import Layer, StoredLayer
from libs.contracts.storage import Backend, BlobPlace


class Depot:
    """Blobs behind their encodings. Opening and closing the stores is the caller's."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def write(
        self,
        key: str,
        body: Body,
        *,
        blob_id: UUID,
        size: int | None = None,
        plan: Plan = PLAIN,
    ) -> Written:
        """Store ``body`` under ``key`` as ``plan`` wants it, and say what was done.

        Promises and failures are those of ``BlobStore.put``; ``size`` announces the original.
        """
        stored = await self._store.put(key, body, size=size)
        return Written(backend="primary", size=stored, stored_size=stored, codec=None, sealed=None)

    async def encode(self, body: bytes, *, blob_id: UUID, plan: Plan = PLAIN) -> Encoded:
        """Return a small body as it is to be stored; the caller writes several as one object."""
        return Encoded(stored=body, codec=None, sealed=None)

    async def put(self, key: str, body: bytes) -> Backend:
        """Store bytes that are encoded already, and say where."""
        await self._store.put(key, body)
        return "primary"

    async def read(self, place: BlobPlace, *, start: int = 0, end: int | None = None) -> BlobBody:
        """Open the original bytes from ``start`` to before ``end``.

        Range and failures are those of ``BlobStore.get``. Besides, ``BlobTruncated`` when the
        store has fewer bytes than the place says.
        """
        check_range(place.key, start, end)
        stop = clip_range(place.key, start, end, place.size)
        chunks = await self._layer(place).open(start, stop)
        return BlobBody(place.key, chunks, size=place.size, start=start, end=stop)

    def _layer(self, place: BlobPlace) -> Layer:
        return StoredLayer(self._store, place.key, offset=place.offset, size=place.stored_bytes)
