"""Which bytes history still needs, asked by storage before it deletes any.

"Not in use" has to be true of everything that storage announced before its mark. That a mark came
by is not enough for it: an event that failed is passed over until its next try. So these three
have to come together, in this order:

1. The mark came by: everything announced before it was delivered to us at least once.
2. What was delivered until then is acknowledged: each event is applied, or parked. (An event is
   acknowledged behind the transaction that applies or parks it.)
3. Neither a version nor a parked event names the bytes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.storage import FileStored
from libs.contracts.streams import stream_for
from libs.contracts.versioning import BlobsInUse, ContentInUse
from services.versioning.domain.errors import HistoryBehind
from services.versioning.reactions import RECORD
from services.versioning.repository import content, marks
from services.versioning.settings import Settings

POLL_S = 0.05


@serves(BlobsInUse)
async def blobs_in_use(
    request: BlobsInUse, db: Database, bus: Bus, settings: Settings
) -> ContentInUse:
    try:
        async with asyncio.timeout(settings.mark_timeout_s):
            await _until(lambda: _is_seen(db, request.mark_id))
            await _settled(bus)
    except TimeoutError:
        raise HistoryBehind("events are still being recorded", retry_after_s=2) from None
    async with db.connection() as conn:
        # Parked events first: one that is redriven in between is found as a version.
        parked = await content.list_parked(conn, RECORD, request.digests)
        recorded = await content.list_in_use(conn, request.bucket_id, request.digests)
    return ContentInUse(digests=sorted({*parked, *recorded}))


async def _is_seen(db: Database, mark_id: UUID) -> bool:
    async with db.connection() as conn:
        return await marks.is_seen(conn, mark_id)


async def _settled(bus: Bus) -> None:
    """Wait until all that was delivered before this call is acknowledged."""
    stream = stream_for(FileStored.type).name
    before = await bus.jetstream.consumer_info(stream, RECORD)
    if before.delivered is None:
        return
    delivered = before.delivered.stream_seq

    async def acknowledged() -> bool:
        now = await bus.jetstream.consumer_info(stream, RECORD)
        floor: int = now.ack_floor.stream_seq if now.ack_floor else 0
        settled: bool = now.num_ack_pending == 0 or floor >= delivered
        return settled

    await _until(acknowledged)


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    while True:
        if await true():
            return
        await asyncio.sleep(POLL_S)
