"""Objects that several blobs share lose their dead bytes: the live blobs move into a new one."""

import logging

from libs.blobs import Backends, BlobNotFound
from libs.chassis.database import Database
from libs.contracts.storage import BlobPlace
from services.storage.leading import leading
from services.storage.relocating import relocate
from services.storage.repository import collecting
from services.storage.repository import relocating as rows
from services.storage.settings import Settings
from services.storage.store_failures import store_failures

OBJECTS_AT_ONCE = 100

log = logging.getLogger(__name__)


async def compact_worn_objects(db: Database, backends: Backends, settings: Settings) -> None:
    """Rewrite the objects of which more than half was dead for as long as the grace."""
    async with leading(db, "compact") as alone:
        if not alone:
            return
        async with db.connection() as conn:
            worn = await rows.list_worn(conn, grace_s=settings.blob_grace_s, limit=OBJECTS_AT_ONCE)
        for key in worn:
            await _compact(db, backends, settings, key)


async def _compact(db: Database, backends: Backends, settings: Settings, key: str) -> None:
    async with db.connection() as conn:
        places = await rows.list_in_object(conn, key)
    if not places:  # two collectors took the last two blobs at once
        async with db.transaction() as tx:
            await collecting.release_objects(tx, {key}, object_grace_s=settings.object_grace_s)
        return
    if await _is_mostly_dead(backends, places):
        await relocate(db, backends, settings, key, places)
    async with db.connection() as conn:
        await rows.forget_worn(conn, key)


async def _is_mostly_dead(backends: Backends, places: list[BlobPlace]) -> bool:
    try:
        with store_failures():
            found = await backends.store(places[0].backend).head(places[0].key)
    except BlobNotFound:
        return False  # the scrubber's business
    live = sum(place.stored_bytes for place in places)
    return live * 2 < found.size
