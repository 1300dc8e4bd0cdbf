"""One replica at a time, for work that two would only do twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.chassis.database import Database

_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext($1), hashtext(current_schema()))"


@asynccontextmanager
async def leading(db: Database, what: str) -> AsyncIterator[bool]:
    """Tell whether the block is the only one that does ``what``; the lock ends with it."""
    lock = await db.lone_connection()
    try:
        yield bool(await lock.fetchval(_TRY_LOCK, f"strongroom {what}"))
    finally:
        lock.terminate()
