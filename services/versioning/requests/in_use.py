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

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.versioning import BlobsInUse, ContentInUse
from services.versioning.catching_up import wait_for_mark, wait_until_settled
from services.versioning.domain.errors import HistoryBehind
from services.versioning.reactions import RECORD
from services.versioning.repository import content
from services.versioning.settings import Settings


@serves(BlobsInUse)
async def blobs_in_use(
    request: BlobsInUse, db: Database, bus: Bus, settings: Settings
) -> ContentInUse:
    try:
        async with asyncio.timeout(settings.mark_timeout_s):
            await wait_for_mark(db, request.mark_id)
            await wait_until_settled(bus)
    except TimeoutError:
        raise HistoryBehind("events are still being recorded", retry_after_s=2) from None
    async with db.connection() as conn:
        # Parked events first: one that is redriven in between is found as a version.
        parked = await content.list_parked(conn, RECORD, request.digests)
        recorded = await content.list_in_use(conn, request.bucket_id, request.digests)
    return ContentInUse(digests=sorted({*parked, *recorded}))
