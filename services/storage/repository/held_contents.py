"""Content that buckets hold although no file names it, for a while."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from libs.chassis.database import Connection
from services.storage.repository import files


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


async def upsert_by_digest(
    tx: Connection, bucket_id: UUID, digests: Collection[str], *, for_s: float
) -> tuple[dict[str, int], datetime]:
    """Hold those of ``digests`` that the bucket ever held, locked so that no collector takes them.

    Returns the size of each, and until when all of them are held.
    """
    rows = await tx.fetch(
        """
        WITH held AS (
            INSERT INTO held_content AS h (bucket_id, blob_id, held_until)
            SELECT $1, blob_id, clock_timestamp() + make_interval(secs => $3)
            FROM (
                SELECT blob_id
                FROM blob
                JOIN bucket_blob USING (blob_id)
                WHERE sha256 = ANY ($2::bytea[])
                    AND bucket_id = $1
                ORDER BY blob_id
                FOR KEY SHARE OF blob
            ) AS wanted
            ON CONFLICT (bucket_id, blob_id) DO UPDATE
            SET held_until = greatest(h.held_until, excluded.held_until)
            RETURNING blob_id, held_until
        )
        SELECT encode(sha256, 'hex') AS sha256, size, held_until
        FROM held
        JOIN blob USING (blob_id)
        """,
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in digests],
        for_s,
    )
    until = [row["held_until"] for row in rows] or [await files.database_time(tx)]
    return {row["sha256"]: row["size"] for row in rows}, min(until)


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
