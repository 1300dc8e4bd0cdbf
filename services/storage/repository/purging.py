"""What is left of deleted buckets, objects to delete, and what no row names."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.chassis.database import Connection
from services.storage.domain.slices import Mark

_OF_BUCKETS = ("file", "past_state", "file_lock", "pending_file", "held_content", "bucket_blob")


async def delete_some_rows(tx: Connection, bucket_id: UUID, limit: int) -> int:
    """Remove up to ``limit`` rows of each kind that a deleted bucket has left; return how many."""
    removed = 0
    for table in _OF_BUCKETS:
        status = await tx.execute(
            f"""
            DELETE FROM {table}
            WHERE ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE bucket_id = $1 LIMIT $2))
            """,  # noqa: S608 - names of our own tables
            bucket_id,
            limit,
        )
        removed += _affected(status)
    return removed


async def delete_bucket_row(tx: Connection, bucket_id: UUID) -> None:
    """Remove the last row of a deleted bucket."""
    await tx.execute("DELETE FROM bucket WHERE bucket_id = $1", bucket_id)


async def list_doomed_for_update(tx: Connection, limit: int) -> list[str]:
    """Return keys of objects to delete that no other sweeper has in hand."""
    rows = await tx.fetch(
        """
        SELECT key
        FROM doomed_object
        WHERE not_before <= now()
        ORDER BY not_before
        LIMIT $1
        FOR UPDATE SKIP LOCKED
        """,
        limit,
    )
    return [row["key"] for row in rows]


async def delete_doomed(tx: Connection, keys: Sequence[str]) -> None:
    """Forget objects that are deleted."""
    await tx.execute("DELETE FROM doomed_object WHERE key = ANY ($1::text[])", keys)


async def doom_unnamed(tx: Connection, keys: Sequence[str]) -> int:
    """Doom those of ``keys`` that no blob and no upload names; return how many.

    None of them can get a name later: an upload is recorded before its object is written.
    """
    status = await tx.execute(
        """
        INSERT INTO doomed_object (key)
        SELECT key
        FROM unnest($1::text[]) AS found (key)
        WHERE NOT EXISTS (SELECT FROM blob WHERE blob.key = found.key)
            AND NOT EXISTS (
                SELECT FROM upload
                WHERE upload.key = found.key
            )
            AND NOT EXISTS (
                SELECT FROM promised_object
                WHERE promised_object.key = found.key
            )
        ON CONFLICT DO NOTHING
        """,
        keys,
    )
    return _affected(status)


async def get_mark(conn: Connection, sweep: str) -> Mark:
    """Return how far ``sweep`` has come; the first time it begins now."""
    row = await conn.fetchrow(
        """
        INSERT INTO sweep_mark AS m (sweep)
        VALUES ($1)
        ON CONFLICT (sweep) DO UPDATE
        SET swept_till = m.swept_till
        RETURNING first_at, swept_till
        """,
        sweep,
    )
    return Mark(**dict(row or {}))


async def update_mark(conn: Connection, sweep: str, swept_till: datetime) -> None:
    """Note how far ``sweep`` has come; never back."""
    await conn.execute(
        """
        UPDATE sweep_mark
        SET swept_till = greatest(swept_till, $2)
        WHERE sweep = $1
        """,
        sweep,
        swept_till,
    )


def _affected(status: str) -> int:
    """Return the number in a status like ``DELETE 5``."""
    return int(status.rpartition(" ")[2])
