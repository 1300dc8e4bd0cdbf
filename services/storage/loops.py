"""The sweepers. Two at once, in two replicas, do no harm: they take different rows.

Whatever is to go from the store is a row of ``doomed_object`` first, and the object goes before its
row: a crash in between leaves a row whose object is deleted once more, which is harmless. The other
way round it would leave an object that nobody remembers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TypeVar

from prometheus_client import Counter

from libs.blobs import Backends, BlobStore
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from services.storage.domain.slices import Span, to_sweep
from services.storage.repository import (
    change_sets,
    deleted_buckets,
    direct_uploads,
    held_contents,
    locks,
    promises,
    purging,
    session_parts,
    sessions,
    trash,
    uploads,
)
from services.storage.requests.blobs import EXPORTS
from services.storage.settings import Settings
from services.storage.store_failures import store_failures

SWEPT = Counter("strongroom_storage_swept_total", "What sweepers removed.", ["what"])

ROWS_AT_ONCE = 500
OBJECTS_AT_ONCE = 16
ORPHANS = "orphans"

T = TypeVar("T")


async def sweep_uploads(db: Database) -> None:
    """Forget uploads that expired; their objects are doomed with them."""
    async with db.connection() as conn:
        await uploads.expire_of_deleted_buckets(conn)
    await _sweep(db, "uploads", uploads.delete_expired)


async def sweep_sessions(db: Database) -> None:
    """Forget uploads in parts that are over; the promises of their parts end with them."""
    await _sweep(db, "sessions", _end_sessions)


async def sweep_promises(db: Database) -> None:
    """Doom the objects that were promised and not committed in time."""
    await _sweep(db, "promises", promises.doom_expired)


async def sweep_drafts(db: Database) -> None:
    """Doom what clients put into the store themselves, when nobody can put any more there."""
    await _sweep(db, "drafts", direct_uploads.doom_ended)


async def sweep_doomed_objects(db: Database, backends: Backends) -> None:
    """Delete what no row names any more, from every store: a put that failed may have done it."""
    while True:
        async with db.transaction() as tx:
            keys = await purging.list_doomed_for_update(tx, OBJECTS_AT_ONCE)
            if not keys:
                return
            with store_failures():
                await asyncio.gather(
                    *(backends.store(name).delete(key) for name in backends.names for key in keys)
                )
            crashpoint("after_object_delete")
            await purging.delete_doomed(tx, keys)
        SWEPT.labels("objects").inc(len(keys))


async def sweep_orphans(db: Database, backends: Backends, settings: Settings) -> None:
    """Doom objects that nothing names: of uploads whose row a power loss took, or that ended late.

    Such objects are new, so only the slices since the last sweep (and two days before it, for
    writers that took longer than their lease) are listed; old ones are the business of ``fsck``.
    """
    async with db.connection() as conn:
        mark = await purging.get_mark(conn, ORPHANS)
    span = to_sweep(mark, settings.begun_before_are_orphans(datetime.now(UTC)))
    for name, slice_ in product(backends.names, span.slices()):
        with store_failures():
            async for keys in _batches(_keys(backends.store(name), slice_, span)):
                async with db.connection() as conn:
                    SWEPT.labels("orphans").inc(await purging.doom_unnamed(conn, keys))
    async with db.connection() as conn:
        await purging.update_mark(conn, ORPHANS, span.till)


async def sweep_exports(store: BlobStore, settings: Settings) -> None:
    """Delete exports that nobody will ask for any more."""
    before = datetime.now(UTC) - timedelta(seconds=settings.export_kept_s)
    with store_failures():
        async for export in store.list(EXPORTS):
            if export.modified_at < before:
                await store.delete(export.key)
                SWEPT.labels("exports").inc()


async def sweep_trash(db: Database) -> None:
    """End what was in the trash for its time."""
    await _sweep(db, "trash", trash.end_expired)


async def sweep_held_contents(db: Database) -> None:
    """End holds whose time is over; what history names by now, it is asked for."""
    await _sweep(db, "held_contents", held_contents.delete_ended)


async def sweep_locks(db: Database) -> None:
    """Forget locks that have ended: they keep nothing any more but the blobs that they name."""
    await _sweep(db, "locks", locks.delete_ended)


async def sweep_change_sets(db: Database) -> None:
    """Forget what was collected and never applied."""
    await _sweep(db, "change_set_parts", change_sets.delete_old)


async def purge_deleted_buckets(db: Database, settings: Settings) -> None:
    """Remove the rows of buckets whose grace is over, a batch in each transaction."""
    while True:
        async with db.transaction() as tx:
            bucket_id = await deleted_buckets.find_to_purge_for_update(
                tx, grace_s=settings.bucket_grace_s
            )
            if bucket_id is None:
                return
            rows = await purging.delete_some_rows(tx, bucket_id, ROWS_AT_ONCE)
            if rows == 0:
                await purging.delete_bucket_row(tx, bucket_id)
        SWEPT.labels("rows").inc(max(rows, 1))


async def _sweep(
    db: Database, what: str, sweep_some: Callable[[Connection, int], Awaitable[int]]
) -> None:
    """Sweep a batch in each transaction, until ``sweep_some`` tells that one was not full."""
    swept = ROWS_AT_ONCE
    while swept == ROWS_AT_ONCE:
        async with db.transaction() as tx:
            swept = await sweep_some(tx, ROWS_AT_ONCE)
        SWEPT.labels(what).inc(swept)


async def _end_sessions(tx: Connection, limit: int) -> int:
    over = await sessions.list_expired_for_update(tx, limit)
    await session_parts.give_up(tx, over)
    await sessions.delete(tx, over)
    return len(over)


async def _keys(store: BlobStore, slice_: str, span: Span) -> AsyncIterator[str]:
    async for found in store.list(slice_):
        if span.holds(found.key):
            yield found.key


async def _batches(things: AsyncIterator[T]) -> AsyncIterator[list[T]]:
    batch: list[T] = []
    async for thing in things:
        batch.append(thing)
        if len(batch) == ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
