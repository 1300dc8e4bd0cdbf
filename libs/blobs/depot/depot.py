"""The depot: original bytes in, original bytes out, whatever is done to them in between."""

from contextlib import aclosing
from uuid import UUID

from prometheus_client import Counter

from libs.blobs.bodies import check_range, check_size, clip_range, pieces_of
from libs.blobs.contract import BlobBody, Body
from libs.blobs.depot.plan import PLAIN, Encoded, Plan, Written
from libs.blobs.depot.streams import Counted
from libs.blobs.depot.writing import (
    Seal,
    compresses,
    encoded_size,
    encoded_stream,
    encoded_whole,
)
from libs.blobs.encoding.choosing import PROBE_BYTES
from libs.blobs.encoding.compression import Beside, CompressedLayer
from libs.blobs.encoding.damage import Damaged
from libs.blobs.encoding.frames import FrameCipher, opened_size
from libs.blobs.encoding.keyring import Keyring, MasterKeys, new_data_key
from libs.blobs.encoding.layers import Layer, StoredLayer
from libs.blobs.encoding.sealing import SealedLayer
from libs.blobs.encoding.seek_table import frame_count, table_size
from libs.blobs.failures import BlobDamaged
from libs.blobs.fallback import Backends
from libs.contracts.storage import BlobPlace, Codec, SealedKey

_LABELS = ["codec", "sealed"]
ORIGINAL = Counter("strongroom_depot_original_bytes_total", "Bytes that were stored.", _LABELS)
STORED = Counter("strongroom_depot_stored_bytes_total", "What they were stored as.", _LABELS)


class Depot:
    """Blobs behind their encodings. Opening and closing the stores is the caller's."""

    def __init__(self, backends: Backends, keys: MasterKeys | None = None) -> None:
        self.backends = backends
        self._keys = keys or Keyring({})

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
        Besides, ``StoreUnavailable`` when no master key can wrap. Memory does not grow with the
        body: of what is encoded a few frames are held, about 3 MiB.
        """
        if isinstance(body, bytes):
            check_size(key, len(body), size)
            return await self._write_whole(key, body, blob_id, plan)
        pieces = Counted(pieces_of(key, body, size))
        begun: list[bytes] = []
        codec: Codec | None = None
        if plan.compression != "off":
            begun, is_all = await pieces.first(PROBE_BYTES)
            if is_all:
                return await self._write_whole(key, b"".join(begun), blob_id, plan)
            codec = "zstd" if compresses(plan, b"".join(begun), size) else None
        seal = await self._seal(plan, blob_id)
        stored_size = encoded_size(size, codec, seal)
        async with aclosing(encoded_stream(pieces.rest_behind(begun), codec, seal)) as stream:
            backend, stored = await self.backends.put(key, stream, size=stored_size)
        sealed_key = seal.key if seal else None
        _count(pieces.size, stored, codec, sealed_key)
        return Written(
            backend=backend,
            size=pieces.size,
            stored_size=stored,
            codec=codec,
            sealed=sealed_key,
        )

    async def encode(self, body: bytes, *, blob_id: UUID, plan: Plan = PLAIN) -> Encoded:
        """Return a small body as it is to be stored; the caller may put several as one object."""
        encoded = await encoded_whole(body, plan, await self._seal(plan, blob_id))
        _count(len(body), len(encoded.stored), encoded.codec, encoded.sealed)
        return encoded

    async def read(self, place: BlobPlace, *, start: int = 0, end: int | None = None) -> BlobBody:
        """Open the original bytes from ``start`` to before ``end``.

        Range and failures are those of ``BlobStore.get``. Besides, now or while it is read:
        ``BlobTruncated`` when the store has fewer bytes than the place says, ``BlobDamaged`` when
        encoded bytes do not prove themselves (those that are stored as they came cannot), and
        ``StoreUnavailable`` when a master key is missing.
        """
        check_range(place.key, start, end)
        stop = clip_range(place.key, start, end, place.size)
        layer = await self._opened(place)
        if place.codec is not None:
            layer = CompressedLayer(layer, place.size)
        if layer.size != place.size:
            raise BlobDamaged(place.key, f"it holds {layer.size} bytes, not {place.size}")
        chunks = await layer.open(start, stop)
        return BlobBody(place.key, chunks, size=place.size, start=start, end=stop)

    async def read_compressed(self, place: BlobPlace, beside: Beside) -> BlobBody:
        """Open a compressed blob as it was compressed, for a reader who takes it apart himself.

        These are ``compressed_frames`` zstd frames, which any zstd decoder reads. Each is proven
        here all the same, so failures are those of ``read``; ``beside`` is given the original.
        """
        size = compressed_size(place)
        layer = await self._opened(place)
        chunks = await CompressedLayer(layer, place.size).open_stored(beside)
        return BlobBody(place.key, chunks, size=size, start=0, end=size)

    async def _write_whole(self, key: str, body: bytes, blob_id: UUID, plan: Plan) -> Written:
        encoded = await self.encode(body, blob_id=blob_id, plan=plan)
        backend, stored = await self.backends.put(key, encoded.stored)
        return Written(
            backend=backend,
            size=len(body),
            stored_size=stored,
            codec=encoded.codec,
            sealed=encoded.sealed,
        )

    async def _seal(self, plan: Plan, blob_id: UUID) -> Seal | None:
        """Return a new data key for one body, if it is to be encrypted."""
        if plan.encryption == "off":
            return None
        data_key = new_data_key()
        return Seal(FrameCipher(data_key, blob_id), await self._keys.wrap(data_key, blob_id))

    async def _opened(self, place: BlobPlace) -> Layer:
        """Return the stored bytes, decrypted."""
        store = self.backends.store(place.backend)
        layer = StoredLayer(store, place.key, offset=place.offset, size=place.stored_bytes)
        if place.sealed is None:
            return layer
        sealed_as = place.sealed.blob_id or place.blob_id
        try:
            data_key = await self._keys.unwrap(place.sealed, sealed_as)
        except Damaged as error:
            raise BlobDamaged(place.key, str(error)) from None
        return SealedLayer(layer, FrameCipher(data_key, sealed_as))


def compressed_size(place: BlobPlace) -> int:
    """Return how many bytes ``read_compressed`` gives of a blob; raises ``BlobDamaged``."""
    size = place.stored_bytes
    if place.sealed is not None:
        try:
            size = opened_size(size)
        except Damaged as error:
            raise BlobDamaged(place.key, str(error)) from None
    return size - table_size(place.size)


def compressed_frames(place: BlobPlace) -> int:
    """Return how many frames a compressed blob is."""
    return frame_count(place.size)


def _count(size: int, stored: int, codec: Codec | None, sealed_key: SealedKey | None) -> None:
    labels = (codec or "none", "no" if sealed_key is None else "yes")
    ORIGINAL.labels(*labels).inc(size)
    STORED.labels(*labels).inc(stored)
