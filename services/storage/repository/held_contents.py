"""Content that buckets hold although no file names it, for a while."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from libs.chassis.database import Connection


async def upsert(
    tx: Connection, bucket_id: UUID, blob_ids: Collection[UUID], *, for_s: float
) -> datetime:
    """Hold blobs from now on for ``for_s`` at least; return until when all of them are held.

    The caller has locked the blobs, or its transaction finds those gone that a collector took.
    """
    until: datetime = await tx.fetchval(
        """
        WITH held AS (
            INSERT INTO held_content AS h (bucket_id, blob_id, held_until)
            SELECT $1, blob_id, clock_timestamp() + make_interval(secs => $3)
            FROM unnest($2::uuid[]) AS wanted (blob_id)
            ORDER BY blob_id
            ON CONFLICT (bucket_id, blob_id) DO UPDATE
            SET held_until = greatest(h.held_until, excluded.held_until)
            RETURNING held_until
        )
        SELECT coalesce(min(held_until), now() + make_interval(secs => $3))
        FROM held
        """,
        bucket_id,
        sorted(blob_ids),
        for_s,
    )
    return until


async def delete_ended(tx: Connection, limit: int) -> int:
    """End up to ``limit`` holds whose time is over; return how many. Each leaves a note."""
    status = await tx.execute(
        """
        DELETE FROM held_content
        WHERE (bucket_id, blob_id) IN (
            SELECT bucket_id, blob_id
            FROM held_content
            WHERE held_until <= now()
            ORDER BY held_until
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        )
            AND held_until <= now()
        """,
        limit,
    )
    return int(status.rpartition(" ")[2])
