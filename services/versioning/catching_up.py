"""Waiting until history has recorded what storage did."""

import asyncio

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.storage import MarkBucket
from services.versioning.domain import refs
from services.versioning.domain.errors import HistoryBehind
from services.versioning.repository import marks

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.02
"""Between two looks: a mark comes by within milliseconds, unless there is much before it."""


async def catch_up(bucket: str, db: Database, bus: Bus, timeout_s: float) -> None:
    """Wait until every change that storage made before this call is recorded.

    Storage announces a mark behind all its changes, and this waits for it; ``history-behind`` when
    it does not come by in time.
    """
    mark = await bus.ask(MarkBucket(name=bucket))
    pause_s = FIRST_PAUSE_S
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                async with db.connection() as conn:
                    if await marks.is_seen(conn, mark.mark_id):
                        return
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
    except TimeoutError:
        raise HistoryBehind(
            f"changes of {bucket} are still being recorded", retry_after_s=2
        ) from None


async def catch_up_if_named(
    ref: str, bucket: str, db: Database, bus: Bus, timeout_s: float
) -> None:
    """Wait as ``catch_up`` does where ``ref`` begins at the present of ``main``."""
    if refs.parse(ref).name in (refs.MAIN, refs.NOW):
        await catch_up(bucket, db, bus, timeout_s)
