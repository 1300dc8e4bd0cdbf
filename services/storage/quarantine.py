"""Damaged bytes: nobody gets them, everybody is told, and the same bytes put again heal them."""

from collections.abc import Sequence

from libs.chassis import outbox
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection
from libs.contracts.storage import BlobPlace, FileQuarantined
from services.storage.repository import collecting, scrubs

EVENTS_AT_ONCE = 500


async def quarantine(tx: Connection, place: BlobPlace, damage: str, *, proved: bool) -> bool:
    """Let nobody read these bytes any more, and tell of every file that has them, once.

    Returns whether that is new. Nothing happens when the blob lies elsewhere by now.
    """
    if not await scrubs.quarantine(tx, place, damage, proved=proved):
        return False
    events: list[FileQuarantined] = []
    async for event in scrubs.walk_files_of(tx, place.blob_id, damage):
        events.append(event)
        if len(events) == EVENTS_AT_ONCE:
            await outbox.add(tx, *events)
            events.clear()
    await outbox.add(tx, *events)
    crashpoint("before_quarantine")
    return True


async def heal(
    tx: Connection, arrived: Sequence[BlobPlace], adopted: Sequence[BlobPlace]
) -> list[BlobPlace]:
    """Give damaged blobs among ``adopted`` the places of the same bytes that ``arrived``.

    Returns ``adopted`` as it is then. The objects with the damaged bytes go at once, unless other
    blobs lie in them.
    """
    damaged = [new for new, old in zip(arrived, adopted, strict=True) if old.quarantined]
    if not damaged:
        return list(adopted)
    healed = await scrubs.heal(tx, damaged)
    await collecting.release_objects(tx, {key for _, key in healed}, object_grace_s=0)
    by_id = {place.blob_id: place for place, _ in healed}
    return [by_id.get(place.blob_id, place) for place in adopted]
