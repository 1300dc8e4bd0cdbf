"""Blobs move to an object of the primary: out of a worn one, or home from the fallback.

Stored bytes are copied as they are to a key that was promised, then one transaction changes the
places of the blobs, keeps the promise, and dooms the old object, which stays for as long as a
reader who was told of it may need. A crash before that transaction leaves a promise that the
sweeper breaks; whoever reads meanwhile finds the bytes where they always were.
"""

from collections.abc import AsyncIterator, Sequence

from libs.blobs import Backends, BlobDamaged, BlobNotFound, BlobStore, BlobTruncated
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import BlobPlace
from services.storage.domain.uploads import blob_key
from services.storage.quarantine import quarantine
from services.storage.repository import collecting, promises, relocating
from services.storage.settings import Settings
from services.storage.store_failures import store_failures


async def relocate(
    db: Database, backends: Backends, settings: Settings, source: str, places: Sequence[BlobPlace]
) -> bool:
    """Move the blobs of one object, ``source``, into a new one; tell whether they moved.

    Bytes that cannot be read are quarantined, and stay where they are until they are proved.
    Raises a problem when a store does not answer.
    """
    target = blob_key(new_id())
    async with db.connection() as conn:
        await promises.insert(conn, [target], lease_s=settings.upload_lease_s)
    try:
        with store_failures():
            await backends.store("primary").put(
                target,
                _bytes_of(backends.store(places[0].backend), places),
                size=sum(place.stored_bytes for place in places),
            )
    except (BlobNotFound, BlobTruncated, BlobDamaged) as damage:
        await _doubt(db, places, str(damage))
        return False
    crashpoint("after_copy")
    return await _point_at(db, settings, source, target, places)


async def _bytes_of(store: BlobStore, places: Sequence[BlobPlace]) -> AsyncIterator[bytes]:
    for place in places:
        end = place.offset + place.stored_bytes
        async with await store.get(place.key, start=place.offset, end=end) as body:
            if body.end != end:
                raise BlobTruncated(place.key, expected=end, got=body.end)
            async for chunk in body:
                yield chunk


async def _doubt(db: Database, places: Sequence[BlobPlace], damage: str) -> None:
    """Have the scrubber look at each of them at once."""
    async with db.transaction() as tx:
        for place in places:
            await quarantine(tx, place, damage, proved=False)


async def _point_at(
    db: Database, settings: Settings, source: str, target: str, places: Sequence[BlobPlace]
) -> bool:
    async with db.transaction() as tx:
        if not await promises.keep(tx, [target]):
            return False  # it took longer than the promise, and the copy is doomed
        moved = await relocating.move(tx, source, target, "primary", places)
        await collecting.release_objects(
            tx, {source, target}, object_grace_s=settings.object_grace_s
        )
        if moved == len(places):
            await relocating.forget_worn(tx, target)
        crashpoint("before_relocation")
    crashpoint("after_relocation")
    return moved > 0
