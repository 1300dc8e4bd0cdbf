"""Waiting until history has recorded what storage did."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.storage import FileStored, MarkBucket
from libs.contracts.streams import stream_for
from services.versioning.domain import refs
from services.versioning.domain.errors import HistoryBehind
from services.versioning.reactions import RECORD
from services.versioning.repository import marks

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.02
"""Between two looks: a mark comes by within milliseconds, unless there is much before it."""

OVERTAKEN_S = 1.0
"""How long what a mark overtook is waited for; what fails for longer does not hold up the rest."""


async def catch_up(bucket: str, db: Database, bus: Bus, timeout_s: float) -> None:
    """Wait until every change that storage made before this call is recorded.

    Storage announces a mark behind all its changes, and this waits for it; ``history-behind`` when
    it does not come by in time. Another replica may still be working on what came before it.
    """
    mark = await bus.ask(MarkBucket(name=bucket))
    try:
        async with asyncio.timeout(timeout_s):
            await wait_for_mark(db, mark.mark_id)
    except TimeoutError:
        raise HistoryBehind(
            f"changes of {bucket} are still being recorded", retry_after_s=2
        ) from None
    with suppress(TimeoutError):
        async with asyncio.timeout(OVERTAKEN_S):
            await wait_until_settled(bus)


async def catch_up_if_named(
    ref: str, bucket: str, db: Database, bus: Bus, timeout_s: float
) -> None:
    """Wait as ``catch_up`` does where ``ref`` begins at the present of ``main``."""
    if refs.parse(ref).name in (refs.MAIN, refs.NOW):
        await catch_up(bucket, db, bus, timeout_s)


async def wait_for_mark(db: Database, mark_id: UUID) -> None:
    """Wait until a mark came by: everything announced before it was delivered at least once."""

    async def seen() -> bool:
        async with db.connection() as conn:
            return await marks.is_seen(conn, mark_id)

    await _until(seen)


async def wait_until_settled(bus: Bus) -> None:
    """Wait until all that was delivered to any replica before this call is acknowledged."""
    stream = stream_for(FileStored.type).name
    before = await bus.jetstream.consumer_info(stream, RECORD)
    delivered = before.delivered.stream_seq if before.delivered else 0

    async def acknowledged() -> bool:
        now = await bus.jetstream.consumer_info(stream, RECORD)
        floor = now.ack_floor.stream_seq if now.ack_floor else 0
        return bool(now.num_ack_pending == 0 or floor >= delivered)

    if before.num_ack_pending:
        await _until(acknowledged)


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    pause_s = FIRST_PAUSE_S
    while not await true():
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
